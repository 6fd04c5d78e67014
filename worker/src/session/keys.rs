//! The names of what Redis holds. A user's keys share the hash tag `{user}`, so one slot of a cluster holds them and one
//! script may touch them together; an address has its own.

use std::net::IpAddr;

use uuid::Uuid;

use crate::identity::UserId;

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

    /// The limit of a user.
    pub fn user(&self, user: UserId) -> String {
        format!("c:{}:{{{user}}}:rate", self.tenant)
    }

    /// What a turn of `user` about `subject` touches.
    pub fn turn(&self, user: UserId, subject: &Subject) -> TurnKeys {
        let part = |what: &str| format!("c:{}:{{{user}}}:{what}:{}", self.tenant, subject.name());
        TurnKeys {
            rate: self.user(user),
            lease: part("lease"),
            fence: part("fence"),
            tickets: part("tickets"),
            messages: part("messages"),
        }
    }
}

/// What no two turns may be about at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A conversation that the client named.
    Conversation(Uuid),
    /// An idempotency key of a request that names no conversation.
    IdempotencyKey(String),
    /// Nothing: any number of such turns run side by side.
    Nothing,
}

impl Subject {
    fn name(&self) -> String {
        match self {
            Self::Conversation(id) => id.to_string(),
            Self::IdempotencyKey(key) => format!("key:{}", Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes())),
            Self::Nothing => "none".to_owned(),
        }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_keys_of_a_user_share_one_tag_and_no_other_user_has_it() {
        let keys = Keys::new("chat/demo");
        let (sam, kim) = (UserId::derive("t", "i", "sam"), UserId::derive("t", "i", "kim"));
        let turn = keys.turn(sam, &Subject::Conversation(Uuid::nil()));
        for key in [&turn.rate, &turn.lease, &turn.fence, &turn.tickets, &turn.messages] {
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
