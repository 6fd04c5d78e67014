//! The lexicon files, read once into tries. A file holds lines `key: patterns` (its head says what each key means); what
//! does not parse is left out and reported, and a test holds that nothing is.

use super::hash::HashMap;
use std::sync::LazyLock;

use super::fold::{fold, folded, laughter, squeezed};
use super::label::Emotion;
use super::pattern::{self, Item};
use super::roles::Role;
use super::trie::Trie;

/// The format that [`Lexicon::read`] reads, as each file's `version` line.
const VERSION: &str = "version 1";

/// The files: the language's name and its lines. The first holds what is no word, and is always read with.
const FILES: [(&str, &str); 8] = [
    ("signs", include_str!("../../../lexicon/emotion/signs.txt")),
    ("en", include_str!("../../../lexicon/emotion/en.txt")),
    ("es", include_str!("../../../lexicon/emotion/es.txt")),
    ("pt", include_str!("../../../lexicon/emotion/pt.txt")),
    ("fr", include_str!("../../../lexicon/emotion/fr.txt")),
    ("de", include_str!("../../../lexicon/emotion/de.txt")),
    ("it", include_str!("../../../lexicon/emotion/it.txt")),
    ("bg", include_str!("../../../lexicon/emotion/bg.txt")),
];

/// Every file, parsed.
pub static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| Lexicon::read(&FILES));

/// How an expression shows an emotion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Someone feels it, and who has to be found out: "worried".
    Feel,
    /// The same, for words that say so only right behind the writer: "I feel down".
    State,
    /// The writer finds something so: "annoying".
    Find,
    /// Says it all by itself: "no one to talk to".
    Fact,
    /// The same, unless someone else is its subject: "can't sleep".
    Act,
    /// Someone else did it to the writer: "lied to me".
    Deed,
    /// Praise that means the opposite: "oh great, another".
    Irony,
    /// Looks like an expression of a feeling and is none: "happy birthday".
    Void,
}

/// What a pattern of the lexicon stands for.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    pub kind: Kind,
    pub emotion: Emotion,
    /// How surely and how strongly it shows the emotion, from 0.1 to 0.9.
    pub weight: f32,
    pub starts: bool,
    pub ends: bool,
}

/// What a sequence of words leads to.
#[derive(Clone, Copy, Debug)]
pub enum Meaning {
    Role(Role),
    Entry(Entry),
}

/// A word that some language knows.
#[derive(Clone, Copy, Default)]
struct Known {
    number: u32,
    /// A bit for each language that the word tells.
    marks: u8,
}

/// All languages.
#[derive(Default)]
pub struct Lexicon {
    known: HashMap<String, Known>,
    signs: HashMap<char, Vec<String>>,
    pub tries: Vec<Trie>,
    /// What did not parse: file, line and reason.
    pub errors: Vec<String>,
}

impl Lexicon {
    fn read(files: &[(&str, &str)]) -> Self {
        let mut lexicon = Self::default();
        for (index, (name, text)) in files.iter().enumerate() {
            lexicon.tries.push(Trie::default());
            let mut lines = text
                .lines()
                .enumerate()
                .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
            if lines.next().is_none_or(|(_, line)| line != VERSION) {
                lexicon
                    .errors
                    .push(format!("{name}.txt: its first line must be `{VERSION}`"));
            }
            for (number, line) in lines {
                if let Err(reason) = lexicon.line(index, line) {
                    lexicon.errors.push(format!("{name}.txt:{}: {reason}", number + 1));
                }
            }
        }
        for signs in lexicon.signs.values_mut() {
            signs.sort_by_key(|sign| std::cmp::Reverse(sign.len()));
        }
        lexicon
    }

