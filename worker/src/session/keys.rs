//! The names of what Redis holds. A user's keys share the hash tag `{user}`, so one slot of a cluster holds them and one
//! script may touch them together; an address has its own.

use std::net::IpAddr;

use chrono::NaiveDate;
use uuid::Uuid;

use crate::identity::UserId;

/// Sets of users of whom turns wait.
const UNSETTLED_SHARDS: u8 = 8;

/// Keys of one tenant.
#[derive(Clone, Debug)]
pub struct Keys {
    tenant: String,
}

impl Keys {
    /// Keys of `tenant`.
    pub fn new(tenant: &str) -> Self {
        Self {
            tenant: tenant.to_owned(),
        }
    }

    /// The limit of an address; of a whole /64 in IPv6, which is what one customer is given.
    pub fn address(&self, address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(v4) => format!("c:{}:ip:{v4}", self.tenant),
            IpAddr::V6(v6) => {
                let network = u128::from(v6) >> 64;
                format!("c:{}:ip:{network:016x}", self.tenant)
            }
        }
    }

    /// The limit of the API key called `name`.
    pub fn api_key(&self, name: &str) -> String {
        format!("c:{}:key:{name}", self.tenant)
    }

    /// A reply without personal context; `question` is the hash of what was asked.
    pub fn reply(&self, question: &[u8]) -> String {
        format!("c:{}:reply:{}", self.tenant, hex(question))
    }

    /// What the judge said of a text; `question` is the hash of what was asked.
    pub fn judgement(&self, question: &[u8]) -> String {
        format!("c:{}:judge:{}", self.tenant, hex(question))
    }

    /// The replies that are kept because `user` was the first to ask, by the time at which they go.
    pub fn asked(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:asked", self.tenant)
    }

    /// There for a while after `user` was erased: what was begun before must not be kept after it.
    pub fn erased(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:erased", self.tenant)
    }

    /// The users of a day.
    pub fn active(&self, day: NaiveDate) -> String {
        format!("c:{}:active:{day}", self.tenant)
    }

    /// The turns of `user` that are not stored yet, because PostgreSQL was away.
    pub fn unsettled(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:unsettled", self.tenant)
    }

    /// Held by the worker that stores them.
    pub fn settling(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:settling", self.tenant)
    }

    /// The set in which `user` is while turns of theirs wait.
    pub fn with_unsettled(&self, user: UserId) -> String {
        let [.., last] = *user.as_uuid().as_bytes();
        self.unsettled_shard(last % UNSETTLED_SHARDS)
    }

    /// All those sets: one would be one node's of a cluster.
    pub fn all_with_unsettled(&self) -> impl Iterator<Item = String> {
        (0..UNSETTLED_SHARDS).map(|shard| self.unsettled_shard(shard))
    }

    fn unsettled_shard(&self, shard: u8) -> String {
        format!("c:{}:unsettled:{shard}", self.tenant)
    }

    /// The limit of a user.
    pub fn user(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:rate", self.tenant)
    }

    /// What a turn of `user` about `subject` touches.
    pub fn turn(&self, user: UserId, subject: &Subject) -> TurnKeys {
        let part = |what: &str, name: &str| format!("c:{}:{{{user}}}:{what}:{name}", self.tenant);
        let conversation = subject.conversation.map_or("none".to_owned(), |id| id.to_string());
        let key = subject.key.as_ref().map_or("none".to_owned(), |key| {
            Uuid::new_v5(&Uuid::NAMESPACE_OID, key.name.as_bytes()).to_string()
        });
        TurnKeys {
            rate: self.user(user),
            lease: part("lease", &conversation),
            fence: part("fence", &conversation),
            tickets: part("tickets", &conversation),
            messages: part("messages", &conversation),
            lock: part("lock", &conversation),
            buffers: self.buffers(user),
            newest: self.newest(user),
            unsettled: self.unsettled(user),
            running: part("running", &key),
            told: self.told(user, subject.turn),
        }
    }

    /// Where what a turn tells is kept.
    pub fn told(&self, user: UserId, turn: Uuid) -> ToldKeys {
        ToldKeys {
            alive: format!("c:{}:{{{user}}}:alive:{turn}", self.tenant),
            events: format!("{}{turn}", self.events(user)),
        }
    }

    /// The start of the names of all that a user's turns told.
    pub fn events(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:events:", self.tenant)
    }

    /// A user's newest kept turns: older ones are let go, so that no user fills Redis.
    pub fn newest(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:replays", self.tenant)
    }

    /// The names of a user's keys with recent messages.
    pub fn buffers(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:buffers", self.tenant)
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a turn is about: what no two turns may be about at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The turn itself.
    pub turn: Uuid,
    /// The conversation, if the client named one: its turns come one after the other.
    pub conversation: Option<Uuid>,
    /// The idempotency key, if there is one: while its turn runs, who asks again hears that turn.
    pub key: Option<RequestKey>,
    /// What the turn tells is kept for a client that comes back.
    pub kept: bool,
}

/// An idempotency key, and the request that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// As the client gave it.
    pub name: String,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

impl Subject {
    /// Whether anything is held while the turn runs.
    pub fn holds(&self) -> bool {
        self.conversation.is_some() || self.key.is_some() || self.kept
    }
}

/// Keys of one turn.
#[derive(Clone, Debug)]
pub struct TurnKeys {
    /// The user's limit.
    pub rate: String,
    /// Who has the floor.
    pub lease: String,
    /// The highest fencing number given.
    pub fence: String,
    /// Who waits.
    pub tickets: String,
    /// The conversation's recent messages.
    pub messages: String,
    /// The adult route that the conversation is on.
    pub lock: String,
    /// The names of the user's keys with recent messages.
    pub buffers: String,
    /// The user's newest kept turns.
    pub newest: String,
    /// The user's turns that are not stored yet.
    pub unsettled: String,
    /// The turn that runs under the idempotency key, and its request's hash.
    pub running: String,
    /// What it tells.
    pub told: ToldKeys,
}

/// Keys of what a turn tells its client.
#[derive(Clone, Debug)]
pub struct ToldKeys {
    /// There while a worker works on the turn.
    pub alive: String,
    /// What was told so far.
    pub events: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_user_share_one_tag_and_no_other_user_has_it() {
        let keys = Keys::new("chat/demo");
        let (sam, kim) = (UserId::derive("t", "i", "sam"), UserId::derive("t", "i", "kim"));
        let turn = keys.turn(
            sam,
            &Subject {
                turn: Uuid::nil(),
                conversation: Some(Uuid::nil()),
                key: Some(RequestKey {
                    name: "k".into(),
                    request_hash: [0; 32],
                }),
                kept: true,
            },
        );
        let TurnKeys {
            rate,
            lease,
            fence,
            tickets,
            messages,
            lock,
            buffers,
            newest,
            unsettled,
            running,
            told,
        } = &turn;
        let ToldKeys { alive, events } = told;
        for key in [
            rate, lease, fence, tickets, messages, lock, buffers, running, alive, events, newest, unsettled,
        ] {
            assert!(key.starts_with(&format!("c:chat/demo:{{{sam}}}:")), "{key}");
        }
        assert_ne!(keys.user(sam), keys.user(kim));
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_limit() {
        let keys = Keys::new("t");
        let of = |text: &str| keys.address(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
    }
}
