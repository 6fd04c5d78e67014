//! What a turn begins with: one user's message, what the client sent around it, and how it wants to be answered.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::identity::UserId;
use crate::llm::{PromptMessage, Sampling};
use crate::session::EventId;

/// One message to answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks.
    pub user: UserId,
    /// Given here, once.
    pub turn_id: Uuid,
    /// The conversation, if the client named one.
    pub conversation: Option<Uuid>,
    /// The client's key: the same request again gets the same reply.
    pub idempotency_key: Option<String>,
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
    /// What the application, not the user, tells the model.
    pub system: Vec<String>,
    /// What the client says was said before, oldest first.
    pub history: Vec<PromptMessage>,
    /// What the user says.
    pub text: String,
    /// What a front end puts before it, such as a file that the user attached: data.
    pub document: Option<String>,
    /// Sampling.
    pub sampling: Sampling,
    /// The client sees the reply as it comes, so what breaks off was seen.
    pub streamed: bool,
    /// The turn goes on when its client goes away: the client will come back.
    pub goes_on_alone: bool,
    /// Nothing is known of the user but what the request says, and nothing of it is stored or learned from.
    pub ephemeral: bool,
    /// The client wants a reply of its own, not one that was made for another request.
    pub fresh: bool,
    /// The last event that a client saw that comes back, and of which turn.
    pub seen: Option<(Uuid, EventId)>,
}

impl Asked {
    /// Whether the conversation's stored messages are its history: it has a name, and the client sent no history of its
    /// own.
    pub fn uses_stored_history(&self) -> bool {
        self.conversation.is_some() && self.history.is_empty()
    }

    /// The last event of `turn` that the client saw.
    pub fn after(&self, turn: Uuid) -> EventId {
        self.seen
            .filter(|(of, _)| *of == turn)
            .map_or_else(EventId::default, |(_, seen)| seen)
    }

    /// The thread this message goes on with, if there was a reply before it: the hash of all the client sent up to it.
    pub fn thread_before(&self) -> Option<[u8; 32]> {
        let last_reply = self
            .history
            .iter()
            .rposition(|message| message.role == crate::llm::Role::Assistant)?;
        Some(thread(
            self.history[..=last_reply]
                .iter()
                .map(|message| (message.role.as_str(), message.content.as_str())),
        ))
    }

    /// The thread a client goes on with that sends all this and `reply` before its next message.
    pub fn thread_after(&self, reply: &str) -> [u8; 32] {
        let before = self
            .history
            .iter()
            .map(|message| (message.role.as_str(), message.content.as_str()));
        thread(before.chain([("user", self.text.as_str()), ("assistant", reply)]))
    }
}

/// Lengths are hashed too, so that no two lists of messages run into one text.
fn thread<'a>(messages: impl Iterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (role, text) in messages {
        hash.update(format!("{role}:{}:", text.len()));
        hash.update(text);
    }
    hash.finalize().into()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::llm::Role;

    /// A message without anything around it.
    pub fn plain(text: &str) -> Asked {
        Asked {
            user: UserId::derive("t", "i", "sam"),
            turn_id: Uuid::nil(),
            conversation: None,
            idempotency_key: None,
            request_hash: [0; 32],
            system: vec![],
            history: vec![],
            text: text.to_owned(),
            document: None,
            sampling: Sampling::default(),
            streamed: true,
            goes_on_alone: false,
            ephemeral: false,
            fresh: false,
            seen: None,
        }
    }

    #[test]
    fn a_thread_is_found_again_by_what_the_client_sends_next() {
        let first = plain("Hi");
        assert_eq!(first.thread_before(), None);
        let mut second = plain("And?");
        second.history = vec![
            PromptMessage::new(Role::User, "Hi"),
            PromptMessage::new(Role::Assistant, "Hello"),
        ];
        assert_eq!(second.thread_before(), Some(first.thread_after("Hello")));
        assert_ne!(second.thread_before(), Some(first.thread_after("Hello!")));
    }
}
