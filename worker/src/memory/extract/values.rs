//! The part of a statement that a pattern captures, made fit for a sentence in the third person; none if it holds what a
//! fact must not: the assistant, an order, a link, or more words than a fact needs.

use std::sync::LazyLock;

use regex::Regex;

/// A pattern written in this program.
#[allow(clippy::expect_used, reason = "a constant; the tests compile every one")]
pub fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this program is wrong")
}

/// Addressed to the assistant, an order, a link: nothing of it is kept.
static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)\b(?:you|your|yours|yourself|u|ur|assistant|chatbot|system\ prompts?|prompts?|instructions?|instructed|ignore|disregard|must|shall|
            obey|override|jailbreak|developer\ mode|kill|suicide|die|dying|i|https?|www)\b|[<>{}\[\]|\\]|://|…",
    )
});

/// What follows one of these no longer belongs to the value.
static REST: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?ix)(?:,\s*|\s+)(?:because|since|but|so|although|though|even|whenever|when|while|until|which|who|where|that|thanks|please|
            lol|haha|btw|by\ the\ way|though|anyway|as\ well|too|a\ lot|very\ much|so\ much|right\ now|at\ the\ moment|these\ days|now|
            [:;=][)\(DPp])(?:[\s,!.].*|$)",
    )
});

/// A value of at most `words` words, in the third person, or none.
pub fn value(text: &str, words: usize) -> Option<String> {
    let text = REST.replace(text.trim(), "");
    let text = text
        .trim_matches(|c: char| !c.is_alphanumeric() && c != '$' && c != '€')
        .trim();
    if text.is_empty() || FORBIDDEN.is_match(text) || text.split_whitespace().count() > words {
        return None;
    }
    Some(text.split_whitespace().map(third_person).collect::<Vec<_>>().join(" "))
}

/// A place: a value whose words are capitalised where the writer did not care to.
pub fn place(text: &str) -> Option<String> {
    let text = value(text, 7)?;
    let cared = text.chars().any(char::is_uppercase) || text.starts_with(|c: char| c.is_numeric());
    let common = ["the ", "a ", "an ", "their ", "my ", "another ", "different "]
        .iter()
        .any(|word| text.starts_with(word));
    Some(if cared || common { text } else { capitalised(&text) })
}

/// A name of one to three words; none for words that are no names.
pub fn name(text: &str) -> Option<String> {
    let text = REST.replace(text.trim(), "");
    let text = text.trim_matches(|c: char| !c.is_alphabetic());
    let words: Vec<&str> = text.split_whitespace().collect();
    let right = |word: &&str| {
        word.chars().all(|c| c.is_alphabetic() || matches!(c, '\'' | '-' | '.'))
            && word.chars().count() <= 20
            && !word.ends_with("n't")
            && !NO_NAMES.contains(&word.to_lowercase().as_str())
    };
    // One word may be in lower case; several are a name only in capitals.
    let shaped = words.len() == 1
        || words
            .iter()
            .all(|word| word.starts_with(char::is_uppercase) || word.len() <= 3);
    let fits = (1..=3).contains(&words.len()) && shaped && words.iter().all(right) && !FORBIDDEN.is_match(text);
    fits.then(|| capitalised(text))
}

/// Words that stand where a name could.
const NO_NAMES: &[&str] = &[
    "a",
    "actually",
    "again",
    "already",
    "also",
    "always",
    "an",
    "and",
    "anything",
    "anytime",
    "are",
    "asap",
    "at",
    "back",
    "by",
    "can",
    "cannot",
    "crazy",
    "currently",
    "does",
    "even",
    "finally",
    "fine",
    "from",
    "had",
    "happy",
    "has",
    "have",
    "her",
    "here",
    "his",
    "in",
    "is",
    "it",
    "just",
    "later",
    "maybe",
    "me",
    "mostly",
    "my",
    "names",
    "never",
    "no",
    "not",
    "now",
    "often",
    "ok",
    "okay",
    "old",
    "on",
    "only",
    "or",
    "out",
    "please",
    "probably",
    "really",
    "recently",
    "sad",
    "secret",
    "so",
    "sometimes",
    "soon",
    "sorry",
    "still",
    "stupid",
    "that",
    "the",
    "there",
    "this",
    "tired",
    "to",
    "today",
    "tomorrow",
    "tonight",
    "used",
    "usually",
    "very",
    "was",
    "were",
    "what",
    "whatever",
    "when",
    "who",
    "will",
];

/// First letters in capitals.
pub fn capitalised(text: &str) -> String {
    const SMALL: [&str; 8] = ["of", "de", "da", "del", "the", "van", "von", "near"];
    let word = |word: &str| match word.chars().next() {
        Some(first) if !SMALL.contains(&word) => first.to_uppercase().chain(word.chars().skip(1)).collect(),
        _ => word.to_owned(),
    };
    text.split_whitespace().map(word).collect::<Vec<String>>().join(" ")
}

fn third_person(word: &str) -> &str {
    match word.to_lowercase().as_str() {
        "my" => "their",
        "mine" => "theirs",
        "me" => "them",
        "myself" => "themselves",
        "our" => "their",
        "us" => "them",
        _ => word,
    }
}
