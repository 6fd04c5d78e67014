//! What a text says, whatever it is written with: words in lower case without accents, zero-width characters or letters of
//! another alphabet that only look alike, each with the other readings it may have ("s3x" is also "sex"). Digits are digits
//! first: a number stays a number, and only what has letters beside its digits gets readings in which they are letters.
//!
//! Words keep where they stand in the original. Linear in the text's length.

mod characters;
mod readings;

use std::ops::Range;

use characters::Folded;
pub use readings::letters;

/// Longest word that is looked at, in bytes of its folded form; what is beyond it is another word.
const LONGEST: usize = 64;

/// A text as words.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// The words, in their order.
    pub words: Vec<Word>,
}

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word itself, then its other readings.
    pub keys: Vec<String>,
    /// Where it stands in the original, in bytes.
    pub span: Range<usize>,
    /// What stands between it and the word before.
    pub gap: Gap,
    /// What follows it at once, if that is no space.
    pub next: Option<char>,
    /// What stands right before it, if that is no space.
    pub before: Option<char>,
}

/// What stands between two words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// Nothing: a number and its unit.
    Glued,
    /// A space, a hyphen, a dot within a word.
    Space,
    /// A comma, a colon, a bracket, a quotation mark.
    Clause,
    /// The end of a sentence or line.
    Sentence,
}

impl Word {
    /// The word itself.
    pub fn plain(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// The number that it is, as digits; "l6" and "2o11" are those that they look like.
    pub fn number(&self) -> Option<u32> {
        let plain = self.plain();
        if matches!(plain.len(), 2 | 4) && plain.bytes().any(|byte| matches!(byte, b'o' | b'l' | b'i')) {
            let like = |letter| match letter {
                'o' => '0',
                'l' | 'i' => '1',
                other => other,
            };
            let digits: String = plain.chars().map(like).collect();
            let shaped =
                (plain.len() == 4 && plain.starts_with('2')) || plain.ends_with(|last: char| last.is_ascii_digit());
            let number = shaped && digits.bytes().all(|byte| byte.is_ascii_digit());
            return number.then(|| digits.parse().ok()).flatten();
        }
        (plain.len() <= 4 && plain.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| plain.parse().ok())
            .flatten()
    }
}

impl Text {
    /// Reads `original`.
    pub fn read(original: &str) -> Self {
        let mut reader = Reader::default();
        let mut characters = original.char_indices();
        let mut before = None;
        while let Some((at, character)) = characters.next() {
            let end = at + character.len_utf8();
            match characters::fold(character) {
                Folded::Nothing => continue,
                Folded::Letters(letters) => reader.letters(letters.as_str(), at..end, before),
                Folded::Picture(name) => reader.whole(name, at..end),
                Folded::Mark => {
                    let mut rest = characters.clone().map(|(_, next)| next);
                    let after = rest.find(|next| !characters::is_unseen(*next));
                    match characters::within_word(character, before, after) {
                        Some(kept) => reader.mark(kept, at..end, before),
                        None => reader.between(character, before, after),
                    }
                }
            }
            before = Some(character);
        }
        reader.end(None);
        Self { words: reader.words }
    }
}

/// The word that is being read, and those before it.
#[derive(Default)]
struct Reader {
    words: Vec<Word>,
    open: String,
    span: Range<usize>,
    gap: Option<Gap>,
    before: Option<char>,
}

impl Reader {
    fn letters(&mut self, letters: &str, span: Range<usize>, before: Option<char>) {
        if self.open.len() + letters.len() > LONGEST {
            self.end(None);
        }
        if self.open.is_empty() {
            self.span.start = span.start;
            self.before = before.filter(|character| !character.is_whitespace());
        }
        self.span.end = span.end;
        self.open.push_str(letters);
    }

    fn mark(&mut self, mark: Option<char>, span: Range<usize>, before: Option<char>) {
        if let Some(mark) = mark {
            self.letters(mark.encode_utf8(&mut [0; 4]), span, before);
        }
    }

    /// A character that is a word: the name of a picture.
    fn whole(&mut self, name: &str, span: Range<usize>) {
        self.end(None);
        self.span = span;
        self.open.push_str(name);
        self.end(None);
    }

    fn between(&mut self, character: char, before: Option<char>, after: Option<char>) {
        self.end(Some(character));
        let gap = characters::gap(character, before, after);
        self.gap = self.gap.max(Some(gap));
    }

