//! Finds a lexicon's phrases in a text: each word's readings become symbols, fragments of a word that was taken apart are
//! put together, and phrases are tried where a word begins one. Each phrase is short and tried once for each place, so time is
//! linear in the text's length.

use std::ops::Range;

use super::super::age;
use super::super::text::{Gap, Text, Word};
use super::{Class, Element, Known, Language, Lexicon, Phrase, Symbol};

/// Most words that `..` passes over.
const SOME: usize = 4;

/// Most filler words that `~` passes over.
const FILLERS: usize = 3;

/// Most fragments that one word is put together from, and their most letters.
const FRAGMENTS: usize = 12;
const FRAGMENT_LETTERS: usize = 20;

/// Most letters of an ending.
const ENDING: usize = 2;

/// Most words with masked letters that are looked up.
const MASKED: usize = 64;

/// A symbol and how many words it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The symbol.
    pub symbol: Symbol,
    /// Words.
    pub len: usize,
}

/// A phrase that was found.
#[derive(Clone, Debug)]
pub struct Hit<'a> {
    /// The phrase.
    pub phrase: &'a Phrase,
    /// Its language's tag.
    pub language: &'a str,
    /// Where, in words.
    pub words: Range<usize>,
}

/// Everything that was found in a text.
pub struct Found<'a> {
    /// Phrases, by where they begin.
    pub hits: Vec<Hit<'a>>,
    /// Function words of each language.
    pub function_words: Vec<usize>,
}

impl Found<'_> {
    /// Whether the text may be in `language`: it has its function words, nearly as many as of any other, or none of any.
    pub fn may_be(&self, language: Language) -> bool {
        let most = self.function_words.iter().copied().max().unwrap_or_default();
        self.function_words[usize::from(language)] * 2 >= most
    }
}

