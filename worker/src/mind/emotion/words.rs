//! A message in, its words out: each with where it stands, what separates it from the word before, and how it is written.
//! Signs (emoji, smileys) are words of their own; what is quoted is one word that no one knows.

use super::lexicon::Lexicon;

/// Characters within which a quote must end to be one.
const MAX_QUOTE: usize = 400;

/// What stands between a word and the word before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gap {
    /// A space.
    None,
    /// A comma, a dash, a sign.
    Clause,
    /// A colon.
    Colon,
    /// A full stop or a new line.
    Sentence,
}

/// A word, a sign or something quoted.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Its number in the lexicon, 0 if it has none.
    pub word: u32,
    /// Bytes of the message.
    pub start: usize,
    pub end: usize,
    pub gap: Gap,
    /// Tied to the next word by a hyphen or a point: "sad-faced".
    pub joined: bool,
    /// Two letters or more, all capitals.
    pub capitals: bool,
    /// Only the first letter is a capital.
    pub title: bool,
    pub stretched: bool,
    pub number: bool,
    pub quoted: bool,
}

/// Words up to a full stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sentence {
    pub first: usize,
    /// Behind the last.
    pub end: usize,
    pub question: bool,
    /// Question marks at its end.
    pub questions: usize,
    pub exclamations: usize,
    /// Bytes of the marks that end it.
    pub marks: (usize, usize),
}

/// What a message consists of.
#[derive(Debug)]
pub struct Words {
    pub tokens: Vec<Token>,
    pub sentences: Vec<Sentence>,
    /// How many words tell each language.
    pub marks: [usize; 8],
}

/// Reads a message.
pub fn words(text: &str, lexicon: &Lexicon) -> Words {
    let mut reader = Reader {
        text,
        lexicon,
        at: 0,
        unquoted: 0,
        gap: Gap::Sentence,
        sentence: Sentence::default(),
        words: Words {
            tokens: Vec::new(),
            sentences: Vec::new(),
            marks: [0; 8],
        },
        buffer: String::new(),
    };
    while reader.at < text.len() {
        reader.step();
    }
    reader.end_sentence();
    reader.words
}

struct Reader<'a> {
    text: &'a str,
    lexicon: &'a Lexicon,
    at: usize,
    /// Byte before which no quote begins.
    unquoted: usize,
    gap: Gap,
    sentence: Sentence,
    words: Words,
    buffer: String,
}

