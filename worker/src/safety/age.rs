//! Numbers as far as they may be ages: digits and words, whole or in two ("twenty six", "1 6"), with the unit behind them.
//! What is plainly something else, such as "16 weeks", "16:30" or "16 %", is no age. Whose age it is, phrases of the lexicon
//! say.

use std::collections::HashMap;

use super::lexicon::{Seen, kinds};
use super::text::{Gap, Text, Word};

/// Below it somebody is a minor, in years.
pub const OF_AGE: u32 = 18;

/// The least age that a bare number may be: "I'm 3 for 3".
const LEAST_BARE: u32 = 6;

/// Most years until somebody who is at school leaves it.
const SCHOOL_YEARS: u32 = 12;

/// Units of an age, longest first where one begins another.
const AGE_UNITS: &[&[&str]] = &[
    &["years", "of", "age"],
    &["years", "young"],
    &["yearsold"],
    &["yearold"],
    &["yrsold"],
    &["yrold"],
    &["yrz", "old"],
    &["yearz", "old"],
    &["yers", "old"],
    &["yeers", "old"],
    &["years", "old"],
    &["year", "old"],
    &["year", "olds"],
    &["yrs", "old"],
    &["yr", "old"],
    &["yo"],
    &["yos"],
    &["y", "o"],
    &["yrs"],
    &["yr"],
    &["yrz"],
    &["anos"],
    &["anitos"],
    &["aninhos"],
    &["ans"],
    &["jahre", "alt"],
    &["jahre"],
    &["jahriger"],
    &["jahrige"],
    &["jahriges"],
    &["jahrigen"],
    &["anni"],
    &["години"],
    &["годинки"],
    &["годишен"],
    &["годишна"],
    &["годишно"],
    &["годишни"],
    &["г"],
    &["godini"],
    &["godishen"],
    &["godishna"],
];

/// Behind a unit, these make it a length of time.
const NO_AGE_BEHIND_UNIT: &[&str] = &[
    "de",
    "di",
    "of",
    "ago",
    "later",
    "lang",
    "her",
    "spater",
    "despues",
    "depois",
    "dopo",
    "apres",
    "casado",
    "casada",
    "опит",
    "стаж",
    "trabajando",
    "viviendo",
    "insieme",
    "zusammen",
    "juntos",
    "ensemble",
    "fa",
    "atras",
    "mas",
];

/// Words that are counted or measured.
const OTHER_UNITS: &[&str] = &[
    "week",
    "minute",
    "min",
    "hour",
    "hr",
    "h",
    "day",
    "month",
    "percent",
    "pct",
    "procent",
    "km",
    "kg",
    "lb",
    "mile",
    "meter",
    "metre",
    "foot",
    "feet",
    "ft",
    "inch",
    "cm",
    "mm",
    "dollar",
    "buck",
    "euro",
    "cent",
    "cents",
    "grand",
    "k",
    "pm",
    "am",
    "oclock",
    "people",
    "children",
    "of",
    "out",
    "times",
    "x",
    "gb",
    "mb",
    "million",
    "thousand",
    "hundred",
    "bpm",
    "mph",
    "kmh",
    "wochen",
    "woche",
    "minuten",
    "stunden",
    "tage",
    "tagen",
    "monate",
    "monaten",
    "uhr",
    "prozent",
    "kilo",
    "mal",
    "kinder",
    "von",
    "minuti",
    "ore",
    "giorni",
    "settimane",
    "mesi",
    "chili",
    "volte",
    "gradi",
    "fratelli",
    "figli",
    "su",
    "минути",
    "часа",
    "дни",
    "седмици",
    "месеца",
    "лева",
    "процента",
    "пъти",
    "деца",
    "кила",
    "км",
    "от",
    "heures",
    "semaines",
    "mois",
    "jours",
    "enfants",
    "fois",
    "sur",
    "stone",
    "quid",
    "bit",
    "hp",
    "st",
    "nd",
    "rd",
    "th",
    "degree",
    "celsius",
    "percentile",
    "hundredth",
];

