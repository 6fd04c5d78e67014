//! Lexicon files become phrases, their words symbols, and all words together one automaton.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;

use super::super::age::{self, NumberWord};
use super::super::text::Text;
use super::{Class, Element, Known, Language, Lexicon, Phrase, Symbol};

/// A lexicon that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LexiconError {
    /// A file is called something else than `<language>.<class>.txt`.
    #[error("lexicon file {0:?}: its name must be <language>.<class>.txt, such as en.sexual.txt")]
    Name(String),
    /// A line cannot be read.
    #[error("lexicon file {file:?}, line {line}: {problem}")]
    Line {
        /// The file's name.
        file: String,
        /// From 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// Too many words.
    #[error("the lexicon is too large: {0}")]
    Size(#[from] aho_corasick::BuildError),
}

/// Kinds of numbers: their symbols, which are the first.
pub mod kinds {
    use super::Symbol;

    /// 6 to 17, or any age below 18 with its unit; a number that is nothing else plainly.
    pub const N: Symbol = 0;
    /// The same up to 18.
    pub const N18: Symbol = 1;
    /// An age below 18 with its unit.
    pub const AGE: Symbol = 2;
    /// 18 and more.
    pub const ADULT: Symbol = 3;
    /// 1 to 12.
    pub const GRADE: Symbol = 4;
    /// The year of birth of somebody below 18.
    pub const YEAR: Symbol = 5;
    /// One of the next twelve years.
    pub const AHEAD: Symbol = 6;
}

const KINDS: [(&str, Symbol); 7] = [
    ("<n>", kinds::N),
    ("<n18>", kinds::N18),
    ("<age>", kinds::AGE),
    ("<adult>", kinds::ADULT),
    ("<grade>", kinds::GRADE),
    ("<year>", kinds::YEAR),
    ("<ahead>", kinds::AHEAD),
];

/// Collects files until [`Builder::build`].
#[derive(Default)]
pub struct Builder {
    languages: Vec<String>,
    phrases: Vec<Phrase>,
    sets: HashMap<(Language, String), Vec<Symbol>>,
    words: HashMap<String, Known, foldhash::fast::FixedState>,
    parts: HashMap<String, Symbol>,
    symbols: usize,
    numbers: HashMap<Symbol, NumberWord>,
}

impl Builder {
    /// The number of `language`.
    pub fn language(&mut self, tag: &str) -> Language {
        let known = self.languages.iter().position(|known| known == tag);
        let at = known.unwrap_or_else(|| {
            self.languages.push(tag.to_owned());
            self.languages.len() - 1
        });
        at as Language
    }

    /// Sets of words of a language: `name: word word ...`. The set `function` tells it from others, `common` are words
    /// that are no fragments, `filler` is `~`.
    pub fn sets(&mut self, language: Language, file: &str, text: &str) -> Result<(), LexiconError> {
        for (line, content) in lines(text) {
            let (name, words) = content.split_once(':').ok_or_else(|| LexiconError::Line {
                file: file.to_owned(),
                line,
                problem: "a set is `name: word word`".into(),
            })?;
            match name {
                "function" => {
                    for word in words.split_whitespace() {
                        let known = self.words.entry(folded(word)).or_default();
                        known.function_of.push(language);
                        known.common = true;
                    }
                }
                "common" => {
                    for word in words.split_whitespace() {
                        self.words.entry(folded(word)).or_default().common = true;
                    }
                }
                "numbers" | "ordinals" => {
                    for word in words.split_whitespace() {
                        let number = age::number_word(word, name == "ordinals").ok_or_else(|| LexiconError::Line {
                            file: file.to_owned(),
                            line,
                            problem: format!("{word:?} must be word=number"),
                        })?;
                        let symbol = self.word(word.split('=').next().unwrap_or_default());
                        self.numbers.insert(symbol, number);
                    }
                }
                name => {
                    let mut symbols: Vec<Symbol> = words.split_whitespace().map(|word| self.word(word)).collect();
                    symbols.sort_unstable();
                    self.sets
                        .entry((language, name.to_owned()))
                        .or_default()
                        .extend(symbols);
                }
            }
        }
        for symbols in self.sets.values_mut() {
            symbols.sort_unstable();
            symbols.dedup();
        }
        Ok(())
    }

    /// Phrases of one language and class.
    pub fn phrases(&mut self, language: Language, class: Class, file: &str, text: &str) -> Result<(), LexiconError> {
        for (line, content) in lines(text) {
            let phrase = self
                .phrase(language, class, content)
                .map_err(|problem| LexiconError::Line {
                    file: file.to_owned(),
                    line,
                    problem,
                })?;
            self.phrases.push(phrase);
        }
        Ok(())
    }

    fn phrase(&mut self, language: Language, class: Class, content: &str) -> Result<Phrase, String> {
        let (weight, text) = content.split_once(' ').ok_or("a line is a weight and a phrase")?;
        let weight: f32 = weight
            .parse()
            .map_err(|_| format!("{weight:?} is no weight from 0 to 1"))?;
        if !(0.0..=1.0).contains(&weight) {
            return Err(format!("the weight {weight} is not from 0 to 1"));
        }
        let mut elements = Vec::new();
        for part in text.split_whitespace() {
            elements.push(self.element(language, part)?);
        }
        let begins = elements.iter().find(|element| **element != Element::Start);
        if !matches!(begins, Some(Element::Word(_))) {
            return Err("a phrase begins with a word (after ^, if it has one)".into());
        }
        Ok(Phrase {
            class,
            language,
            weight,
            text: text.to_owned(),
            number: self.phrases.len() as u32,
            elements,
        })
    }

    fn element(&mut self, language: Language, part: &str) -> Result<Element, String> {
        Ok(match part {
            ".." => Element::Some,
            "^" => Element::Start,
            "." => Element::End,
            "~" => Element::Fillers(self.set(language, "filler")?),
            _ => match part.strip_prefix('?') {
                Some(rest) => Element::Maybe(self.choices(language, rest)?),
                None => Element::Word(self.choices(language, part)?),
            },
        })
    }

    fn choices(&mut self, language: Language, part: &str) -> Result<Vec<Symbol>, String> {
        let mut symbols = Vec::new();
        for choice in part.split('/') {
            if let Some(name) = choice.strip_prefix('$') {
                symbols.extend(self.set(language, name)?);
            } else if let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == choice) {
                symbols.push(*kind);
            } else {
                symbols.push(self.word(choice));
            }
        }
        symbols.sort_unstable();
        symbols.dedup();
        Ok(symbols)
    }

    fn set(&self, language: Language, name: &str) -> Result<Vec<Symbol>, String> {
        let set = self.sets.get(&(language, name.to_owned()));
        set.cloned()
            .ok_or_else(|| format!("there is no set ${name} in this language"))
    }

    fn word(&mut self, word: &str) -> Symbol {
        let next = (KINDS.len() + self.symbols) as Symbol;
        let slot = match (word.strip_prefix('*'), word.strip_suffix('*')) {
            (Some(rest), Some(_)) => {
                let part = self.parts.entry(folded(rest.trim_end_matches('*'))).or_insert(next);
                self.symbols += usize::from(*part == next);
                return *part;
            }
            (None, Some(stem)) => &mut self.words.entry(folded(stem)).or_default().stem,
            _ => &mut self.words.entry(folded(word)).or_default().symbol,
        };
        let symbol = *slot.get_or_insert(next);
        self.symbols += usize::from(symbol == next);
        symbol
    }

    /// The lexicon of all that was given.
    pub fn build(self) -> Result<Lexicon, LexiconError> {
        let keyed = keyed(&self.phrases, KINDS.len() + self.symbols);
        let mut masked: HashMap<usize, Vec<(String, Symbol)>> = HashMap::new();
        for (word, known) in &self.words {
            for symbol in known.symbol.iter().chain(&known.stem) {
                if word.is_ascii() && word.len() >= 3 {
                    masked.entry(word.len()).or_default().push((word.clone(), *symbol));
                }
            }
        }
        let stems = (self.words.iter()).filter_map(|(word, known)| Some((word.as_str(), (known.stem?, false))));
        let parts = self.parts.iter().map(|(part, symbol)| (part.as_str(), (*symbol, true)));
        let (patterns, stem_symbols): (Vec<&str>, Vec<(Symbol, bool)>) = stems.chain(parts).unzip();
        Ok(Lexicon {
            languages: self.languages,
            phrases: self.phrases,
            keyed,
            stems: AhoCorasick::new(patterns)?,
            stem_symbols,
            words: self.words,
            masked,
            numbers: self.numbers,
        })
    }
}