impl Reader<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let Some(character) = rest.chars().next() else { return };
        let before = self.text[..self.at].chars().next_back();
        let inside = before.is_some_and(char::is_alphanumeric);
        if let Some((sign, word)) = self.lexicon.sign_at(rest)
            && (!sign.is_ascii() || stands_alone(sign, inside, &rest[sign.len()..]))
        {
            let width = sign.len();
            self.gap = self.gap.max(Gap::Clause);
            self.push(width, word, |token| token);
            self.gap = Gap::Clause;
            return;
        }
        match character {
            _ if character.is_alphanumeric() => self.word(rest),
            '\n' | '\r' => {
                self.end_sentence();
                self.at += 1;
                if self.text[self.at..].starts_with('>') {
                    self.at += self.text[self.at..].find('\n').unwrap_or(self.text.len() - self.at);
                }
            }
            '.' | '!' | '?' | '…' | '？' | '！' | '。' => self.end_mark(character, rest),
            '-' | '–' | '—' if !rest[character.len_utf8()..].starts_with(char::is_alphanumeric) || !inside => {
                self.skip(character, Gap::Clause);
            }
            ',' | ';' | '(' | ')' | '—' | '*' | '[' | ']' | '|' => self.skip(character, Gap::Clause),
            ':' => self.skip(character, Gap::Colon),
            '-' | '–' | '_' | '@' => {
                self.join();
                self.at += character.len_utf8();
            }
            '>' if before.is_none() => self.at += rest.find('\n').unwrap_or(rest.len()),
            '`' if rest.starts_with("```") => self.quote(3, rest[3..].find("```").map_or(rest.len(), |end| end + 6)),
            '"' | '“' | '„' | '«' | '`' | '\'' | '‘' if self.at >= self.unquoted => {
                match quoted(rest, character, inside) {
                    Some(width) => self.quote(0, width),
                    None => {
                        // An apostrophe that opens nothing ("'cause") is not looked behind again for each one after it.
                        if !inside && matches!(character, '\'' | '‘') {
                            self.unquoted = self.at + MAX_QUOTE;
                        }
                        self.at += character.len_utf8();
                    }
                }
            }
            _ => self.at += character.len_utf8(),
        }
    }

    /// A word, or an address that begins like one.
    fn word(&mut self, rest: &str) {
        let within = |c: char| c.is_alphanumeric() || matches!(c, '\'' | '’' | '\u{300}'..='\u{36f}' | '\u{200d}');
        let width = rest.find(|c| !within(c)).unwrap_or(rest.len());
        let raw = rest[..width].trim_end_matches(['\'', '’']);
        let raw = &rest[..number(raw, rest)];
        let after = &rest[width..];
        if after.starts_with("://") || raw.eq_ignore_ascii_case("www") {
            self.at += rest.find(char::is_whitespace).unwrap_or(rest.len());
            return;
        }
        let (word, marks, stretched) = self.lexicon.look_up(raw, &mut self.buffer);
        for (index, count) in self.words.marks.iter_mut().enumerate() {
            *count += usize::from(marks >> index & 1);
        }
        let mut letters = raw.chars().filter(|c| c.is_alphabetic());
        let first = letters.next().is_some_and(char::is_uppercase);
        let (count, upper) = letters.fold((0, 0), |(count, upper), c| {
            (count + 1, upper + usize::from(c.is_uppercase()))
        });
        self.push(raw.len(), word, |token| Token {
            stretched,
            capitals: first && count > 0 && upper == count,
            title: first && upper < count,
            number: raw.bytes().all(|byte| byte.is_ascii_digit() || byte == b','),
            ..token
        });
    }

    fn push(&mut self, width: usize, word: u32, with: impl Fn(Token) -> Token) {
        let (start, end, gap) = (self.at, self.at + width, self.gap);
        self.words.tokens.push(with(Token {
            word,
            start,
            end,
            gap,
            joined: false,
            capitals: false,
            title: false,
            stretched: false,
            number: false,
            quoted: false,
        }));
        self.gap = Gap::None;
        self.at = end;
    }

    /// Something that someone else said, or that is not said at all. `least` is for marks that need not be closed.
    fn quote(&mut self, least: usize, width: usize) {
        let width = width.max(least).min(self.text.len() - self.at);
        self.push(width, 0, |token| Token { quoted: true, ..token });
    }

    fn skip(&mut self, character: char, gap: Gap) {
        self.gap = self.gap.max(gap);
        self.at += character.len_utf8();
    }

    fn join(&mut self) {
        if let Some(last) = self.words.tokens.last_mut()
            && last.end == self.at
        {
            last.joined = true;
        }
    }

    /// A full stop ends a sentence unless it stands inside something, as in "3.5" and "example.com".
    fn end_mark(&mut self, mark: char, rest: &str) {
        let run = rest.len() - rest.trim_start_matches(['.', '!', '?', '…', '？', '！', '。']).len();
        if mark == '.' && run == 1 && rest[1..].starts_with(char::is_alphanumeric) {
            self.join();
            self.at += 1;
            return;
        }
        let marks = &rest[..run];
        self.sentence.question |= marks.contains(['?', '？']);
        self.sentence.questions = marks.matches(['?', '？']).count();
        self.sentence.exclamations += marks.matches(['!', '！']).count();
        self.sentence.marks = (self.at, self.at + run);
        self.at += run;
        self.end_sentence();
    }

    fn end_sentence(&mut self) {
        self.gap = Gap::Sentence;
        self.sentence.end = self.words.tokens.len();
        // "???" says something without a word.
        if self.sentence.end > self.sentence.first || self.words.tokens.is_empty() && self.sentence.questions > 0 {
            self.words.sentences.push(self.sentence);
        } else if let Some(last) = self.words.sentences.last_mut() {
            // Marks behind a sign ("why?? 😭 !!") belong to the sentence before it.
            last.exclamations += self.sentence.exclamations;
        }
        self.sentence = Sentence {
            first: self.sentence.end,
            ..Sentence::default()
        };
    }
}

/// The width of a word; of a number with its thousands: "50,000".
fn number(raw: &str, rest: &str) -> usize {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let (mut width, bytes) = (raw.len(), rest.as_bytes());
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        while digit(bytes.get(width)) || bytes.get(width) == Some(&b',') && digit(bytes.get(width + 1)) {
            width += 1;
        }
    }
    width
}

/// Whether a sign of ASCII characters is one and not part of a word or an address.
fn stands_alone(sign: &str, inside: bool, after: &str) -> bool {
    let letter = |c: char| c.is_alphanumeric();
    let word_like = sign.starts_with(letter) || sign.starts_with('/');
    let goes_on = word_like && inside || after.starts_with(|c: char| letter(c) || c == '/');
    !goes_on
}

/// The width of a quote that begins this text, if it ends soon, and on the same line.
fn quoted(text: &str, opening: char, inside: bool) -> Option<usize> {
    let closing: &[char] = match opening {
        '“' => &['”', '“'],
        '„' => &['“', '”'],
        '«' => &['»'],
        '`' => &['`'],
        '\'' | '‘' => &['\'', '’'],
        _ => &['"', '”'],
    };
    let single = closing[0] == '\'';
    if single && inside {
        return None;
    }
    let mut characters = text.char_indices().skip(1).take(MAX_QUOTE).peekable();
    while let Some((index, character)) = characters.next() {
        if character == '\n' {
            return None;
        }
        let next = characters.peek().map(|(_, next)| *next);
        if closing.contains(&character) && !(single && next.is_some_and(char::is_alphanumeric)) {
            return Some(index + character.len_utf8());
        }
    }
    None
}