/// Words in the plural form that may stand behind an age.
const NO_UNITS: &[&str] = &[
    "is",
    "this",
    "always",
    "was",
    "has",
    "as",
    "yes",
    "its",
    "thats",
    "just",
    "us",
    "sometimes",
    "thus",
    "guys",
    "mas",
    "pues",
    "ans",
    "anos",
    "years",
    "yrs",
    "lets",
    "does",
    "plus",
    "mais",
    "alors",
    "et",
    "sans",
    "suis",
    "les",
    "des",
    "es",
    "das",
    "was",
    "aus",
    "als",
    "bis",
    "kids",
    "parents",
    "likes",
    "loves",
    "needs",
    "wants",
    "lives",
    "goes",
    "besides",
    "chats",
    "pls",
    "ps",
    "sucks",
    "rocks",
    "stinks",
    "seems",
    "feels",
    "means",
    "makes",
    "gets",
    "girls",
    "boys",
    "whats",
    "hes",
    "shes",
    "theres",
    "heres",
    "perhaps",
    "vous",
    "nous",
    "tus",
    "mis",
    "sus",
];

/// Letters behind the digits of an order: 8th, 2nd, 3º, 4e, 8ª.
const ORDINAL_ENDINGS: &[&str] = &[
    "st", "nd", "rd", "th", "o", "a", "e", "er", "ere", "eme", "ieme", "do", "to", "ro", "mo", "vo", "no", "ma", "va",
    "na", "ta", "ra", "da", "и", "ми", "ти", "ри",
];

/// A word that is a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberWord {
    value: u32,
    ordinal: bool,
}

/// Reads `word=number`.
pub fn number_word(text: &str, ordinal: bool) -> Option<NumberWord> {
    let (_, value) = text.split_once('=')?;
    Some(NumberWord {
        value: value.parse().ok()?,
        ordinal,
    })
}

/// A number of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// Its first word.
    pub at: usize,
    /// Its words, without the unit.
    pub len: usize,
    /// What it is.
    pub value: u32,
    ordinal: bool,
    /// Words of the unit of an age behind it; 0: there is none.
    unit: usize,
    /// It counts or measures something else.
    other: bool,
    this_year: u32,
}

impl Number {
    /// What it may be in a phrase.
    pub fn kinds(&self) -> impl Iterator<Item = Seen> {
        let may_be = |least| !self.ordinal && !self.other && (self.unit > 0 || self.value >= least);
        let minor = self.value < OF_AGE;
        let whole = self.len + self.unit;
        let born = self.this_year.checked_sub(self.value).filter(|_| self.value > 1900);
        let kinds = [
            (minor && may_be(LEAST_BARE)).then_some((kinds::N, self.len)),
            (self.value <= OF_AGE && may_be(LEAST_BARE)).then_some((kinds::N18, self.len)),
            (minor && self.value > 0 && self.unit > 0 && !self.other).then_some((kinds::AGE, whole)),
            ((OF_AGE..120).contains(&self.value) && !self.other && !self.ordinal).then_some((kinds::ADULT, whole)),
            (1..=12).contains(&self.value).then_some((kinds::GRADE, self.len)),
            (self.this_year + 1..=self.this_year + SCHOOL_YEARS)
                .contains(&self.value)
                .then_some((kinds::AHEAD, self.len)),
            born.filter(|years| (3..OF_AGE).contains(years))
                .map(|_| (kinds::YEAR, self.len)),
        ];
        kinds.into_iter().flatten().map(|(symbol, len)| Seen { symbol, len })
    }
}

