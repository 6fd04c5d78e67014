//! A message in, the clauses out that may state something about its writer. What is left out here: quotes, questions,
//! suppositions, reported speech, and with `whose` all that is an order or someone else's.

use std::sync::LazyLock;

use regex::Regex;

use super::values::pattern;
use super::whose::{Whose, whose};

/// What was said by someone else: a quoted line, a quoted span, code. A short quoted word may be a name and is kept.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?m)^\s*>.*$|(?s)```.*?(?:```|\z)|`[^`\n]*`|"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|„[^“”\n]*[“”]|\B'(?:[^'\n]|\b'\b)*'\B"#,
    )
});

/// Not stated as true: supposed, wished, guessed, told by someone, or about a story.
static NOT_STATED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)\b(?:if|unless|would|wouldn't|could|couldn't|might|maybe|perhaps|imagine|suppose|supposing|pretend|hypothetically|
            wish|wished|whether|as\ though|say\ that|what\ if|said|says|say|told|tells|asked|asks|wrote|writes|texted|messaged|posted|
            replied|added|adds|shouted|yelled|whispered|swears?|swore|insists?|insisted|claims?|claimed|
            think|thinks|thought|believes?|believed|guess|sang|sings|lyrics?|quotes?|quoted|according|translate|story|novel|
            character|roleplay|joke|joking|kidding|dream|dreamed|dreamt|used\ to|no\ longer|anymore|any\ more)\b",
    )
});

/// How a question begins when its mark is missing.
static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:what|where|who|whom|whose|when|why|how|which|do|does|did|is|are|am|was|were|can|could|would|should|shall|will|have|has|had)\b",
    )
});

/// Words before a statement that change nothing of it.
static OPENING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^(?:(?:hi|hello|hey|hiya|greetings|good\ (?:morning|evening|afternoon)|there|well|so|ok|okay|oh|ah|yes|yeah|yep|no|nope|btw|
            by\ the\ way|also|and|but|actually|honestly|fyi|anyway|anyways|just\ so\ you\ know|for\ the\ record|in\ case\ you\ forgot|
            you\ know|please|now|right|sure|thanks|thank\ you|because|since|
            (?:please\ )?(?:remember|note|know)\ that|remember|do\ not\ forget(?:\ that)?|for\ your\ information|one\ thing|
            (?:here's|here\ is)\ (?:a|one)\ fact(?:\ about\ me)?|a\ fact\ about\ me|fun\ fact|[\w\s]{0,40}\babout\ me|fact|update|edit|
            note|reminder|correction|context|background|important|ps)(?:[,:!.\s–—-]+|$))+",
    )
});

/// Where a new statement begins inside a sentence: punctuation or a conjunction, then a pronoun. A colon introduces what
/// someone says, and so does a dash behind a name ("Tom Smith - I'm hungry"); three words are more than a name.
static JOINT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)(?:[,;]\s*(?:(?:and|but|so|plus|because|while|also|then)\s+)?|(?P<dash>\s*[–—]\s*|\s-\s)|\s(?:and|but|so|plus|because|while|since|also)\s+(?:also\s+)?)
            \s*(?P<next>(?:i|i'm|i've|my|you|he|she|it|we|they|call\ me|please\ call)\b)",
    )
});

/// Abbreviations whose point ends no sentence.
const ABBREVIATIONS: [&str; 8] = ["st", "dr", "mr", "mrs", "ms", "prof", "jr", "no"];

/// Clauses that may state something, with contractions written out and openings taken off.
pub fn statements(message: &str) -> Vec<String> {
    let text = message.replace(['’', '‘'], "'");
    let text = QUOTED.replace_all(&text, keep_short_word);
    let mut clauses = Vec::new();
    for sentence in sentences(&text) {
        let sentence = written_out(sentence.trim());
        match whose(&sentence) {
            Whose::Other => break,
            Whose::Order => continue,
            Whose::User => {}
        }
        let opened = opened(&sentence);
        if sentence.ends_with('?') || QUESTION.is_match(opened) || NOT_STATED.is_match(&sentence) {
            continue;
        }
        let parts = split(opened).into_iter();
        clauses.extend(parts.map(|clause| self::opened(clause).trim_end_matches(['.', '!', ' ', ',']).to_owned()));
    }
    clauses
}

/// What is left without its opening.
pub fn opened(sentence: &str) -> &str {
    &sentence[OPENING.find(sentence).map_or(0, |opening| opening.end())..]
}

fn keep_short_word(found: &regex::Captures) -> String {
    let inner = found[0].trim_matches(['"', '“', '”', '„', '«', '»', '\'']);
    let word = inner.len() < found[0].len()
        && inner.chars().count() <= 20
        && !inner.is_empty()
        && inner.chars().all(char::is_alphabetic);
    if word { inner.to_owned() } else { " … ".to_owned() }
}

/// Sentences with their end mark.
fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    let (mut start, mut characters) = (0, text.char_indices().peekable());
    while let Some((index, character)) = characters.next() {
        let breaks = match character {
            '\n' => true,
            '.' | '!' | '?' | ';' => {
                let last_word = text[start..index]
                    .rsplit(|c: char| !c.is_alphanumeric())
                    .next()
                    .unwrap_or_default();
                let abbreviation = character == '.' && ABBREVIATIONS.contains(&last_word.to_lowercase().as_str());
                !abbreviation && characters.peek().is_none_or(|(_, next)| next.is_whitespace())
            }
            _ => false,
        };
        if breaks {
            let end = index + character.len_utf8();
            sentences.push(&text[start..end]);
            start = end;
        }
    }
    sentences.push(&text[start..]);
    sentences
}

fn split(sentence: &str) -> Vec<&str> {
    let mut clauses = Vec::new();
    let mut start = 0;
    for joint in JOINT.captures_iter(sentence) {
        let (Some(whole), Some(pronoun)) = (joint.get(0), joint.name("next")) else {
            continue;
        };
        let before = &sentence[start..whole.start().max(start)];
        if joint.name("dash").is_some() && before.split_whitespace().count() < 3 {
            return Vec::new();
        }
        clauses.push(before);
        start = pronoun.start();
    }
    clauses.push(&sentence[start..]);
    clauses
}

/// Contractions that patterns would otherwise have to spell twice.
fn written_out(sentence: &str) -> String {
    static SHORT: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (
                r"(?i)\bi(?: would|'d) (?:really )?(?:like|love) (?:you to call me)\b",
                "call me",
            ),
            (
                r"(?i)\bi(?: would|'d) (?:really )?(?:like|love|prefer) to\b",
                "I want to",
            ),
            (r"(?i)\bi'm\b|\bim\b", "I am"),
            (r"(?i)\bi've(?: got)?\b|\bi have got\b", "I have"),
            (r"(?i)\bi'll\b", "I will"),
            (r"(?i)\b(?:can't|cannot|can not)\b", "cannot"),
            (r"(?i)\bdon't\b", "do not"),
            (r"(?i)\bname's\b", "name is"),
            (
                r"(?i)\bi (?:really|absolutely|totally|truly|genuinely|also|still|currently|just|actually|now) ",
                "I ",
            ),
            (
                r"(?i)\bi am (?:really|also|still|currently|actually|now|originally) ",
                "I am ",
            ),
        ]
        .map(|(from, to)| (pattern(from), to))
        .into()
    });
    let mut text = sentence.to_owned();
    for (from, to) in SHORT.iter() {
        text = from.replace_all(&text, *to).into_owned();
    }
    text
}
