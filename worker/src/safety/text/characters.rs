//! One character at a time: what letter it stands for, whether it is a picture with a name, and what it is between words.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::Gap;

/// What a character stands for.
pub enum Folded {
    /// Nothing that is seen: zero-width characters, accents of their own, variation selectors.
    Nothing,
    /// Letters and digits, in lower case, without accents.
    Letters(Letters),
    /// A picture, by a name that is a word.
    Picture(&'static str),
    /// Anything else.
    Mark,
}

/// A few letters, without memory of their own.
pub struct Letters {
    bytes: [u8; 24],
    len: usize,
}

impl Letters {
    fn new() -> Self {
        Self { bytes: [0; 24], len: 0 }
    }

    fn push(&mut self, letter: char) {
        let end = self.len + letter.len_utf8();
        // Longer ones exist (a whole Arabic sentence in one character), and say nothing here.
        if end <= self.bytes.len() {
            letter.encode_utf8(&mut self.bytes[self.len..end]);
            self.len = end;
        }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

pub fn fold(character: char) -> Folded {
    if character.is_ascii() {
        return ascii(character);
    }
    if is_unseen(character) {
        return Folded::Nothing;
    }
    if let Some(name) = picture(character) {
        return Folded::Picture(name);
    }
    let mut letters = Letters::new();
    if let Some(known) = letter_like(character) {
        known.chars().for_each(|letter| letters.push(letter));
        return Folded::Letters(letters);
    }
    decompose_compatible(character, |part| {
        if is_combining_mark(part) {
            return;
        }
        for lower in part.to_lowercase() {
            if let Some(known) = letter_like(lower) {
                known.chars().for_each(|letter| letters.push(letter));
            } else if lower.is_alphanumeric() {
                letters.push(lower);
            }
        }
    });
    if letters.len == 0 {
        Folded::Mark
    } else {
        Folded::Letters(letters)
    }
}

fn ascii(character: char) -> Folded {
    if !character.is_ascii_alphanumeric() {
        return Folded::Mark;
    }
    let mut letters = Letters::new();
    letters.push(character.to_ascii_lowercase());
    Folded::Letters(letters)
}

/// Whether a character takes part in no word: it is not seen, or an accent of its own.
pub fn is_unseen(character: char) -> bool {
    !character.is_ascii() && (is_invisible(character) || is_combining_mark(character))
}

/// Format characters, fillers and selectors.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        | '\u{1f3fb}'..='\u{1f3ff}')
}

/// Letters that compatibility decomposition leaves alone: small capitals, letters in boxes, and ligatures of Latin.
fn letter_like(character: char) -> Option<&'static str> {
    const ALPHABET: [&str; 26] = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v",
        "w", "x", "y", "z",
    ];
    let from = |first: char| ALPHABET.get((character as usize).checked_sub(first as usize)?).copied();
    Some(match character {
        '\u{1f130}'..='\u{1f149}' => from('\u{1f130}')?,
        '\u{1f150}'..='\u{1f169}' => from('\u{1f150}')?,
        '\u{1f170}'..='\u{1f189}' => from('\u{1f170}')?,
        '\u{1f1e6}'..='\u{1f1ff}' => from('\u{1f1e6}')?,
        '🔟' => "10",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' => "d",
        'ł' => "l",
        'ı' => "i",
        'þ' => "th",
        'ƒ' => "f",
        'ᴀ' | 'ɑ' => "a",
        'ʙ' => "b",
        'ᴄ' => "c",
        'ᴅ' => "d",
        'ᴇ' | 'ɛ' | 'ǝ' | 'ə' => "e",
        'ꜰ' => "f",
        'ɢ' | 'ɡ' => "g",
        'ʜ' => "h",
        'ɪ' => "i",
        'ᴊ' => "j",
        'ᴋ' => "k",
        'ʟ' => "l",
        'ᴍ' => "m",
        'ɴ' => "n",
        'ᴏ' => "o",
        'ᴘ' => "p",
        'ʀ' => "r",
        'ꜱ' => "s",
        'ᴛ' => "t",
        'ᴜ' => "u",
        'ᴠ' => "v",
        'ᴡ' => "w",
        'ʏ' => "y",
        'ᴢ' => "z",
        _ => return None,
    })
}

/// Pictures that mean something here, by names that a lexicon can list. Others are marks.
fn picture(character: char) -> Option<&'static str> {
    Some(match character {
        '🍆' => "emojieggplant",
        '🍑' => "emojipeach",
        '💦' => "emojisweat",
        '👅' => "emojitongue",
        '🍒' => "emojicherries",
        '🔞' => "emojiadult",
        '💋' => "emojikiss",
        '😘' | '😚' | '😙' => "emojikissing",
        '😍' | '🥰' => "emojilove",
        '😏' => "emojismirk",
        '🥵' => "emojihot",
        '😈' => "emojidevil",
        '🔪' | '🗡' => "emojiknife",
        '🔫' => "emojigun",
        '💊' => "emojipill",
        '🩸' => "emojiblood",
        '⚰' => "emojicoffin",
        '💀' => "emojiskull",
        '👶' | '🍼' => "emojibaby",
        '👧' => "emojigirl",
        '👦' => "emojiboy",
        '🧒' => "emojichild",
        '🦶' | '👣' => "emojifoot",
        '⛓' => "emojichains",
        '🛏' => "emojibed",
        _ => return None,
    })
}

/// A mark that belongs to a word: `None` ends the word, `Some(None)` is passed over, `Some(Some(c))` stands for itself.
pub fn within_word(mark: char, before: Option<char>, after: Option<char>) -> Option<Option<char>> {
    let word = |side: Option<char>| side.is_some_and(|side| side.is_alphanumeric());
    let symbol = |side: Option<char>| side.is_some_and(|side| matches!(side, '*' | '@' | '$' | '!' | '#' | '|' | '€'));
    match mark {
        // Apostrophes are no letters, and people leave them out.
        '\'' | '’' | '‘' | '`' | '´' | 'ʼ' | '＇' if word(before) && word(after) => Some(None),
        '@' | '$' | '€' if !word(before) && !symbol(before) => {
            let begins = after.is_some_and(|side| side.is_alphabetic() || matches!(side, '$' | '@'));
            begins.then_some(Some(mark))
        }
        '*' | '@' | '$' | '!' | '#' | '|' | '€'
            if (word(before) || symbol(before)) && (word(after) || symbol(after)) =>
        {
            Some(Some(mark))
        }
        '@' | '$' | '€' if word(before) && !word(after) && before.is_some_and(char::is_alphabetic) => {
            Some(Some(mark))
        }
        _ => None,
    }
}

/// How far `mark` takes the words on its two sides apart.
pub fn gap(mark: char, before: Option<char>, after: Option<char>) -> Gap {
    let joins = before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric);
    match mark {
        '\n' | '\r' | '!' | '?' | '…' | '。' | '！' | '？' | '¡' | '¿' | '\u{2028}' | '\u{2029}' => {
            Gap::Sentence
        }
        '.' if !joins => Gap::Sentence,
        '.' | '-' | '_' | '/' | '\'' | '’' | '*' | '·' | '•' | '~' | '+' | '‐' | '‑' => Gap::Space,
        // Pictures stand between what is said, as commas do.
        '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}' => Gap::Clause,
        ',' | ';' | ':' | '(' | ')' | '"' | '“' | '”' | '„' | '«' | '»' | '—' | '–' | '|' => Gap::Clause,
        _ => Gap::Space,
    }
}