/// The numbers of `text`, in whose words the vocabulary's symbols were `seen`.
pub fn numbers(text: &Text, seen: &[Vec<Seen>], known: &HashMap<u32, NumberWord>, this_year: u32) -> Vec<Number> {
    let words = &text.words;
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let Some((value, len, ordinal)) = number(words, seen, known, at) else {
            at += 1;
            continue;
        };
        let (len, ordinal) = match words.get(at + len) {
            Some(ending) if !ordinal && ending.gap == Gap::Glued && ORDINAL_ENDINGS.contains(&ending.plain()) => {
                (len + 1, true)
            }
            _ => (len, ordinal),
        };
        // "8 t h"
        let letter = |at: usize, letter| {
            words
                .get(at)
                .is_some_and(|word| word.plain() == letter && word.gap == Gap::Space)
        };
        let (len, ordinal) = if !ordinal && letter(at + len, "t") && letter(at + len + 1, "h") {
            (len + 2, true)
        } else {
            (len, ordinal)
        };
        // "17.5" is 17.
        let part = words
            .get(at + len)
            .filter(|part| part.plain().len() == 1 && part.before == Some('.') && part.number().is_some());
        let len = if !ordinal && (LEAST_BARE..=OF_AGE).contains(&value) && len == 1 {
            len + usize::from(part.is_some())
        } else {
            len
        };
        let unit = age_unit(&words[at + len..]);
        let number = Number {
            at,
            len,
            value,
            ordinal,
            unit: unit.unwrap_or_default(),
            other: unit.is_none() && is_other(words, at, len),
            this_year,
        };
        numbers.push(number);
        at += len;
    }
    numbers
}

/// The number that begins at word `at`, its words, and whether it is an order.
fn number(
    words: &[Word],
    seen: &[Vec<Seen>],
    known: &HashMap<u32, NumberWord>,
    at: usize,
) -> Option<(u32, usize, bool)> {
    let digits = |at: usize| words.get(at).and_then(Word::number);
    // The longest counts: "s i x t e e n" also begins with "s i x".
    let word = |at: usize| {
        let here = seen.get(at)?.iter();
        here.filter_map(|one| Some((*known.get(&one.symbol)?, one.len)))
            .max_by_key(|(_, len)| *len)
    };
    if let Some((value, len)) = made_up(words, at) {
        return Some((value, len, false));
    }
    // "5ixteen" and "4teen" begin with digits, and are words.
    let spelt =
        words.get(at + 1).is_some_and(|next| next.gap == Gap::Glued) && word(at).is_some_and(|(_, len)| len > 1);
    if let Some(value) = digits(at).filter(|_| !spelt) {
        let single = |at: usize| words.get(at).is_some_and(|word| word.plain().len() == 1) && digits(at).is_some();
        let apart = single(at)
            && single(at + 1)
            && (words[at + 1].gap == Gap::Space || words[at + 1].before == Some('('))
            && !single(at + 2)
            && (at == 0 || !single(at - 1));
        return Some(match (apart, digits(at + 1)) {
            (true, Some(next)) => (value * 10 + next, 2, false),
            _ => (value, 1, false),
        });
    }
    let (first, len) = word(at)?;
    if first.ordinal {
        return Some((first.value, len, true));
    }
    let connects = |at: usize| {
        words
            .get(at)
            .is_some_and(|word| matches!(word.plain(), "and" | "y" | "e" | "et" | "und" | "и" | "i"))
    };
    let mut value = first.value;
    let mut end = at + len;
    // "quatre vingt"
    if let (4, Some((twenty, more))) = (value, word(end))
        && twenty.value == 20
        && !twenty.ordinal
    {
        value = 80;
        end += more;
    }
    let behind = if value >= 20 && connects(end) { end + 1 } else { end };
    if let Some((unit, more)) = word(behind) {
        let fits = match value {
            10 => (7..=9).contains(&unit.value),
            60 | 80 => (1..=19).contains(&unit.value),
            20 | 30 | 40 | 50 | 70 | 90 => (1..=9).contains(&unit.value),
            _ => false,
        };
        if fits {
            return Some((value + unit.value, behind + more - at, unit.ordinal));
        }
    }
    Some((value, end - at, false))
}

