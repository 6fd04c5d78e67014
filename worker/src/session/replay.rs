//! What a turn tells its client, kept in a Redis Stream for five minutes, so that a client whose connection broke gets the
//! rest from any worker. In: events with their ids, as they are told; out: those after the last one that the client saw.
//!
//! An id says how much of the reply stands before what follows it, so the rest can also be cut from the stored reply
//! once the stream is gone. Where Redis fails in between, the numbers show the hole.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ::redis::pipe;

use super::keys::ToldKeys;
use crate::link::Link;

/// How long the events of a turn are kept after the last of them.
pub(super) const LIFE: Duration = Duration::from_secs(300);
/// Kept turns of one user; an older one is answered from PostgreSQL.
pub(super) const KEPT_TURNS: u32 = 8;
/// Most events that are read at once.
const PAGE: usize = 500;

/// Place of an event in its turn: `offset-number`. Both grow, so it is the event's id in the Redis Stream too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventId {
    /// Bytes of the reply that were told up to and with the event.
    pub offset: u64,
    /// The event's number in the turn, from 1; 0 is the place before the first.
    pub number: u64,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.offset, self.number)
    }
}

impl FromStr for EventId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (offset, number) = text.split_once('-').ok_or(())?;
        let digits = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse().ok()).flatten().ok_or(())
        };
        Ok(Self {
            offset: digits(offset)?,
            number: digits(number)?,
        })
    }
}

/// An event as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub id: EventId,
    /// The event as JSON.
    pub event: String,
}

/// Keeps what one turn tells. Once an event could not be kept none after it is: who comes back waits for the stored reply.
pub struct Recorder {
    link: Link,
    keys: ToldKeys,
    broken: bool,
}

impl Recorder {
    pub(super) fn new(link: Link, keys: ToldKeys) -> Self {
        Self {
            link,
            keys,
            broken: false,
        }
    }

    /// Keeps `entry`, in one round trip.
    pub async fn keep(&mut self, entry: &Entry) {
        if self.broken {
            return;
        }
        let mut pipe = pipe();
        pipe.cmd("XADD")
            .arg(&self.keys.events)
            .arg(entry.id.to_string())
            .arg("e")
            .arg(&entry.event)
            .ignore();
        pipe.pexpire(&self.keys.events, LIFE.as_millis() as i64).ignore();
        let kept: Option<()> = if self.link.is_crowded() {
            None
        } else {
            let ask = async |mut connection| pipe.query_async(&mut connection).await;
            self.link.ask(ask).await
        };
        self.broken = kept.is_none();
    }
}

impl Recorder {
    /// Lets go of everything that was kept.
    pub async fn take_back(&mut self) {
        let mut delete = ::redis::cmd("DEL");
        delete.arg(&self.keys.events);
        let ask = async |mut connection| delete.query_async(&mut connection).await;
        let gone: Option<u32> = self.link.ask(ask).await;
        self.broken |= gone.is_none();
    }
}

/// What is kept of a turn.
#[derive(Debug)]
pub struct Kept {
    /// A worker still works on it.
    pub alive: bool,
    /// The events after the one that was asked for, in order.
    pub entries: Vec<Entry>,
}

/// Reads what was told after `after`; nothing if Redis does not answer.
pub(super) async fn read(link: &Link, keys: &ToldKeys, after: EventId) -> Option<Kept> {
    let mut pipe = pipe();
    // In one transaction: the last event is written together with the end of the sign of life.
    pipe.atomic().exists(&keys.alive).cmd("XRANGE");
    pipe.arg(&keys.events)
        .arg(format!("({after}"))
        .arg("+")
        .arg("COUNT")
        .arg(PAGE);
    type Answer = (bool, Vec<(String, (String, String))>);
    let (alive, entries): Answer = link
        .ask(async |mut connection| pipe.query_async(&mut connection).await)
        .await?;
    let entries = entries
        .into_iter()
        .map_while(|(id, (_, event))| {
            Some(Entry {
                id: id.parse().ok()?,
                event,
            })
        })
        .collect();
    Some(Kept { alive, entries })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_and_nonsense_is_none() {
        let id = EventId { offset: 120, number: 7 };
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in ["", "1", "-", "1-", "a-1", "+1-2", "1-2-3", "99999999999999999999-1"] {
            assert_eq!(text.parse::<EventId>(), Err(()), "{text}");
        }
    }
}
