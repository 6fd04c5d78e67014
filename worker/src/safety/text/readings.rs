//! The other readings of a word: digits and symbols that stand for letters, letters of another alphabet that look like
//! Latin ones, letters that were stretched.

use super::{Gap, Word};

/// Letters after a number that belong to it.
const UNITS: usize = 10;

/// Most readings of one word.
const MOST: usize = 8;

/// Words that people write a number right behind.
const BEFORE_NUMBERS: [&str; 10] = [
    "im", "iam", "am", "age", "aged", "year", "yr", "grade", "born", "turned",
];

/// "16yo" is 16 and "yo"; "8th" is 8 and "th"; "f16" is "f" and 16; "im15" is "im" and 15.
pub fn number_and_unit(word: &Word) -> Option<(Word, Word)> {
    let text = word.plain();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = &text[digits..];
    let number_first =
        (1..=4).contains(&digits) && !rest.is_empty() && rest.len() <= UNITS && rest.chars().all(char::is_alphabetic);
    let sex_first = text.len() == 3
        && text.starts_with(['f', 'm', 'w', 'h'])
        && text.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    // "0ld" and "1m" are words.
    let number_first = number_first && !(text.starts_with('0') && digits == 1) && text != "1m" && text != "1ve";
    let before = text
        .trim_end_matches(|character: char| character.is_ascii_digit())
        .len();
    let word_first = (1..=4).contains(&(text.len() - before)) && BEFORE_NUMBERS.contains(&&text[..before]);
    let at = match (number_first, sex_first, word_first) {
        (true, _, _) => digits,
        (_, true, _) => 1,
        (_, _, true) => before,
        _ => return None,
    };
    let (first, second) = text.split_at(at);
    // Both halves are cut where the original has as many characters; folding may have changed their width.
    let middle = (word.span.start + at).min(word.span.end);
    let half = |text: &str, span, gap, next, before| Word {
        keys: vec![text.to_owned()],
        span,
        gap,
        next,
        before,
    };
    let head = half(first, word.span.start..middle, word.gap, None, word.before);
    let tail = half(second, middle..word.span.end, Gap::Glued, word.next, None);
    Some((head, tail))
}

/// Adds the other readings of `word` to it.
pub fn add(word: &mut Word) {
    let plain = word.plain();
    if plain.bytes().all(|byte| byte.is_ascii_lowercase()) {
        if stretched(plain) {
            add_unstretched(word);
        }
        return;
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return;
    }
    // A star may stand for a letter, which is found otherwise, or between two.
    let unmasked = plain.contains('*').then(|| plain.replace('*', ""));
    if let Some(latin) = latin(plain) {
        push(word, latin);
    }
    if let Some(unmasked) = unmasked {
        push(word, unmasked);
    }
    for at in 0..word.keys.len() {
        for one in ['i', 'l'] {
            if let Some(letters) = letters(&word.keys[at], one) {
                push(word, letters);
            }
        }
    }
    add_unstretched(word);
}

/// `text` with the letters that its digits and symbols look like, if it has letters beside them.
pub fn letters(text: &str, one: char) -> Option<String> {
    let stands_for = |character| match character {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '2' => 'z',
        '3' | '€' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '6' | '9' => 'g',
        '7' => 't',
        '8' => 'b',
        other => other,
    };
    let changes = text.chars().any(|character| stands_for(character) != character);
    let has_letters = text.chars().any(char::is_alphabetic);
    (changes && has_letters).then(|| text.chars().map(stands_for).collect())
}

fn push(word: &mut Word, reading: String) {
    if word.keys.len() < MOST && !word.keys.contains(&reading) {
        word.keys.push(reading);
    }
}

fn stretched(text: &str) -> bool {
    let mut run = (None, 0);
    text.chars().any(|character| {
        run = if run.0 == Some(character) {
            (run.0, run.1 + 1)
        } else {
            (Some(character), 1)
        };
        run.1 >= 3
    })
}

fn add_unstretched(word: &mut Word) {
    for at in 0..word.keys.len() {
        if stretched(&word.keys[at]) {
            for most in [1, 2] {
                let reading = runs_of_at_most(&word.keys[at], most);
                push(word, reading);
            }
        }
    }
}

/// `text` with each run of three or more of a character cut to `most`.
fn runs_of_at_most(text: &str, most: usize) -> String {
    let mut shorter = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let mut run = 1;
        while rest.next_if_eq(&character).is_some() {
            run += 1;
        }
        let kept = if run >= 3 { most } else { run };
        shorter.extend(std::iter::repeat_n(character, kept));
    }
    shorter
}

/// `text` with Cyrillic and Greek letters that look like Latin ones as those, if all of its letters then are Latin.
fn latin(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    text.chars()
        .map(|character| {
            if character.is_ascii() {
                Some(character)
            } else {
                look_alike(character)
            }
        })
        .collect()
}

fn look_alike(character: char) -> Option<char> {
    Some(match character {
        'а' | 'α' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' | 'ё' | 'є' | 'ε' => 'e',
        'ғ' => 'f',
        'ɡ' => 'g',
        'н' | 'һ' => 'h',
        'і' | 'ї' | 'ι' => 'i',
        'ј' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' => 'l',
        'м' => 'm',
        'п' | 'η' => 'n',
        'о' | 'ο' | 'σ' | 'ө' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' => 'q',
        'г' => 'r',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ц' => 'u',
        'ѵ' | 'ν' => 'v',
        'ѡ' | 'ω' | 'ш' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'з' => 'e',
        _ => return None,
    })
}
