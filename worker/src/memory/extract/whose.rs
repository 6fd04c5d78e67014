//! Whose words a sentence holds: the user's own, an order to the assistant, or a text by someone else that the user pasted,
//! announces or wants worked on. From the last kind on nothing is read, because no one can tell where that text ends.

use std::sync::LazyLock;

use regex::Regex;

use super::clauses::opened;
use super::values::pattern;

/// Whose words a sentence holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The user's, about anything.
    User,
    /// An order that is complete in itself: it states nothing.
    Order,
    /// Someone else's, or made up, here or from the next sentence on.
    Other,
}

/// Politeness and other words before an order.
const POLITE: &str = r"^(?:(?:please|now|hey|ok|okay|then|also|and|just|can\ you|could\ you|would\ you|will\ you|help\ me(?:\ to)?|let's|
    let\ us|i\ want\ you\ to|i\ need\ you\ to)[,\s]+)*";

/// Kinds of text.
const TEXT: &str = r"(?:text|stor(?:y|ies)|poem|song|lyrics|novel|letter|e-?mail|essay|script|dialogue|monologue|diary|bio|biography|profile|
    speech|scene|chapter|character|message|post|tweet|review|role|sentence|paragraph|draft|cv|resume|chat|conversation|transcript|
    log|comment|reply|note|quote|article)s?";

/// Orders to work with words.
static ORDER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix){POLITE}(?:translate|rewrite|rephrase|paraphrase|proof-?read|summari[sz]e|correct|repeat|say|echo|print|output|complete|finish|check|edit|
            fix|improve|explain|analy[sz]e|classify|write|compose|draft|continue|create|generate|read|quote)\b"
    ))
});

/// Such an order whose text follows: it points there ("this", "my essay", "after me"), or names nothing to work on.
/// "Explain photosynthesis" has all it needs.
static TEXT_FOLLOWS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix){POLITE}(?:
            (?:translate|rewrite|rephrase|paraphrase|proof-?read|summari[sz]e|correct|repeat|say|echo|print|output|complete|finish|check|edit|fix|improve|
               read|quote)\b
            (?:.*\b(?:this|these|that|those|it|following|below|after\ me|{TEXT}|grammar|spelling)\b.*|(?:\s+(?:to|into|in|from)\s+\w+)*[\s.:!?]*$)
            |(?:explain|analy[sz]e|classify|write|compose|draft|continue|create|generate)\b.*\b(?:following|below|{TEXT})\b)"
    ))
});

/// Something is made up from here on; a letter to someone may be anyone's.
static FICTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix){POLITE}(?:pretend|imagine|suppose|assume|role-?play|act|play\ the|you\ are\ (?:a|an|the|now)|story|poem|lyrics|dear)\b"
    ))
});

/// A text by someone else, announced without a colon.
static ANNOUNCED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?ix)\b(?:sent|wrote|texted|messaged|e-?mailed|posted|forwarded)\ (?:me|us|this|the\ following)\b
            |\b(?:here\ is|here's|this\ is|below\ is|see)\ (?:what\b|(?:a|an|the|my|his|her|their|this)\ (?:\w+\ )?{TEXT}\b)
            |\b(?:i|we)\ (?:got|received|found|read|saw)\ (?:this|the\ following|an?)\ (?:\w+\ )?{TEXT}\b"
    ))
});

/// A speaker's label, as in pasted chats and mails: "Tom:", "[12:03] Tom Smith:", "<tom>".
static SPEAKER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)^(?:[\[(]?[0-9][0-9/.,:\s-]*(?:[ap]m)?[\])]?[\s,-]*)?
            (?:<[^<>]{1,40}>|@?[\p{L}_][\p{L}\p{N}_.'-]*(?:\ [\p{L}\p{N}_.'-]+){0,2}\s*(?:[\[(][^\[\]()]*[\])])?\s*:(?:\s|$))",
    )
});

/// The user begins so, and no label does: "My hobbies: …".
static OWN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)^(?:i|my|the|an?|one|two|three|some|here|there|it|what)\b"));

/// What a colon may introduce that someone else says.
static FIRST_PERSON: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^\W*(?:i|i'm|im|i've|my|call me)\b"));

/// Whose words `sentence` holds.
pub fn whose(sentence: &str) -> Whose {
    let opened = opened(sentence);
    let either = |regex: &Regex| regex.is_match(sentence) || regex.is_match(opened);
    if either(&FICTION) || either(&TEXT_FOLLOWS) || ANNOUNCED.is_match(sentence) || is_introduction(opened) {
        Whose::Other
    } else if either(&ORDER) {
        Whose::Order
    } else {
        Whose::User
    }
}

/// "Tom: hello", "what my friend told the doctor: I live in Rome", or nothing behind the colon: it is on the next line.
fn is_introduction(opened: &str) -> bool {
    let said = opened.split_once(": ").map(|(_, said)| said);
    opened.trim_end().ends_with(':')
        || said.is_some_and(|said| FIRST_PERSON.is_match(said))
        || (SPEAKER.is_match(opened) && !OWN.is_match(opened))
}
