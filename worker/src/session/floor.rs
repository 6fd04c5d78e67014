//! Whose turn it is in a conversation. A turn holds the floor by a lease with a fencing number, renewed while it works;
//! whoever drops its [`Floor`] (an error, a client that went away while waiting) gives the lease or the ticket back. Where
//! Redis did not answer it may have given the lease all the same, so giving back is tried for as long as a lease lasts.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{Script, ScriptInvocation};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::Recent;
use super::keys::TurnKeys;
use super::redis::Link;

/// How long the floor is held without a sign of life.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a sign of life is given.
const RENEW: Duration = Duration::from_secs(5);
/// Pause between two tries to give the floor back.
const TRY_AGAIN: Duration = Duration::from_millis(250);

static RENEWAL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static SETTLE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("settle.lua")));

/// A place in the queue of a conversation, then its floor.
pub struct Floor {
    link: Link,
    keys: TurnKeys,
    ticket: String,
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
            renewal: None,
            settled: false,
        }
    }

    pub(super) fn ticket(&self) -> &str {
        &self.ticket
    }

    /// The floor is ours, and is kept until it is settled or dropped.
    pub(super) fn take(&mut self) {
        let (link, lease, ticket) = (self.link.clone(), self.keys.lease.clone(), self.ticket.clone());
        let renewal = tokio::spawn(async move {
            let mut beat = interval(RENEW);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat.tick().await;
            loop {
                beat.tick().await;
                let mut script = RENEWAL.prepare_invoke();
                script.key(&lease).arg(&ticket).arg(LEASE.as_millis() as u64);
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
        let mut script = SETTLE.prepare_invoke();
        script.arg(&self.ticket).arg(kept).arg(life.as_millis() as u64);
        let sequence = messages.first().map_or(0, |message| message.seq);
        script.arg(sequence).arg(u8::from(before.is_some())).arg(messages.len());
        for message in messages.iter().chain(before.unwrap_or_default()) {
            script.arg(serde_json::json!(message).to_string());
        }
        if !answered(&self.link, &self.keys, script).await {
            tokio::spawn(give_back(self.link.clone(), self.keys.clone(), self.ticket.clone()));
        }
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
        let ticket = std::mem::take(&mut self.ticket);
        tokio::spawn(give_back(self.link.clone(), self.keys.clone(), ticket));
    }
}

/// Gives the lease and the ticket back and leaves the messages alone; tries until Redis answers, or has let go by itself.
async fn give_back(link: Link, keys: TurnKeys, ticket: String) {
    let began = Instant::now();
    while began.elapsed() < LEASE {
        let mut script = SETTLE.prepare_invoke();
        script.arg(&ticket).arg(0).arg(0).arg(0).arg(0).arg(0);
        if answered(&link, &keys, script).await {
            return;
        }
        sleep(TRY_AGAIN).await;
    }
}

async fn answered(link: &Link, keys: &TurnKeys, mut script: ScriptInvocation<'_>) -> bool {
    for key in [&keys.lease, &keys.tickets, &keys.messages] {
        script.key(key);
    }
    let answer: Option<u8> = link
        .ask(async |mut connection| script.invoke_async(&mut connection).await)
        .await;
    answer.is_some()
}
