//! What a user feels, read from a message: the text in, an emotion with how sure and how strong it is out. Patterns only,
//! no model: expressions of a lexicon (`worker/lexicon/emotion/`), weighed by the words around them. What others feel, what
//! is denied, asked, quoted or to be worked on is not what the writer feels.

mod context;
mod fold;
mod hash;
mod label;
mod lexicon;
mod pattern;
mod roles;
mod signals;
#[cfg(test)]
mod tests;
mod tone;
pub mod trend;
mod trie;
mod weigh;
mod words;

pub use label::Emotion;
pub use tone::tone;
pub use weigh::Reading;

/// Bytes of a message that are read at its beginning, and again at its end: a longer one is mostly something pasted, and
/// what its writer feels stands around that.
const MAX_READ: usize = 4_000;

/// Reads what the writer of a message feels.
pub fn detect(text: &str) -> Reading {
    let lexicon = &*lexicon::LEXICON;
    let mut shown = Vec::new();
    for (from, part) in parts(text) {
        let words = words::words(part, lexicon);
        let found = signals::find(&words, lexicon);
        for mut one in context::shown(&words, &found) {
            one.start += from;
            one.end += from;
            shown.push(one);
        }
    }
    weigh::weigh(text, &shown)
}

/// What is read of a message, and at which byte of it each part begins.
fn parts(text: &str) -> Vec<(usize, &str)> {
    if text.len() <= 2 * MAX_READ {
        return vec![(0, text)];
    }
    let head = text.floor_char_boundary(MAX_READ);
    let tail = text.ceil_char_boundary(text.len() - MAX_READ);
    vec![(0, &text[..head]), (tail, &text[tail..])]
}