impl Lexicon {
    /// What of the lexicon is in `text`; years are reckoned from `this_year`.
    pub fn find(&self, text: &Text, this_year: u32) -> Found<'_> {
        let mut seen = self.symbols_of(text);
        for number in age::numbers(text, &seen, &self.numbers, this_year) {
            number.kinds().for_each(|kind| seen[number.at].push(kind));
        }
        Found {
            hits: self.hits(text, &seen),
            function_words: self.count_function_words(text),
        }
    }

    /// Phrases, by where they begin.
    fn hits(&self, text: &Text, seen: &[Vec<Seen>]) -> Vec<Hit<'_>> {
        let mut places: Vec<(Symbol, usize, usize)> = (seen.iter().enumerate())
            .flat_map(|(at, here)| here.iter().map(move |one| (one.symbol, at, one.len)))
            .collect();
        places.sort_unstable();
        let mut tried = vec![false; self.phrases.len()];
        let mut hits: Vec<Hit<'_>> = Vec::new();
        for (symbol, ..) in &places {
            for number in &self.keyed[*symbol as usize] {
                if !std::mem::replace(&mut tried[*number as usize], true) {
                    self.try_phrase(&self.phrases[*number as usize], text, seen, &places, &mut hits);
                }
            }
        }
        // Its first word may have been seen in several readings: the longest counts.
        hits.sort_by_key(|hit| (hit.words.start, hit.phrase.number, std::cmp::Reverse(hit.words.end)));
        hits.dedup_by_key(|hit| (hit.words.start, hit.phrase.number));
        hits
    }

    /// Adds where `phrase` is, of all the `places` at which its first word was seen.
    fn try_phrase<'a>(
        &'a self,
        phrase: &'a Phrase,
        text: &Text,
        seen: &[Vec<Seen>],
        places: &[(Symbol, usize, usize)],
        hits: &mut Vec<Hit<'a>>,
    ) {
        let first = phrase.elements.iter().find_map(|element| match element {
            Element::Word(symbols) => Some(symbols),
            _ => None,
        });
        for symbol in first.into_iter().flatten() {
            let from = places.partition_point(|place| place.0 < *symbol);
            for (_, at, len) in places[from..].iter().take_while(|place| place.0 == *symbol) {
                if let Some(end) = phrase.end(*at, *len, &text.words, seen) {
                    hits.push(Hit {
                        phrase,
                        language: &self.languages[usize::from(phrase.language)],
                        words: *at..end,
                    });
                }
            }
        }
    }

    fn count_function_words(&self, text: &Text) -> Vec<usize> {
        let mut counts = vec![0; self.languages.len()];
        for word in &text.words {
            for language in self.word(word.plain()).map_or(&[][..], |known| &known.function_of) {
                counts[usize::from(*language)] += 1;
            }
        }
        counts
    }

    fn word(&self, word: &str) -> Option<&Known> {
        self.words.get(word)
    }

    fn symbols_of(&self, text: &Text) -> Vec<Vec<Seen>> {
        let mut masked = 0;
        let mut all = Vec::with_capacity(text.words.len());
        for (at, word) in text.words.iter().enumerate() {
            let mut seen = Vec::new();
            for key in &word.keys {
                self.look_up(key, &mut seen);
            }
            if word.plain().contains('*') && masked < MASKED {
                masked += 1;
                self.look_up_masked(word.plain(), &mut seen);
            }
            self.put_together(&text.words[at..], &mut seen);
            all.push(seen);
        }
        all
    }

    /// Adds the symbols of one reading: the word's, those of what it begins with, and those of what it contains.
    fn look_up(&self, key: &str, seen: &mut Vec<Seen>) {
        let whole = self.word(key).and_then(|known| known.symbol);
        whole.into_iter().for_each(|symbol| add(seen, symbol, 1));
        for found in self.stems.find_overlapping_iter(key) {
            let (symbol, anywhere) = self.stem_symbols[found.pattern().as_usize()];
            if anywhere || found.start() == 0 {
                add(seen, symbol, 1);
            }
        }
    }

    /// Adds the symbols of a word that was put together from `len`: it is one of the vocabulary, or a stem with an ending.
    fn look_up_joined(&self, joined: &str, len: usize, seen: &mut Vec<Seen>) {
        let whole = self.word(joined).and_then(|known| known.symbol);
        whole.into_iter().for_each(|symbol| add(seen, symbol, len));
        for ending in 0..=ENDING {
            let stem = joined.len().checked_sub(ending).and_then(|end| joined.get(..end));
            let symbol = stem.and_then(|stem| self.word(stem)).and_then(|known| known.stem);
            symbol.into_iter().for_each(|symbol| add(seen, symbol, len));
        }
    }

    /// "f*ck": every word of the vocabulary that differs from it by its masked letters alone.
    fn look_up_masked(&self, key: &str, seen: &mut Vec<Seen>) {
        let shown = key.bytes().filter(|byte| *byte != b'*').count();
        if shown < 2 {
            return;
        }
        for (word, symbol) in self.masked.get(&key.len()).into_iter().flatten() {
            if word
                .bytes()
                .zip(key.bytes())
                .all(|(letter, mask)| mask == b'*' || mask == letter)
            {
                seen.push(Seen {
                    symbol: *symbol,
                    len: 1,
                });
            }
        }
    }

    /// "s e x", "se xy", "5ex": words of the vocabulary that the next few make together, unless all of them are words of
    /// their own.
    fn put_together(&self, words: &[Word], seen: &mut Vec<Seen>) {
        let Some(first) = words.first() else { return };
        let fragment = |word: &Word| !self.word(word.plain()).is_some_and(|known| known.common);
        let short = |word: &Word| word.plain().len() <= FRAGMENT_LETTERS / 2;
        // Three single letters, or "se-ven-teen", are spelt out, even if each part is a word of some language.
        let letter = |word: &Word| word.plain().chars().count() == 1;
        let hyphen = |word: &Word| word.before == Some('-');
        let spelt = words.len() >= 3 && (words[..3].iter().all(letter) || words[1..3].iter().all(hyphen));
        if !short(first)
            || !words
                .get(1)
                .is_some_and(|second| spelt || fragment(first) || fragment(second))
        {
            return;
        }
        let mut joined = first.plain().to_owned();
        let mut broken = spelt || fragment(first);
        for (more, word) in (1..FRAGMENTS).zip(&words[1..]) {
            if word.plain().starts_with("emoji") {
                continue;
            }
            if word.gap == Gap::Sentence && word.plain().chars().count() > 1 {
                break;
            }
            joined.push_str(word.plain());
            broken |= fragment(word);
            if joined.len() > FRAGMENT_LETTERS {
                break;
            }
            // Numbers that stand beside each other are numbers; two words that are often together are words.
            if broken && joined.len() >= 3 && joined.chars().any(char::is_alphabetic) {
                self.look_up_joined(&joined, more + 1, seen);
                for one in ['i', 'l'] {
                    if let Some(letters) = super::super::text::letters(&joined, one) {
                        self.look_up_joined(&letters, more + 1, seen);
                    }
                }
            }
        }
    }
}