/// A number that is put together: "2 0 1 3", "4teen", "1four", "8+8", "20 minus 4". Its value and words.
fn made_up(words: &[Word], at: usize) -> Option<(u32, usize)> {
    const ONES: [&str; 7] = ["three", "four", "five", "six", "seven", "eight", "nine"];
    let digits = |at: usize| words.get(at).and_then(Word::number);
    let single = |at: usize| {
        words
            .get(at)
            .filter(|word| word.plain().len() == 1)
            .and_then(Word::number)
    };
    let first = digits(at)?;
    let next = words.get(at + 1)?;
    if let (Some(2), Some(0), Some(tens), Some(ones), None) = (
        single(at),
        single(at + 1),
        single(at + 2),
        single(at + 3),
        single(at + 4),
    ) {
        return Some((2000 + tens * 10 + ones, 4));
    }
    if (3..=9).contains(&first) && next.plain() == "teen" && next.gap <= Gap::Space {
        return Some((10 + first, 2));
    }
    if first == 1 && next.gap == Gap::Glued {
        let ones = ONES.iter().position(|word| next.plain() == *word)?;
        return Some((13 + ones as u32, 2));
    }
    let sum = |value: u32, len| (value < 100).then_some((value, len));
    if let Some(more) = digits(at + 1) {
        return if next.before == Some('+') {
            sum(first + more, 2)
        } else {
            None
        };
    }
    let more = digits(at + 2)?;
    match next.plain() {
        "plus" => sum(first + more, 3),
        "minus" => sum(first.checked_sub(more)?, 3),
        _ => None,
    }
}

/// The words of the unit of an age that `words` begin with, if they do.
fn age_unit(words: &[Word]) -> Option<usize> {
    let is = |unit: &&&[&str]| {
        (unit.len() <= words.len())
            && unit
                .iter()
                .zip(words)
                .all(|(expected, word)| word.gap < Gap::Sentence && word.keys.iter().any(|key| key == expected))
    };
    let unit = AGE_UNITS.iter().find(is)?;
    let sure = unit.len() > 1 || matches!(unit[0], "yo" | "yos");
    let behind = words
        .get(unit.len())
        .filter(|word| word.gap <= Gap::Space)
        .map(Word::plain);
    let age = matches!(behind, Some("de" | "di" | "d"))
        && words
            .get(unit.len() + 1)
            .is_some_and(|word| matches!(word.plain(), "edad" | "idade" | "eta"));
    let time = behind.is_some_and(|behind| NO_AGE_BEHIND_UNIT.contains(&behind) || behind.starts_with("dexp"));
    (sure || age || !time).then_some(unit.len())
}

/// Whether the number of `len` words at `at` counts, measures or is part of something.
fn is_other(words: &[Word], at: usize, len: usize) -> bool {
    let (first, last) = (&words[at], &words[at + len - 1]);
    let goes_on =
        |next: &Word| next.number().is_some() && matches!(next.before, Some('.' | ',' | ':' | '/' | '\'' | '’' | '-'));
    let next = words.get(at + len);
    if matches!(first.before, Some('$' | '£' | '€' | '#' | '+' | '.' | ':'))
        || matches!(last.next, Some('%' | '$' | '£' | '€' | '°' | '"' | '\'' | '’'))
        || (last.next.is_some() && next.is_some_and(goes_on))
    {
        return true;
    }
    // "f/16/texas": what is set off by a slash is no unit.
    let Some(next) = next.filter(|next| next.gap <= Gap::Space && next.before != Some('/')) else {
        return false;
    };
    let word = next.plain();
    let singular = word.strip_suffix('s').unwrap_or(word);
    let plural =
        word.len() > 3 && word.is_ascii() && word.ends_with('s') && !word.ends_with("ss") && !NO_UNITS.contains(&word);
    OTHER_UNITS.contains(&word) || OTHER_UNITS.contains(&singular) || plural
}
