//! Whose turn it is in a conversation. A turn holds the floor by a lease with a fencing number, renewed while it works;
//! whoever drops its [`Floor`] (an error, a client that went away while waiting) gives the lease or the ticket back.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::Script;
use tokio::task::AbortHandle;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

use super::Recent;
use super::keys::TurnKeys;
use super::redis::Link;

/// How long the floor is held without a sign of life.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a sign of life is given.
const RENEW: Duration = Duration::from_secs(5);

static RENEWAL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("settle.lua")));

/// A place in the queue of a conversation, then its floor.
pub struct Floor {
    link: Link,
    keys: TurnKeys,
    ticket: String,
    fence: i64,
    renewal: Option<AbortHandle>,
    settled: bool,
}

impl Floor {
    /// A place in the queue that `keys` name.
    pub(super) fn wait(link: Link, keys: TurnKeys) -> Self {
        let ticket = Uuid::now_v7().to_string();
        Self {
            link,
            keys,
            ticket,
            fence: 0,
            renewal: None,
            settled: false,
        }
    }

    pub(super) fn ticket(&self) -> &str {
        &self.ticket
    }

    /// The floor is ours under the fencing number `fence`, and is kept until it is settled or dropped.
    pub(super) fn take(&mut self, fence: i64) {
        self.fence = fence;
        let (link, lease) = (self.link.clone(), self.keys.lease.clone());
        let renewal = tokio::spawn(async move {
            let mut beat = interval(RENEW);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat.tick().await;
            loop {
                beat.tick().await;
                let mut script = RENEWAL.prepare_invoke();
                script.key(&lease).arg(fence).arg(LEASE.as_millis() as u64);
                let ours: Option<u8> = link
                    .ask(async |mut connection| script.invoke_async(&mut connection).await)
                    .await;
                if ours == Some(0) {
                    tracing::warn!("lost the floor of a conversation; PostgreSQL orders its messages");
                    return;
                }
            }
        });
        self.renewal = Some(renewal.abort_handle());
    }

    /// Adds the turn's messages and gives the floor back.
    pub(super) async fn settle(mut self, messages: &[Recent], before: Option<&[Recent]>, kept: u32, life: Duration) {
        self.settled = true;
        let (link, keys) = (self.link.clone(), self.keys.clone());
        give_back(&link, &keys, self.fence, &self.ticket, messages, before, kept, life).await;
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        if self.settled {
            return;
        }
        let (link, keys, fence) = (self.link.clone(), self.keys.clone(), self.fence);
        let ticket = std::mem::take(&mut self.ticket);
        tokio::spawn(async move { give_back(&link, &keys, fence, &ticket, &[], None, 0, LEASE).await });
    }
}

#[expect(clippy::too_many_arguments, reason = "they are the script's arguments, in its order")]
async fn give_back(
    link: &Link,
    keys: &TurnKeys,
    fence: i64,
    ticket: &str,
    messages: &[Recent],
    before: Option<&[Recent]>,
    kept: u32,
    life: Duration,
) {
    let mut script = SETTLE.prepare_invoke();
    for key in [&keys.lease, &keys.tickets, &keys.messages] {
        script.key(key);
    }
    let sequence = messages.first().map_or(0, |message| message.seq);
    script.arg(fence).arg(ticket).arg(kept).arg(life.as_millis() as u64);
    script.arg(sequence).arg(u8::from(before.is_some())).arg(messages.len());
    for message in messages.iter().chain(before.unwrap_or_default()) {
        script.arg(serde_json::json!(message).to_string());
    }
    let _: Option<u8> = link
        .ask(async |mut connection| script.invoke_async(&mut connection).await)
        .await;
}
