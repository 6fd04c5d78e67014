//! What a reply cost, in tokens.

use serde::{Deserialize, Serialize};

/// Characters of a token where the provider does not count: English text has about four, and what is counted this way
/// is an estimate, never a bill.
const CHARS_PER_TOKEN: usize = 4;

/// Tokens of `text`, rather too many than too few: three characters of ASCII are one, any other character is two. Tokenizers
/// make about one of four characters of English, and at most one and a half of a Chinese or Japanese one.
pub fn most_tokens(text: &str) -> usize {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    ascii.div_ceil(3) + 2 * (text.chars().count() - ascii)
}

/// Tokens of one reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt: u32,
    /// Tokens of the reply.
    pub completion: u32,
    /// Tokens of the prompt that the provider had in its cache.
    pub cached: u32,
}

impl Usage {
    /// The estimate for a provider that counts nothing, or a reply that broke off before the count.
    pub fn estimate(prompt_chars: usize, reply_chars: usize) -> Self {
        Self {
            prompt: tokens(prompt_chars),
            completion: tokens(reply_chars),
            cached: 0,
        }
    }
}

fn tokens(chars: usize) -> u32 {
    u32::try_from(chars.div_ceil(CHARS_PER_TOKEN)).unwrap_or(u32::MAX)
}