    fn end(&mut self, next: Option<char>) {
        if self.open.is_empty() {
            return;
        }
        let mut open = std::mem::take(&mut self.open);
        // "here!!" ends with marks, not with letters.
        let letters = open.trim_end_matches(['!', '|']).len();
        self.span.end -= open.len() - letters;
        open.truncate(letters);
        if open.is_empty() {
            return;
        }
        // Whatever a text begins with, its first word begins a sentence.
        let gap = self.gap.take();
        let gap = if self.words.is_empty() {
            Gap::Sentence
        } else {
            gap.unwrap_or(Gap::Glued)
        };
        let word = Word {
            keys: vec![open],
            span: self.span.clone(),
            gap,
            next: next.filter(|character| !character.is_whitespace()),
            before: self.before.take(),
        };
        match readings::number_and_unit(&word) {
            Some((mut number, mut unit)) => {
                readings::add(&mut number);
                readings::add(&mut unit);
                self.words.extend([number, unit]);
            }
            None => {
                let mut word = word;
                readings::add(&mut word);
                self.words.push(word);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Vec<String> {
        Text::read(text)
            .words
            .iter()
            .map(|word| word.plain().to_owned())
            .collect()
    }

    #[test]
    fn what_a_text_is_dressed_in_is_taken_off() {
        assert_eq!(plain("Ｈéllo, I’m ⑯ — “ok”?"), ["hello", "im", "16", "ok"]);
        assert_eq!(plain("s\u{200b}e\u{ad}x"), ["sex"]);
        assert_eq!(plain("ñandú straße"), ["nandu", "strasse"]);
        assert_eq!(plain("𝓱𝓮𝓵𝓵𝓸 🅷🅸 🇭🇮 ʜɪ"), ["hello", "hi", "hi", "hi"]);
        assert_eq!(plain("z̷̢a̶l̸go"), ["zalgo"]);
    }

    #[test]
    fn a_number_is_a_number_first() {
        let words = Text::read("26 year old, 16yo, 8th, s3x, 5ex").words;
        assert_eq!(words[0].number(), Some(26));
        assert_eq!(words[0].keys, ["26"]);
        assert_eq!(
            (words[3].number(), words[4].plain(), words[4].gap),
            (Some(16), "yo", Gap::Glued)
        );
        assert_eq!((words[5].number(), words[6].plain()), (Some(8), "th"));
        assert_eq!(words[7].keys, ["s3x", "sex"]);
        assert_eq!((words[8].plain(), words[9].plain()), ("5", "ex"));
    }

    #[test]
    fn letters_of_another_alphabet_are_what_they_look_like() {
        assert!(Text::read("sеx").words[0].keys.contains(&"sex".to_owned()));
        assert!(Text::read("ѕех").words[0].keys.contains(&"sex".to_owned()));
        assert_eq!(Text::read("секс").words[0].keys[0], "секс");
    }

    #[test]
    fn stretched_and_masked_words_have_a_reading_without() {
        assert!(Text::read("seeeex").words[0].keys.contains(&"sex".to_owned()));
        assert_eq!(Text::read("f*ck it*").words[0].plain(), "f*ck");
        assert!(Text::read("p@$$word").words[0].keys.contains(&"password".to_owned()));
        assert_eq!(plain("*smiles* hi!"), ["smiles", "hi"]);
    }

    #[test]
    fn what_stands_between_words_is_known() {
        let gaps: Vec<Gap> = Text::read("Hi there, you. A b\nc s.e.x 16.5")
            .words
            .iter()
            .map(|word| word.gap)
            .collect();
        use Gap::{Clause, Glued, Sentence, Space};
        assert_eq!(
            gaps,
            [
                Sentence, Space, Clause, Sentence, Space, Sentence, Space, Space, Space, Space, Space
            ]
        );
        assert_eq!(Text::read("16.5").words[0].next, Some('.'));
        assert_eq!(Text::read("$16").words[0].before, Some('$'));
        let _ = Glued;
    }

    #[test]
    fn spans_lead_back_to_the_original() {
        let original = "Oh “Ｓéx”, 16yo";
        let words = Text::read(original).words;
        let texts: Vec<&str> = words.iter().map(|word| &original[word.span.clone()]).collect();
        assert_eq!(texts, ["Oh", "Ｓéx", "16", "yo"]);
    }
}
