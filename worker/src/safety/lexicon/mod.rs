//! What the pattern layers look for: lexicon files, one per language and class, compiled into one automaton. Texts are matched
//! word by word in each word's readings, so a file lists words as they are meant and nobody's way to disguise them.
//!
//! A line is a weight from 0 to 1 and a phrase; `#` begins a comment. In a phrase
//!
//! | | stands for |
//! |---|---|
//! | `word` | the word, in any reading |
//! | `stem*`, `*part*` | a word that begins with it, or contains it |
//! | `one/two` | either |
//! | `$set` | a set of the language's `sets.txt` |
//! | `?word` | the word, or nothing |
//! | `~` | up to three of the language's filler words (`$filler`) |
//! | `..` | up to four words of the same sentence |
//! | `^`, `.` | the beginning and the end of a sentence |
//! | `<n>` `<n18>` `<age>` `<adult>` `<grade>` `<year>` `<ahead>` | numbers, as [`super::age`] reads them |

mod built_in;
mod find;
mod parse;

use std::collections::HashMap;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

pub use find::{Found, Hit, Seen};
pub use parse::{LexiconError, kinds};

/// What a phrase speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Sex and naked bodies.
    Sexual,
    /// Kinks.
    Fetish,
    /// Flirting and romance.
    Romantic,
    /// Force, drugs, sleep, blackmail.
    Coercion,
    /// Sexual violence by its name.
    Nonconsensual,
    /// Children and teenagers.
    Minor,
    /// Sexual content with children by its name, and what is asked of children for it.
    MinorRisk,
    /// Suicide and self-harm.
    Crisis,
    /// Danger from somebody, now.
    Danger,
    /// The user says an age of their own.
    OwnAge,
    /// What looks like it, and is the past, another's, denied or pretended.
    NotOwnAge,
    /// Somebody tells of abuse, or asks how to protect somebody.
    Help,
    /// Medicine, education, law.
    Clinical,
    /// A wish that the companion acts, tells or plays.
    Ask,
    /// Films, songs, books, history.
    Frame,
    /// Ordinary phrases with words that mean something else elsewhere.
    Ordinary,
}

impl Class {
    const ALL: [(Self, &'static str); 16] = [
        (Self::Sexual, "sexual"),
        (Self::Fetish, "fetish"),
        (Self::Romantic, "romantic"),
        (Self::Coercion, "coercion"),
        (Self::Nonconsensual, "nonconsensual"),
        (Self::Minor, "minor"),
        (Self::MinorRisk, "minor_risk"),
        (Self::Crisis, "crisis"),
        (Self::Danger, "danger"),
        (Self::OwnAge, "own_age"),
        (Self::NotOwnAge, "not_own_age"),
        (Self::Help, "help"),
        (Self::Clinical, "clinical"),
        (Self::Ask, "ask"),
        (Self::Frame, "frame"),
        (Self::Ordinary, "ordinary"),
    ];

    /// Its name, which its files have.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(class, _)| *class == self)
            .map_or("", |(_, name)| name)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(class, _)| *class)
    }
}

/// A language of the lexicon, by its place in [`Lexicon::languages`].
pub type Language = u8;

/// One line of a file.
#[derive(Clone, Debug)]
pub struct Phrase {
    /// What it speaks of.
    pub class: Class,
    /// Its language.
    pub language: Language,
    /// How much it says, 0 to 1.
    pub weight: f32,
    /// The line itself.
    pub text: String,
    /// Its place among all phrases.
    number: u32,
    elements: Vec<Element>,
}

/// A part of a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Element {
    /// Any of these words, sorted.
    Word(Vec<Symbol>),
    /// Any of these words, or nothing.
    Maybe(Vec<Symbol>),
    /// Up to three of these words, sorted.
    Fillers(Vec<Symbol>),
    /// Up to four words.
    Some,
    /// The beginning of a sentence.
    Start,
    /// The end of a sentence.
    End,
}

/// A word of the vocabulary, a stem of it, or a kind of number.
type Symbol = u32;

/// All phrases, ready to be found.
pub struct Lexicon {
    /// Language tags, in the order of [`Language`].
    pub languages: Vec<String>,
    phrases: Vec<Phrase>,
    /// Phrases by the symbols of the word in them that is rarest: only those are tried of which it was seen.
    keyed: Vec<Vec<u32>>,
    /// What is known of words and stems, folded.
    words: HashMap<String, Known, foldhash::fast::FixedState>,
    /// Stems and parts, and the symbol of each; `true` for what stands anywhere in a word.
    stems: AhoCorasick,
    stem_symbols: Vec<(Symbol, bool)>,
    /// Words by length, for those with masked letters.
    masked: HashMap<usize, Vec<(String, Symbol)>>,
    /// Words of numbers: their value, and whether they are an order ("eighth").
    numbers: HashMap<Symbol, super::age::NumberWord>,
}

/// What is known of a word.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Its symbol, if a phrase has it as a word.
    symbol: Option<Symbol>,
    /// Its symbol, if a phrase has it as a stem.
    stem: Option<Symbol>,
    /// It is a word of its own, and no fragment of another.
    common: bool,
    /// The languages whose function word it is.
    function_of: Vec<Language>,
}

static BUILT_IN: LazyLock<Lexicon> = LazyLock::new(built_in::lexicon);

impl Lexicon {
    /// The lexicon of this release.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// The built-in lexicon with `files` beside it, each `<language>.<class>.txt`.
    ///
    /// # Errors
    /// A file whose name or line is none, with its name and line.
    pub fn with(files: &[(String, String)]) -> Result<Self, LexiconError> {
        built_in::with(files)
    }

    /// The number of phrases.
    pub fn len(&self) -> usize {
        self.phrases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty()
    }
}
