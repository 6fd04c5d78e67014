//! What the message is, before anyone answers it. This is the seam where emotion, content and crisis senses join; they
//! read the message and nothing else, and run side by side with recall. Today it gives the text that recall searches by.

use super::Asked;

/// Longest text that recall searches by; the embedding model reads no more than this anyway.
const QUERY_CHARS: usize = 1_000;

/// What is understood of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Perception {
    /// The message as recall searches by it: trimmed and bounded.
    pub query: String,
}

/// Reads `asked`.
pub fn perceive(asked: &Asked) -> Perception {
    Perception {
        query: asked.text.trim().chars().take(QUERY_CHARS).collect(),
    }
}
