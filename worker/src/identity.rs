//! Who a request belongs to. In: what the token says; out: one id that every key, row and vector of that user carries.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Names under which ids are derived, RFC 9562 section 6.5: a UUIDv5 of this service alone.
const NAMESPACE: Uuid = Uuid::from_u128(0x3f1c_54a0_9a6b_5d0e_8f0c_6a5e_c0b1_77d2);

/// One user of one tenant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct UserId(Uuid);

impl UserId {
    /// The user whom `issuer` calls `subject`. Lengths are part of the name, so no two triples can meet by concatenation.
    pub fn derive(tenant: &str, issuer: &str, subject: &str) -> Self {
        let name = [tenant, issuer, subject]
            .map(|part| format!("{}:{part}", part.len()))
            .concat();
        Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
    }

    /// The user that a row or a job names.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// The id as a column or a key carries it.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// The conversation that this user calls `name`. A UUID means itself; anything else is derived under the user, so
    /// that a name which another user chose too leads elsewhere.
    pub fn conversation(self, name: &str) -> Uuid {
        Uuid::parse_str(name).unwrap_or_else(|_| Uuid::new_v5(&self.0, name.as_bytes()))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_and_issuers_never_share_a_user() {
        let sam = UserId::derive("chat/demo", "https://id.example", "sam");
        assert_eq!(sam, UserId::derive("chat/demo", "https://id.example", "sam"));
        for (tenant, issuer, subject) in [
            ("chat/other", "https://id.example", "sam"),
            ("chat/demo", "https://id.example/", "sam"),
            ("chat/demo", "https://id.examples", "am"),
            ("chat/demo", "https://id.example", "Sam"),
        ] {
            assert_ne!(
                sam,
                UserId::derive(tenant, issuer, subject),
                "{tenant} {issuer} {subject}"
            );
        }
    }

    #[test]
    fn the_same_conversation_name_of_two_users_is_two_conversations() {
        let (sam, kim) = (UserId::derive("t", "i", "sam"), UserId::derive("t", "i", "kim"));
        assert_ne!(sam.conversation("holiday"), kim.conversation("holiday"));
        let id = Uuid::new_v4();
        assert_eq!(sam.conversation(&id.to_string()), id);
    }
}
