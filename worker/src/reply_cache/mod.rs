//! Replies without personal context, made once for everybody who asks the same. In: what a provider would be asked; out:
//! the reply of an earlier request, or the lead: whoever has it asks, and those who come meanwhile wait for what it brings.
//! Only exact matches count. An entry that is not what was written is no entry; without Redis every request asks.

mod flight;

use std::sync::LazyLock;
use std::time::Duration;

use companion_crds::config::WorkerConfig;
use companion_crds::llm::Route;
use prometheus::IntCounterVec;
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands as _, Script};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::identity::UserId;
use crate::link::Link;
use crate::llm::{Prompt, Sampling};
use crate::telemetry::Metrics;

use flight::{Flights, Seat};

/// Another form of entries, or another meaning of what was asked, is another version.
const VERSION: u8 = 1;
/// Bytes of the digest before an entry's JSON.
const DIGEST: usize = 32;

/// Names and set are read and gone in one step: what is added meanwhile is of a later life.
static ERASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("local names = redis.call('SMEMBERS', KEYS[1]) redis.call('DEL', KEYS[1]) return names")
});

/// The replies that were made already.
pub struct ReplyCache {
    shelf: Shelf,
    flights: Flights,
    looks: IntCounterVec,
}

/// Where entries stand.
#[derive(Clone)]
struct Shelf {
    link: Link,
    tenant: String,
    life: Duration,
    most_bytes: usize,
}

/// What was asked, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; DIGEST]);

/// A whole reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownReply {
    /// Its text.
    pub text: String,
    /// Why it ended.
    pub finish: String,
    /// Who made it.
    pub provider: String,
    /// With which model.
    pub model: String,
    /// That was the stand-in.
    pub simulated: bool,
}

/// What a look for a reply comes to.
pub enum Begun {
    /// It is there.
    Found(Box<KnownReply>),
    /// It is to be asked for.
    Lead(Lead),
}

/// The task of asking, for all who wait. Dropped without a reply, one of them gets it.
pub struct Lead {
    user: UserId,
    key: Key,
    shelf: Shelf,
    seat: flight::Lead,
}

impl Key {
    /// The key of what `route` would be asked.
    pub fn new(route: &Route, prompt: &Prompt, sampling: &Sampling) -> Self {
        let mut hash = Sha256::new_with_prefix([VERSION]);
        let mut part = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(route.provider.as_bytes());
        part(route.model.as_bytes());
        let route_temperature = route.temperature.as_ref().and_then(|decimal| decimal.value().ok());
        let temperature = sampling.temperature.or(route_temperature);
        part(format!("{temperature:?} {:?} {:?}", sampling.max_tokens, route.max_tokens).as_bytes());
        for message in &prompt.messages {
            part(message.role.as_str().as_bytes());
            part(message.content.as_bytes());
        }
        Self(hash.finalize().into())
    }
}

impl ReplyCache {
    /// Replies kept behind `link`, as `config` says.
    pub fn new(link: Link, config: &WorkerConfig, metrics: &Metrics) -> Self {
        Self {
            shelf: Shelf {
                link,
                tenant: config.tenant.clone(),
                life: config.cache.ttl.duration(),
                most_bytes: config.cache.max_entry_bytes as usize,
            },
            flights: Flights::default(),
            looks: metrics.reply_cache.clone(),
        }
    }

    /// Whether replies are kept at all.
    pub fn keeps(&self) -> bool {
        !self.shelf.life.is_zero()
    }

    /// Looks for the reply to `key`, which `user` asks for: among those that are kept, then among those that are being made
    /// by this worker.
    pub async fn begin(&self, user: UserId, key: Key) -> Begun {
        loop {
            let seat = match self.flights.join(key) {
                Seat::Lead(seat) => seat,
                Seat::Wait(waiting) => match waiting.landed().await {
                    Some(reply) => {
                        self.count("shared");
                        return Begun::Found(Box::new(reply));
                    }
                    // Whoever had the lead is gone without a reply.
                    None => continue,
                },
            };
            return match self.shelf.take(key).await {
                Ok(Some(reply)) => {
                    self.count("hit");
                    seat.land(reply.clone());
                    Begun::Found(Box::new(reply))
                }
                looked => {
                    self.count(if looked.is_ok() { "miss" } else { "spoilt" });
                    let shelf = self.shelf.clone();
                    Begun::Lead(Lead { user, key, shelf, seat })
                }
            };
        }
    }

    /// Lets go of all replies that `user` was the first to ask for, since they hold what was asked: how many, or nothing if
    /// Redis does not answer.
    pub async fn erase(&self, user: UserId) -> Option<u32> {
        let mut script = ERASE.prepare_invoke();
        script.key(self.shelf.asked_by(user));
        let link = &self.shelf.link;
        let names: Vec<String> = link
            .ask(async |mut connection| script.invoke_async(&mut connection).await)
            .await?;
        let mut gone = 0;
        for name in names {
            // One by one: each may be in another slot of a cluster.
            gone += link
                .ask::<u32, _>(|mut connection| async move { connection.del(name).await })
                .await?;
        }
        Some(gone)
    }

