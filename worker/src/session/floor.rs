//! What a turn holds while it runs: its conversation's floor (by a lease with a fencing number), its idempotency key, and
//! a sign of life for those who follow it. All of it is renewed while the turn works; whoever drops its [`Floor`] (an
//! error, a client that went away while waiting) gives everything back. Where Redis did not answer it may have given the
//! lease all the same, so giving back is tried for as long as a lease lasts.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::{Script, ScriptInvocation};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::Recent;
use super::keys::TurnKeys;
use super::redis::Link;
use super::replay::{Entry, LIFE};

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
    turn: Uuid,
    fence: i64,
    renewal: Option<AbortHandle>,
    settled: bool,
}

/// What a turn leaves in Redis when it ends.
#[derive(Default)]
pub struct Ending<'a> {
    /// Its messages, which join the conversation's recent ones; none if they do not belong there.
    pub messages: &'a [Recent],
    /// What came before them, if all of it is known: a buffer that Redis lost is laid anew from it.
    pub before: Option<&'a [Recent]>,
    /// Its last event, if a client may come back for it.
    pub last: Option<Entry>,
    /// The user was erased meanwhile: nothing of the turn is kept.
    pub erased: bool,
}

impl Floor {
    /// A place in the queue that `keys` name.
    pub(super) fn wait(link: Link, keys: TurnKeys, turn: Uuid) -> Self {
        Self {
            link,
            keys,
            turn,
            fence: 0,
            renewal: None,
            settled: false,
        }
    }

    /// The floor is ours, with this fencing number, and is kept until it is settled or dropped.
    pub(super) fn take(&mut self, fence: i64) {
        self.fence = fence;
        let (link, keys) = (self.link.clone(), self.keys.clone());
        let renewal = tokio::spawn(async move {
            let mut beat = interval(RENEW);
            beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
            beat.tick().await;
            loop {
                beat.tick().await;
                let mut script = RENEWAL.prepare_invoke();
                script.key(&keys.told.alive).key(&keys.lease).key(&keys.running);
                script.arg(LEASE.as_millis() as u64);
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

    /// Forgets the conversation's recent messages. False if Redis did not answer: they may still be there.
    pub async fn clear(&self) -> bool {
        let mut delete = ::redis::cmd("DEL");
        delete.arg(&self.keys.messages);
        let answer: Option<u32> = self
            .link
            .ask(async |mut connection| delete.query_async(&mut connection).await)
            .await;
        answer.is_some()
    }

    /// Leaves `ending` and gives the floor back.
    pub(super) async fn settle(mut self, ending: Ending<'_>, kept: u32, life: Duration) {
        self.settled = true;
        let mut script = SETTLE.prepare_invoke();
        script.arg(self.turn.to_string()).arg(kept).arg(life.as_millis() as u64);
        let Ending {
            messages,
            before,
            last,
            erased,
        } = ending;
        let sequence = messages.first().map_or(0, |message| message.seq);
        script.arg(sequence).arg(u8::from(before.is_some())).arg(messages.len());
        last_event(&mut script, last.as_ref());
        script.arg(u8::from(erased)).arg(self.fence);
        for message in messages.iter().chain(before.unwrap_or_default()) {
            script.arg(serde_json::json!(message).to_string());
        }
        if !answered(&self.link, &self.keys, script).await {
            // The buffer lacks this turn now: better none than one with a gap.
            let forget = !messages.is_empty();
            tokio::spawn(give_back(self.link.clone(), self.keys.clone(), self.turn, last, forget));
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        if !self.settled {
            tokio::spawn(give_back(self.link.clone(), self.keys.clone(), self.turn, None, false));
        }
    }
}

/// Gives everything back and leaves the messages alone, or forgets them; tries until Redis answers, or has let go by itself.
async fn give_back(link: Link, keys: TurnKeys, turn: Uuid, last: Option<Entry>, forget: bool) {
    let began = Instant::now();
    while began.elapsed() < LEASE {
        let mut script = SETTLE.prepare_invoke();
        script.arg(turn.to_string()).arg(if forget { -1 } else { 0 });
        script.arg(0).arg(0).arg(0).arg(0);
        last_event(&mut script, last.as_ref());
        script.arg(0).arg(0);
        if answered(&link, &keys, script).await {
            return;
        }
        sleep(TRY_AGAIN).await;
    }
}

fn last_event(script: &mut ScriptInvocation<'_>, last: Option<&Entry>) {
    let (id, event) = last.map_or((String::new(), ""), |entry| {
        (entry.id.to_string(), entry.event.as_str())
    });
    script.arg(id).arg(event).arg(LIFE.as_millis() as u64);
}

async fn answered(link: &Link, keys: &TurnKeys, mut script: ScriptInvocation<'_>) -> bool {
    let TurnKeys {
        lease,
        tickets,
        messages,
        buffers,
        running,
        told,
        fence,
        ..
    } = keys;
    for key in [
        lease,
        tickets,
        messages,
        running,
        &told.alive,
        &told.events,
        buffers,
        fence,
    ] {
        script.key(key);
    }
    let answer: Option<u8> = link
        .ask(async |mut connection| script.invoke_async(&mut connection).await)
        .await;
    answer.is_some()
}
