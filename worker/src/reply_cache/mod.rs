//! Replies without personal context, made once for everybody who asks the same. In: what a provider would be asked; out:
//! the reply of an earlier request, or the lead: whoever has it asks, and those who come meanwhile wait for what it brings,
//! a reply or the provider's failure. Only exact matches count. An entry that is not what was written is no entry; without
//! Redis every request asks.

mod flight;
mod shelf;

use std::time::Duration;

use companion_crds::config::WorkerConfig;
use companion_crds::llm::Route;
use prometheus::IntCounterVec;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::timeout;

use crate::identity::UserId;
use crate::link::Link;
use crate::llm::{LlmError, Prompt, Sampling};
use crate::session::Keys;
use crate::telemetry::Metrics;

use flight::{Flights, Landing, Seat};
use shelf::Shelf;

/// Another form of entries, or another meaning of what was asked, is another version.
const VERSION: u8 = 2;

/// The replies that were made already.
pub struct ReplyCache {
    shelf: Shelf,
    flights: Flights,
    /// Longest wait for another's reply: its client may read slowly.
    patience: Duration,
    looks: IntCounterVec,
}

/// What was asked, all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key([u8; 32]);

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
    /// Whoever asked failed, just now.
    Failed(LlmError),
    /// It is to be asked for; with the lead, others wait for it.
    ToAsk(Option<Lead>),
}

/// The task of asking, for all who wait. Dropped without an outcome, one of them gets it.
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
        let sampling = Sampling {
            temperature: sampling.temperature.or(route_temperature),
            ..sampling.clone()
        };
        part(format!("{sampling:?} {:?}", route.max_tokens).as_bytes());
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
                keys: Keys::new(&config.tenant),
                life: config.cache.ttl.duration(),
                most_bytes: config.cache.max_entry_bytes as usize,
            },
            flights: Flights::default(),
            patience: config.llm.timeouts.first_token.duration(),
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
                Seat::Wait(waiting) => match timeout(self.patience, waiting.landed()).await {
                    Ok(Some(Landing::Reply(reply))) => {
                        self.count("shared");
                        return Begun::Found(Box::new(reply));
                    }
                    Ok(Some(Landing::Failure(error))) => return Begun::Failed(error),
                    // Whoever had the lead is gone without an outcome.
                    Ok(None) => continue,
                    Err(_) => return Begun::ToAsk(None),
                },
            };
            return match self.shelf.take(key).await {
                Ok(Some(reply)) => {
                    self.count("hit");
                    seat.land(Landing::Reply(reply.clone()));
                    Begun::Found(Box::new(reply))
                }
                looked => {
                    self.count(if looked.is_ok() { "miss" } else { "spoilt" });
                    let shelf = self.shelf.clone();
                    Begun::ToAsk(Some(Lead { user, key, shelf, seat }))
                }
            };
        }
    }

    /// Marks `user` as erased: what was begun before and does not know the user's epoch is not stored after it. Nothing if Redis
    /// does not answer.
    pub async fn mark_erased(&self, user: UserId) -> Option<()> {
        self.shelf.mark_erased(user).await
    }

    /// Lets go of all replies that `user` was the first to ask for, since they hold what was asked: how many, or nothing if
    /// Redis does not answer.
    pub async fn erase(&self, user: UserId) -> Option<u32> {
        self.shelf.erase(user).await
    }

    fn count(&self, outcome: &str) {
        self.looks.with_label_values(&[outcome]).inc();
    }
}

impl Lead {
    /// Gives `reply` to all who wait, and keeps it if it is the `route`'s own: a fallback's is no better than none once the
    /// provider is back. The client has its text by then, and waits for this with the end, so that an erasure that it asks
    /// for next finds what was kept.
    pub async fn land(self, route: &Route, reply: KnownReply) {
        if reply.provider == route.provider && reply.model == route.model {
            // Kept first: whoever comes after the flight has landed must find it.
            self.shelf.put(self.user, self.key, &reply).await;
        }
        self.seat.land(Landing::Reply(reply));
    }

    /// Tells all who wait that the provider failed: another try by each of them, one after the other, would be no better.
    pub fn fail(self, error: LlmError) {
        self.seat.land(Landing::Failure(error));
    }
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

    /// A reply for the tests of this folder.
    pub fn reply() -> KnownReply {
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
}
