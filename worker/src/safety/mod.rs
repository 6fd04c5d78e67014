//! What keeps a conversation safe, on both its sides: [`Classifier::classify`] says what a text is, from its words alone.
//!
//! A text is read ([`text`]), the lexicon's phrases are found in it ([`lexicon`], with ages by [`age`]), and rules make a
//! label of them ([`decide`]). No model, no I/O, time linear in the text.

pub mod age;
pub mod config;
pub mod course;
mod decide;
pub mod guard;
pub mod judge;
pub mod label;
pub mod lexicon;
#[cfg(test)]
mod properties;
pub mod replies;
pub mod semantic;
pub mod text;

use std::sync::Arc;

use chrono::{Datelike, Utc};

pub use decide::Evidence;
use decide::Side;
pub use label::{Label, Route, Verdict};
use lexicon::Lexicon;
pub use semantic::Semantic;
use text::Text;

/// The version of rules and lexicon that a verdict was made by.
pub const VERSION: &str = "2026.11";

/// The year by which ages are reckoned.
pub fn this_year() -> u32 {
    Utc::now().year().unsigned_abs()
}

/// The pattern layers.
#[derive(Clone)]
pub struct Classifier {
    lexicon: Source,
}

#[derive(Clone)]
enum Source {
    BuiltIn(&'static Lexicon),
    Extended(Arc<Lexicon>),
}

impl Default for Classifier {
    fn default() -> Self {
        Self {
            lexicon: Source::BuiltIn(Lexicon::built_in()),
        }
    }
}

impl Classifier {
    /// With `files` beside the built-in lexicon.
    ///
    /// # Errors
    /// A file that is none.
    pub fn with(files: &[(String, String)]) -> Result<Self, lexicon::LexiconError> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        Ok(Self {
            lexicon: Source::Extended(Arc::new(Lexicon::with(files)?)),
        })
    }

    /// What `text` is, said in `this_year`.
    pub fn classify(&self, text: &str, this_year: u32) -> Verdict {
        self.read(text, this_year, Side::Message)
    }

    /// What a reply is. Nothing of it is a crisis.
    pub fn classify_reply(&self, text: &str, this_year: u32) -> Verdict {
        self.read(text, this_year, Side::Reply)
    }

    fn read(&self, text: &str, this_year: u32, side: Side) -> Verdict {
        let lexicon: &Lexicon = match &self.lexicon {
            Source::BuiltIn(lexicon) => lexicon,
            Source::Extended(lexicon) => lexicon,
        };
        let text = Text::read(text);
        decide::decide(&lexicon.find(&text, this_year), side)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_built_in_lexicon_can_be_read() {
        match super::lexicon::Lexicon::with(&[]) {
            Ok(lexicon) => assert!(lexicon.len() > 500),
            Err(error) => panic!("{error}"),
        }
    }
}
