//! One pattern of the lexicon in, the plain sequences of items it stands for out. A pattern is words with a space between:
//! `a/b` is one of them, `a?` may be missing, `_` is any word, `~` up to three of any, `#` a number, `@name` one of a class;
//! `^` before it and `$` behind it tie it to the start and the end of a clause.

use super::fold::folded;

/// Sequences that one pattern may stand for; more is a slip of the pen.
const MAX_SEQUENCES: usize = 400;

/// What one word of a message is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// This word, folded.
    Word(String),
    /// One of the words of this class.
    Class(String),
    /// Any word of the same clause.
    Any,
    /// A number in digits.
    Number,
}

/// A pattern, written out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Every sequence it stands for.
    pub sequences: Vec<Vec<Item>>,
    /// Whether it holds only at the start of a clause.
    pub starts: bool,
    /// Whether it holds only at the end of a clause.
    pub ends: bool,
}

/// Reads a pattern; the error says what is wrong with it.
pub fn parse(text: &str) -> Result<Pattern, String> {
    let mut pattern = Pattern {
        sequences: vec![Vec::new()],
        ..Pattern::default()
    };
    for piece in text.split_whitespace() {
        match piece {
            "^" => pattern.starts = true,
            "$" => pattern.ends = true,
            _ => pattern.sequences = extended(&pattern.sequences, &choices(piece)?),
        }
        if pattern.sequences.len() > MAX_SEQUENCES {
            return Err(format!("`{text}` stands for more than {MAX_SEQUENCES} sequences"));
        }
    }
    let fits = |sequence: &Vec<Item>| matches!(sequence.first(), Some(Item::Word(_) | Item::Class(_) | Item::Number));
    match pattern.sequences.iter().all(fits) {
        true => Ok(pattern),
        false => Err(format!(
            "`{text}` must begin with a word, a number or a class that cannot be missing"
        )),
    }
}

/// Every sequence so far with every choice behind it.
fn extended(sequences: &[Vec<Item>], choices: &[Vec<Item>]) -> Vec<Vec<Item>> {
    let with = |sequence: &Vec<Item>, choice: &Vec<Item>| [sequence.as_slice(), choice.as_slice()].concat();
    let all = sequences
        .iter()
        .flat_map(|sequence| choices.iter().map(move |choice| with(sequence, choice)));
    all.collect()
}

/// What one piece of a pattern may be.
fn choices(piece: &str) -> Result<Vec<Vec<Item>>, String> {
    if piece == "~" {
        return Ok((0..=3).map(|count| vec![Item::Any; count]).collect());
    }
    let (piece, optional) = match piece.strip_suffix('?') {
        Some(rest) => (rest, true),
        None => (piece, false),
    };
    let mut choices = piece
        .split('/')
        .map(|one| item(one).map(|item| vec![item]))
        .collect::<Result<Vec<_>, _>>()?;
    if optional {
        choices.push(Vec::new());
    }
    Ok(choices)
}

fn item(text: &str) -> Result<Item, String> {
    match text {
        "_" => Ok(Item::Any),
        "#" => Ok(Item::Number),
        _ => match text.strip_prefix('@') {
            Some(class) => Ok(Item::Class(class.to_owned())),
            None if text.is_empty() => Err("an empty word".into()),
            None if text.chars().all(|c| c.is_alphanumeric() || "'’".contains(c)) => Ok(Item::Word(folded(text))),
            None => Err(format!("`{text}` is no word")),
        },
    }
}
