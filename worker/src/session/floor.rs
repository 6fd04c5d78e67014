//! What a turn holds while it runs: its conversation's floor (by a lease with a fencing number), its idempotency key, and
//! a sign of life for those who follow it. All of it is renewed while the turn works; whoever drops its [`Floor`] (an
//! error, a client that went away while waiting) gives everything back. Where Redis did not answer it may have given the
//! lease all the same, so giving back is tried for as long as a lease lasts.

use std::sync::LazyLock;
use std::time::Duration;

use ::redis::Script;
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use uuid::Uuid;

use super::Recent;
use super::keys::TurnKeys;
use super::replay::{Entry, LIFE};
use crate::link::Link;
use crate::safety::course::Lock;

/// How long the floor is held without a sign of life.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often a sign of life is given.
const RENEW: Duration = Duration::from_secs(5);
/// Pause between two tries to give the floor back.
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// In place of a number of kept messages: the buffer stays as it is.
const LEFT_ALONE: i64 = 0;
/// In place of a number of kept messages: the buffer goes.
const FORGOTTEN: i64 = -1;
/// In place of a fencing number: none is compared.
const NO_FENCE: i64 = 0;

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

/// What becomes of the adult route that a conversation is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// It stays as it is.
    #[default]
    AsBefore,
    /// It is this one, or none.
    Now(Option<Lock>),
}

impl Way {
    /// As the script takes it.
    fn argument(self) -> String {
        match self {
            Self::AsBefore => "=".to_owned(),
            Self::Now(None) => String::new(),
            Self::Now(Some(lock)) => serde_json::json!(lock).to_string(),
        }
    }
}

/// What a turn leaves in Redis when it ends.
#[derive(Default)]
pub struct Ending<'a> {
    /// Its messages, which join the conversation's recent ones; none if they do not belong there.
    pub messages: &'a [Recent],
    /// What came before them, if all of it is known: a buffer that Redis lost is laid anew from it.
    pub before: Option<&'a [Recent]>,
    /// The adult route that the conversation is on from now on.
    pub lock: Way,
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
            fence: NO_FENCE,
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
        let (kept, fence) = (kept.into(), self.fence);
        if end(&self.link, &self.keys, self.turn, fence, &ending, kept, life).await {
            return;
        }
        // The buffer lacks this turn now: better none than one with a gap.
        let kept = if ending.messages.is_empty() {
            LEFT_ALONE
        } else {
            FORGOTTEN
        };
        let rest = Ending {
            last: ending.last,
            lock: ending.lock,
            erased: ending.erased,
            ..Ending::default()
        };
        self.give_back(rest, kept);
    }

    fn give_back(&self, ending: Ending<'static>, kept: i64) {
        let (link, keys, turn) = (self.link.clone(), self.keys.clone(), self.turn);
        tokio::spawn(give_back(link, keys, turn, ending, kept));
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
        if !self.settled {
            self.give_back(Ending::default(), LEFT_ALONE);
        }
    }
}

/// Gives everything back; tries until Redis answers, or has let go by itself.
async fn give_back(link: Link, keys: TurnKeys, turn: Uuid, ending: Ending<'static>, kept: i64) {
    let began = Instant::now();
    while began.elapsed() < LEASE {
        if end(&link, &keys, turn, NO_FENCE, &ending, kept, Duration::ZERO).await {
            return;
        }
        sleep(TRY_AGAIN).await;
    }
}

/// Ends `turn` in Redis, with `kept` messages of the buffer for `life`. False if Redis did not answer.
async fn end(
    link: &Link,
    keys: &TurnKeys,
    turn: Uuid,
    fence: i64,
    ending: &Ending<'_>,
    kept: i64,
    life: Duration,
) -> bool {
    let Ending {
        messages,
        before,
        lock,
        last,
        erased,
    } = ending;
    let (id, event) = last.as_ref().map_or((String::new(), ""), |entry| {
        (entry.id.to_string(), entry.event.as_str())
    });
    let mut script = SETTLE.prepare_invoke();
    for key in [
        &keys.lease,
        &keys.tickets,
        &keys.messages,
        &keys.running,
        &keys.told.alive,
        &keys.told.events,
        &keys.buffers,
        &keys.fence,
        &keys.lock,
    ] {
        script.key(key);
    }
    script
        .arg(turn.to_string())
        .arg(kept)
        .arg(life.as_millis() as u64)
        .arg(messages.first().map_or(0, |message| message.seq))
        .arg(u8::from(before.is_some()))
        .arg(messages.len())
        .arg(id)
        .arg(event)
        .arg(LIFE.as_millis() as u64)
        .arg(u8::from(*erased))
        .arg(fence)
        .arg(lock.argument());
    for message in messages.iter().chain(before.unwrap_or_default()) {
        script.arg(serde_json::json!(message).to_string());
    }
    let answer: Option<u8> = link
        .ask(async |mut connection| script.invoke_async(&mut connection).await)
        .await;
    answer.is_some()
}