    fn line(&mut self, language: usize, line: &str) -> Result<(), String> {
        let (key, rest) = line.split_once(": ").ok_or("a line is `key: patterns`")?;
        let parts: Vec<&str> = key.split(' ').collect();
        let listed = || rest.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        match parts.as_slice() {
            ["marks"] => listed().for_each(|word| self.word(&folded(word)).marks |= 1 << language),
            [class] if class.starts_with('@') => {
                let numbers: Vec<u32> = listed().map(|word| self.word(&folded(word)).number).collect();
                self.tries[language].class(&class[1..], &numbers)?;
            }
            ["sign", emotion, weight] => {
                let entry = entry(Kind::Fact, emotion, weight)?;
                rest.split_whitespace()
                    .for_each(|sign| self.sign(language, sign, Meaning::Entry(entry)));
            }
            ["irony", "sign"] => {
                let entry = entry(Kind::Irony, "frustrated", "4")?;
                rest.split_whitespace()
                    .for_each(|sign| self.sign(language, sign, Meaning::Entry(entry)));
            }
            ["void"] => {
                let entry = entry(Kind::Void, "neutral", "1")?;
                listed().try_for_each(|pattern| self.pattern(language, pattern, Meaning::Entry(entry)))?;
            }
            [role] => {
                let role = Role::named(role).ok_or_else(|| format!("no key `{role}`"))?;
                listed().try_for_each(|pattern| self.pattern(language, pattern, Meaning::Role(role)))?;
            }
            [kind, emotion, weight] => {
                let entry = entry(kind_of(kind)?, emotion, weight)?;
                listed().try_for_each(|pattern| self.pattern(language, pattern, Meaning::Entry(entry)))?;
            }
            _ => return Err(format!("no key `{key}`")),
        }
        Ok(())
    }

    fn pattern(&mut self, language: usize, text: &str, mut meaning: Meaning) -> Result<(), String> {
        let pattern = pattern::parse(text)?;
        if let Meaning::Entry(entry) = &mut meaning {
            (entry.starts, entry.ends) = (pattern.starts, pattern.ends);
        }
        for sequence in &pattern.sequences {
            for item in sequence {
                if let Item::Word(word) = item {
                    self.word(word);
                }
            }
            let number = |word: &str| self.known.get(word).map_or(0, |known| known.number);
            self.tries[language].insert(sequence, number, meaning)?;
        }
        Ok(())
    }

    fn sign(&mut self, language: usize, sign: &str, meaning: Meaning) {
        let number = self.word(sign).number;
        if let Some(first) = sign.chars().next() {
            self.signs.entry(first).or_default().push(sign.to_owned());
        }
        self.tries[language].insert_word(number, meaning);
    }

    fn word(&mut self, word: &str) -> &mut Known {
        let number = self.known.len() as u32 + 1;
        self.known.entry(word.to_owned()).or_insert(Known { number, marks: 0 })
    }

    /// The longest sign that this text begins with.
    pub fn sign_at(&self, text: &str) -> Option<(&str, u32)> {
        let signs = self.signs.get(&text.chars().next()?)?;
        let sign = signs.iter().find(|sign| text.starts_with(sign.as_str()))?;
        Some((sign, self.known.get(sign)?.number))
    }

    /// The number of a word as it stands in a message (0 if no language knows it), which languages it tells, and whether
    /// its letters are stretched. `buffer` is only there to be used again.
    pub fn look_up(&self, raw: &str, buffer: &mut String) -> (u32, u8, bool) {
        fold(raw, buffer);
        let found = |word: &str| self.known.get(word).map(|known| (known.number, known.marks));
        if let Some((number, marks)) = found(buffer) {
            return (number, marks, false);
        }
        if let Some((number, marks)) = laughter(buffer).and_then(found) {
            return (number, marks, false);
        }
        let stretched = [2, 1].iter().find_map(|keep| found(&squeezed(buffer, *keep)?));
        if let Some((number, marks)) = stretched {
            return (number, marks, true);
        }
        let (number, marks) = elided(raw)
            .and_then(|word| {
                fold(word, buffer);
                found(buffer)
            })
            .unwrap_or_default();
        (number, marks, false)
    }
}

/// A word without what an apostrophe ties to it: "mom's", "l'examen".
fn elided(raw: &str) -> Option<&str> {
    let (before, after) = raw.split_once(['\'', '’'])?;
    Some(if before.chars().count() > 2 { before } else { after })
}

fn kind_of(name: &str) -> Result<Kind, String> {
    match name {
        "feel" => Ok(Kind::Feel),
        "state" => Ok(Kind::State),
        "find" => Ok(Kind::Find),
        "fact" => Ok(Kind::Fact),
        "act" => Ok(Kind::Act),
        "deed" => Ok(Kind::Deed),
        "irony" => Ok(Kind::Irony),
        _ => Err(format!("no key `{name}`")),
    }
}

fn entry(kind: Kind, emotion: &str, weight: &str) -> Result<Entry, String> {
    let emotion = Emotion::named(emotion).ok_or_else(|| format!("no emotion `{emotion}`"))?;
    let tenths = weight.parse::<u8>().ok().filter(|tenths| (1..=9).contains(tenths));
    let weight = f32::from(tenths.ok_or_else(|| format!("`{weight}` is no weight from 1 to 9"))?) / 10.0;
    Ok(Entry {
        kind,
        emotion,
        weight,
        starts: false,
        ends: false,
    })
}
