//! Statements about others in the user's life: who they are, what they are called, what lasts about them.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::patterns::lower;
use super::values::{name, pattern, place, value};
use super::vocabulary::{CONDITION, COUNT, NATIONALITY};

/// "I have a cat called Miso".
pub fn owned(c: &Captures) -> Option<String> {
    let what = format!("{} {}", lower(&c[1]), value(&c[2], 5)?);
    match c.get(3) {
        Some(called) => Some(format!(
            " has {what} called {}",
            name(called.as_str()).or_else(|| value(called.as_str(), 6))?
        )),
        None => Some(format!(" has {what}")),
    }
}

/// "my cats are called Miso and Tofu".
pub fn names(c: &Captures) -> Option<String> {
    let (who, called) = match (c.get(1), c.get(3)) {
        (Some(who), _) => (who, c.get(2)?),
        (None, who) => (who?, c.get(4)?),
    };
    Some(format!(
        "'s {} are called {}",
        lower(who.as_str()),
        value(called.as_str(), 8)?
    ))
}

/// "my sister Anna lives in Lisbon": who, perhaps the name, and what lasts about them.
pub fn relative(c: &Captures) -> Option<String> {
    let who = lower(&c["who"]);
    let called = match c.name("name") {
        Some(word) if ADVERBS.contains(&lower(word.as_str()).as_str()) => None,
        // "my sister never lives": no name, and what else it says is lost.
        Some(word) => Some(name(word.as_str())?),
        None => None,
    };
    let verb = lower(&c["verb"]);
    let rest = c.name("rest").map(|rest| rest.as_str()).unwrap_or_default();
    let subject = called
        .as_ref()
        .map_or_else(|| format!("'s {who}"), |called| format!("'s {who} {called}"));
    if matches!(verb.as_str(), "died" | "passed away") {
        let when = value(rest, 6).map(|when| format!(" {when}")).unwrap_or_default();
        return Some(format!("{subject} {verb}{when}"));
    }
    if !LASTING.is_match(&format!("{verb} {rest}")) {
        // "my boss is Karen"; anything else that merely is passes soon.
        static NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\p{Lu}\p{Ll}+(?: \p{Lu}\p{Ll}+)?$"));
        let named = called.is_none() && verb == "is" && NAME.is_match(rest);
        return if named {
            Some(format!("'s {who} is called {}", name(rest)?))
        } else {
            None
        };
    }
    // "lives in lisbon": a place gets its capital.
    static AT: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^(in|from|to|near) (.+)$"));
    let rest = match AT.captures(rest) {
        Some(at) if verb != "works" && verb != "work" => format!("{} {}", lower(&at[1]), place(&at[2])?),
        _ => value(rest, 10)?,
    };
    Some(format!("{subject} {verb} {rest}"))
}

/// Words between someone and a verb that change nothing of it.
const ADVERBS: [&str; 8] = [
    "also",
    "actually",
    "currently",
    "just",
    "now",
    "really",
    "recently",
    "still",
];

/// What lasts about someone.
static LASTING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        "^(?i:lives? (?:in|with|near|on|at|by|next|alone|abroad|close|far)\\b|works? (?:as|at|for|in|on|with|from)\\b|stud(?:y|ies) |moved to |\
         comes? from |grew up in |w(?:as|ere) born |(?:has|have) (?:{COUNT}|{CONDITION})\\b|(?:loves?|likes?|hates?|plays?|speaks?|teaches|owns?) |\
         (?:is|are) (?:an? |from |in |based in |living |working (?:as|at|for|in) |studying |allergic |afraid of |scared of |vegan|vegetarian|pregnant|married|\
         engaged|divorced|retired|deaf|blind|[0-9]{{1,3}}\\b|(?-i:{NATIONALITY})\\b))"
    ))
});