    fn count(&self, outcome: &str) {
        self.looks.with_label_values(&[outcome]).inc();
    }
}

impl Lead {
    /// Keeps `reply` and gives it to all who wait. Its own client has its text by then, and waits for this with the end, so
    /// that an erasure that it asks for next finds what was kept.
    pub async fn land(self, reply: KnownReply) {
        // Kept first: whoever comes after the flight has landed must find it.
        self.shelf.put(self.user, self.key, &reply).await;
        self.seat.land(reply);
    }
}

/// What stands in Redis is not an entry of ours.
struct Spoilt;

impl Shelf {
    fn name(&self, key: Key) -> String {
        let hex: String = key.0.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("c:{}:reply:{hex}", self.tenant)
    }

    async fn take(&self, key: Key) -> Result<Option<KnownReply>, Spoilt> {
        let name = self.name(key);
        let read = |mut connection: MultiplexedConnection| async move { connection.get(name).await };
        let Some(Some(bytes)) = self.link.ask::<Option<Vec<u8>>, _>(read).await else {
            return Ok(None);
        };
        open(key, &bytes).map(Some).ok_or(Spoilt)
    }

    /// The set of the names that stand there because of `user`.
    fn asked_by(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:asked", self.tenant)
    }

    async fn put(&self, user: UserId, key: Key, reply: &KnownReply) {
        let Some(bytes) = seal(key, reply).filter(|bytes| bytes.len() <= self.most_bytes) else {
            return;
        };
        if reply.finish != "stop" || reply.text.is_empty() || self.link.is_crowded() {
            return;
        }
        let (name, set) = (self.name(key), self.asked_by(user));
        let life = i64::try_from(self.life.as_millis()).unwrap_or(i64::MAX);
        // First where an erasure finds it, then the entry.
        let note = redis::pipe()
            .sadd(&set, &name)
            .ignore()
            .pexpire(&set, life)
            .ignore()
            .to_owned();
        let noted = self
            .link
            .ask::<(), _>(|mut connection| async move { note.query_async(&mut connection).await });
        if noted.await.is_none() {
            return;
        }
        let write = |mut connection: MultiplexedConnection| async move {
            connection.pset_ex::<_, _, ()>(name, bytes, life.unsigned_abs()).await
        };
        self.link.ask(write).await;
    }
}

/// An entry: a digest over key and JSON, then the JSON.
fn seal(key: Key, reply: &KnownReply) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(reply).ok()?;
    let mut bytes = digest(key, &json).to_vec();
    bytes.extend(json);
    Some(bytes)
}

/// The reply of an entry; none if it is another key's, cut, changed, or of another form.
fn open(key: Key, bytes: &[u8]) -> Option<KnownReply> {
    let (digest_there, json) = bytes.split_at_checked(DIGEST)?;
    (digest(key, json) == digest_there).then_some(())?;
    serde_json::from_slice(json).ok()
}

fn digest(key: Key, json: &[u8]) -> [u8; DIGEST] {
    Sha256::new_with_prefix(key.0).chain_update(json).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{PromptMessage, Role};

    fn route() -> Route {
        serde_json::from_value(serde_json::json!({ "provider": "p", "model": "m" })).unwrap()
    }

    fn key(text: &str, sampling: &Sampling) -> Key {
        let messages = vec![PromptMessage::new(Role::User, text)];
        Key::new(&route(), &Prompt { messages }, sampling)
    }

    fn reply() -> KnownReply {
        KnownReply {
            text: "Hello".into(),
            finish: "stop".into(),
            provider: "p".into(),
            model: "m".into(),
            simulated: false,
        }
    }

    #[test]
    fn only_the_same_question_has_the_same_key() {
        let plain = Sampling::default();
        assert_eq!(key("Hi", &plain), key("Hi", &plain));
        let warm = Sampling {
            temperature: Some(0.5),
            ..Sampling::default()
        };
        let short = Sampling {
            max_tokens: Some(5),
            ..Sampling::default()
        };
        for other in [key("Hi ", &plain), key("Hi", &warm), key("Hi", &short)] {
            assert_ne!(other, key("Hi", &plain));
        }
        let two = |one: &str, other: &str| {
            let messages = [one, other].map(|text| PromptMessage::new(Role::User, text)).to_vec();
            Key::new(&route(), &Prompt { messages }, &plain)
        };
        assert_ne!(two("ab", "c"), two("a", "bc"));
    }

    #[test]
    fn an_entry_that_was_changed_is_none() {
        let (mine, other) = (key("Hi", &Sampling::default()), key("Ho", &Sampling::default()));
        let entry = seal(mine, &reply()).unwrap();
        assert_eq!(open(mine, &entry), Some(reply()));
        assert_eq!(open(other, &entry), None, "another question's");
        assert_eq!(open(mine, &entry[..entry.len() - 1]), None, "cut");
        assert_eq!(open(mine, b"{}"), None, "too short");
        let mut changed = entry;
        let last = changed.len() - 3;
        changed[last] ^= 1;
        assert_eq!(open(mine, &changed), None);
    }
}