/// Phrases by the symbols of their rarest word: the one whose symbols the fewest phrases have.
fn keyed(phrases: &[Phrase], symbols: usize) -> Vec<Vec<u32>> {
    let words = |phrase: &'_ Phrase| -> Vec<Vec<Symbol>> {
        let words = phrase.elements.iter().filter_map(|element| match element {
            Element::Word(symbols) => Some(symbols.clone()),
            _ => None,
        });
        words.collect()
    };
    let mut uses = vec![0_usize; symbols];
    for symbol in phrases.iter().flat_map(words).flatten() {
        uses[symbol as usize] += 1;
    }
    let mut keyed = vec![Vec::new(); symbols];
    for (at, phrase) in phrases.iter().enumerate() {
        let common = |word: &Vec<Symbol>| word.iter().map(|symbol| uses[*symbol as usize]).sum::<usize>();
        let rarest = words(phrase).into_iter().min_by_key(common);
        for symbol in rarest.into_iter().flatten() {
            keyed[symbol as usize].push(at as u32);
        }
    }
    keyed
}

/// A word as texts are read.
fn folded(word: &str) -> String {
    let text = Text::read(word);
    text.words.iter().map(|word| word.plain()).collect()
}

/// Lines with something on them, from 1, without comments.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.lines()).filter_map(|(number, line)| {
        let content = line.split('#').next().unwrap_or_default().trim();
        (!content.is_empty()).then_some((number, content))
    })
}