impl Phrase {
    /// Where it ends, its first word of `len` words having been seen at `at`.
    fn end(&self, at: usize, len: usize, words: &[Word], seen: &[Vec<Seen>]) -> Option<usize> {
        match self.elements.as_slice() {
            [Element::Start, _, rest @ ..] => (words[at].gap == Gap::Sentence)
                .then(|| matched(rest, at + len, words, seen))
                .flatten(),
            [_, rest @ ..] => matched(rest, at + len, words, seen),
            [] => None,
        }
    }
}

fn add(seen: &mut Vec<Seen>, symbol: Symbol, len: usize) {
    let one = Seen { symbol, len };
    if !seen.contains(&one) {
        seen.push(one);
    }
}

/// Where the phrase of `elements` ends that begins at word `at`.
fn matched(elements: &[Element], at: usize, words: &[Word], seen: &[Vec<Seen>]) -> Option<usize> {
    let Some((element, rest)) = elements.split_first() else {
        return Some(at);
    };
    let longest = |symbols: &[Symbol]| {
        let here = seen.get(at).map(Vec::as_slice).unwrap_or_default();
        let ends = here.iter().filter(|one| symbols.binary_search(&one.symbol).is_ok());
        // One that was put together may be the longer one; the phrase goes on behind any of them.
        ends.filter_map(|one| matched(rest, at + one.len, words, seen)).max()
    };
    match element {
        Element::Start => (words.get(at)?.gap == Gap::Sentence)
            .then(|| matched(rest, at, words, seen))
            .flatten(),
        Element::End => words
            .get(at)
            .is_none_or(|word| word.gap >= Gap::Clause)
            .then(|| matched(rest, at, words, seen))
            .flatten(),
        Element::Word(symbols) => longest(symbols),
        Element::Maybe(symbols) => longest(symbols).or_else(|| matched(rest, at, words, seen)),
        Element::Fillers(symbols) => {
            let mut next = at;
            for _ in 0..=FILLERS {
                if let Some(end) = matched(rest, next, words, seen) {
                    return Some(end);
                }
                let filler = seen
                    .get(next)?
                    .iter()
                    .find(|one| symbols.binary_search(&one.symbol).is_ok())?;
                next += filler.len;
            }
            None
        }
        Element::Some => (at..=at + SOME)
            .take_while(|next| words.get(*next).is_some_and(|word| word.gap < Gap::Sentence))
            .find_map(|next| matched(rest, next, words, seen)),
    }
}

impl Hit<'_> {
    /// Its class.
    pub fn class(&self) -> Class {
        self.phrase.class
    }

    /// How a verdict tells of it.
    pub fn reason(&self) -> String {
        format!("{}/{}: {}", self.language, self.phrase.class.as_str(), self.phrase.text)
    }
}
