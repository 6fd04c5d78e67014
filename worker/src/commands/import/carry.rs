//! What a row of the old service becomes here, or why it is left. Pure, and the same each time: ids follow from the user and
//! the old id, so that a second import finds what the first one brought.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::source::{OldMemory, OldMessage};
use crate::identity::UserId;
use crate::memory::{MAX_CHARS, NOTE, fingerprint};
use crate::store::Role;

/// What is decided for all users.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Memories of personas become the user's own.
    pub merge_personas: bool,
}

/// A message as it will be stored, but for its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// A message of the user and the replies to it are a turn.
    pub turn: Uuid,
    /// Who wrote it.
    pub role: Role,
    /// What was written.
    pub text: String,
    /// When.
    pub created_at: Option<DateTime<Utc>>,
}

/// A memory as it will be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: String,
    /// The fact.
    pub text: String,
    /// Equal for texts that say the same.
    pub fingerprint: [u8; 32],
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Since when it holds no more.
    pub superseded_at: Option<DateTime<Utc>>,
    /// Until when it holds.
    pub expires_at: Option<DateTime<Utc>>,
}

/// The name under which an import of a row is noted.
pub fn item(user: UserId, kind: &str, old_id: &str) -> Uuid {
    Uuid::new_v5(&user.as_uuid(), format!("import:{kind}:{old_id}").as_bytes())
}

/// The messages of a conversation that are brought, in their order, and why others are left.
pub fn messages(user: UserId, old: &[OldMessage]) -> (Vec<Message>, Vec<&'static str>) {
    let (mut brought, mut left) = (Vec::new(), Vec::new());
    let mut turn = None;
    for message in old {
        let role = match message.role.as_deref().map(str::to_lowercase).as_deref() {
            Some("user" | "human") => Role::User,
            Some("assistant" | "ai" | "bot") => Role::Assistant,
            _ => {
                left.push("its role is neither user nor assistant");
                continue;
            }
        };
        let Some(text) = message.content.as_deref().filter(|text| !text.trim().is_empty()) else {
            left.push("it is empty");
            continue;
        };
        if role == Role::User || turn.is_none() {
            turn = Some(item(user, "message", &message.id));
        }
        brought.push(Message {
            turn: turn.unwrap_or_default(),
            role,
            text: text.to_owned(),
            created_at: message.created_at,
        });
    }
    (brought, left)
}

/// A memory that is brought, or why it is left. One without a time is as old as the user.
pub fn memory(user: UserId, old: &OldMemory, rules: Rules, user_since: DateTime<Utc>) -> Result<Memory, &'static str> {
    if old.of_persona && !rules.merge_personas {
        return Err("it is a persona's, and personas have no place here yet (--merge-personas)");
    }
    let text = old
        .content
        .as_deref()
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .ok_or("it is empty")?;
    if text.chars().count() > MAX_CHARS {
        return Err("it is longer than 1000 characters");
    }
    let created_at = old.created_at.unwrap_or(user_since);
    Ok(Memory {
        id: ordered(created_at, item(user, "memory", &old.id)),
        kind: kind(old.memory_type.as_deref()),
        text: text.to_owned(),
        fingerprint: fingerprint(text),
        created_at,
        superseded_at: (!old.holds).then(|| old.superseded_at.unwrap_or(created_at)),
        expires_at: old.expires_at,
    })
}

/// Memories are listed by their ids, which begin with the time (RFC 9562, version 7). The rest follows from `name` instead of
/// chance.
fn ordered(at: DateTime<Utc>, name: Uuid) -> Uuid {
    let hash = Sha256::digest(name.as_bytes());
    let mut rest = [0; 10];
    rest.copy_from_slice(&hash[..10]);
    Builder::from_unix_timestamp_millis(at.timestamp_millis().max(0).unsigned_abs(), &rest).into_uuid()
}

/// What the old service calls it, in the form of ours.
fn kind(old: Option<&str>) -> String {
    let kind: String = old.unwrap_or_default().trim().to_lowercase().chars().take(40).collect();
    if kind.is_empty() { NOTE.into() } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sam() -> UserId {
        UserId::derive("t", "i", "sam")
    }

    fn said(id: &str, role: &str, content: &str) -> OldMessage {
        OldMessage {
            id: id.into(),
            role: Some(role.into()),
            content: Some(content.into()),
            created_at: None,
        }
    }

    fn learned(content: &str) -> OldMemory {
        OldMemory {
            id: "7".into(),
            of_persona: false,
            content: Some(content.into()),
            memory_type: Some("Preference".into()),
            created_at: DateTime::from_timestamp(1_700_000_000, 0),
            holds: true,
            superseded_at: None,
            expires_at: None,
        }
    }

    #[test]
    fn a_message_and_its_replies_are_one_turn() {
        let old = [
            said("1", "system", "Be kind."),
            said("2", "assistant", "Welcome!"),
            said("3", "user", "Hello"),
            said("4", "assistant", "Hi"),
            said("5", "user", " "),
            said("6", "USER", "Bye"),
        ];
        let (brought, left) = messages(sam(), &old);
        let texts: Vec<&str> = brought.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(texts, ["Welcome!", "Hello", "Hi", "Bye"]);
        assert_eq!(left, ["its role is neither user nor assistant", "it is empty"]);
        let turns: Vec<Uuid> = brought.iter().map(|message| message.turn).collect();
        assert!(turns[0] != turns[1] && turns[1] == turns[2] && turns[2] != turns[3]);
    }

    #[test]
    fn ids_are_the_same_each_time_and_in_the_order_of_time() {
        let rules = Rules { merge_personas: false };
        let of = |memory: &OldMemory| super::memory(sam(), memory, rules, Utc::now());
        let first = learned("The user likes tea.");
        let mut later = learned("The user likes coffee.");
        later.created_at = DateTime::from_timestamp(1_700_000_001, 0);
        let (one, other) = (of(&first).unwrap(), of(&later).unwrap());
        assert_eq!(one, of(&first).unwrap());
        assert!(one.id < other.id && other.id < Uuid::now_v7());
        assert_eq!((one.kind.as_str(), one.id.get_version_num()), ("preference", 7));
    }

    #[test]
    fn what_holds_no_more_is_history() {
        let rules = Rules { merge_personas: false };
        let mut old = learned("The user lives in Rome.");
        old.holds = false;
        let brought = super::memory(sam(), &old, rules, Utc::now()).unwrap();
        assert_eq!(brought.superseded_at, old.created_at);
    }

    #[test]
    fn what_has_no_place_is_left_with_the_reason() {
        let mut old = learned("The user trusts Luna.");
        old.of_persona = true;
        let left =
            |old: &OldMemory, merge_personas| super::memory(sam(), old, Rules { merge_personas }, Utc::now()).err();
        assert!(left(&old, false).unwrap().contains("persona"));
        assert_eq!(left(&old, true), None);
        assert_eq!(left(&learned("  "), false), Some("it is empty"));
        assert!(left(&learned(&"x".repeat(1_001)), false).unwrap().contains("1000"));
    }
}
