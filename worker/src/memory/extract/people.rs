//! Whom a clause is about: the user, or someone in the user's life, with a name where one is told.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::values::{pattern, value, written_name};
use super::vocabulary::RELATION;

/// Who a predicate is about.
pub struct Subject {
    /// "The user", "The user's sister Anna".
    pub text: String,
    /// Whether it is the user.
    pub user: bool,
}

impl Subject {
    /// A verb of the clause as it stands behind this subject: "live" of "I live" becomes "lives".
    pub fn verb(&self, verb: &str) -> String {
        let verb = verb.to_lowercase();
        match verb.as_str() {
            _ if !self.user => verb,
            "am" => "is".into(),
            "have" => "has".into(),
            "do" => "does".into(),
            "study" => "studies".into(),
            "teach" => "teaches".into(),
            "was born" | "was born and raised" | "grew up" | "moved" | "relocated" | "cannot" => verb,
            _ => verb + "s",
        }
    }
}

/// The subject of a clause, and its predicate.
pub fn subject(clause: &str) -> Option<(Subject, &str)> {
    static PERSON: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"(?i)^my (?P<who>{RELATION}),?(?: (?P<name>\p{{L}}[\p{{L}}'-]*(?-i: \p{{Lu}}[\p{{L}}'-]*)?),?)?(?: (?:{ADVERB}))* (?P<rest>(?:{VERB})\b.*)$"
        ))
    });
    static CHANGES_NOTHING: LazyLock<Regex> = LazyLock::new(|| pattern(&format!("(?i)^(?:{ADVERB})$")));
    if let Some(predicate) = clause.strip_prefix("I ").or_else(|| clause.strip_prefix("i ")) {
        let (text, user) = ("The user".to_owned(), true);
        return Some((Subject { text, user }, predicate));
    }
    let found = PERSON.captures(clause)?;
    let who = found["who"].to_lowercase();
    let text = match found.name("name").map(|word| word.as_str()) {
        Some(word) if !CHANGES_NOTHING.is_match(word) => {
            // "my mother tongue is", "my sister never lives": no name, and what the clause says is something else.
            let called = written_name(word)?;
            format!("The user's {who} {called}")
        }
        _ => format!("The user's {who}"),
    };
    let predicate = found.name("rest")?.as_str();
    Some((Subject { text, user: false }, predicate))
}

/// Words before a verb that change nothing of it.
const ADVERB: &str = "also|actually|all|both|currently|just|now|really|recently|still";

/// What a predicate about someone begins with.
const VERB: &str = "adores?|am|are|cannot|collects?|comes?|detests?|died|dislikes?|do not|eats?|enjoys?|grew up|has|hates?|have|is|likes?|lives?|\
    loves?|manages?|moved|owns?|passed away|plays?|prefers?|relocated|resides?|runs?|speaks?|studies|study|suffers?|teach(?:es)?|was|were|works?";

/// "my cats are called Miso and Tofu".
pub fn names(c: &Captures) -> Option<String> {
    let (who, called) = match (c.get(1), c.get(3)) {
        (Some(who), _) => (who, c.get(2)?),
        (None, who) => (who?, c.get(4)?),
    };
    Some(format!(
        "'s {} are called {}",
        who.as_str().to_lowercase(),
        all_names(called.as_str())?
    ))
}

/// "Miso and Tofu", if all of them can be names.
pub fn all_names(text: &str) -> Option<String> {
    let called = value(text, 8)?;
    let words = called
        .split([' ', ',', '&'])
        .filter(|word| !word.is_empty() && *word != "and");
    let names = words.map(written_name).collect::<Option<Vec<_>>>()?;
    match names.as_slice() {
        [] => None,
        [name] => Some(name.clone()),
        _ => Some(called),
    }
}
