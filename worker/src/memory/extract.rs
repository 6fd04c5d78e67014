//! What a user wrote in, facts about that user out, in the third person. Patterns only, no model: a clause becomes a fact
//! when it begins as a statement of the user about himself or herself ("I live in", "my sister Anna"), and everything
//! else is left: questions, what is only supposed, quotes, reported speech, texts to be worked on, orders to the
//! assistant. A fact is built from a pattern's own words and a short captured value, so an order never becomes one.

mod clauses;
mod names;
mod objects;
mod patterns;
mod people;
#[cfg(test)]
mod sentences;
#[cfg(test)]
mod tests;
mod values;
mod vocabulary;
mod whose;

/// Characters of a message that are read.
const MAX_INPUT: usize = 4_000;

/// Facts of one message.
const MAX_FACTS: usize = 10;

/// Characters of a fact.
pub const MAX_FACT: usize = 200;

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What the user is called.
    Name,
    /// Someone, or an animal, the user knows.
    Relation,
    /// Where the user lives.
    Residence,
    /// Where the user is from.
    Origin,
    /// Work and studies.
    Work,
    /// What the user cannot eat or touch.
    Allergy,
    /// Health, as the user tells it.
    Health,
    /// What the user likes and dislikes.
    Preference,
    /// When the user was born, and how old the user is.
    Birthday,
    /// What the user eats and drinks, and what not.
    Diet,
    /// Languages the user speaks or learns.
    Language,
    /// What the user is going to do.
    Plan,
}

impl Kind {
    /// As stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Relation => "relation",
            Self::Residence => "residence",
            Self::Origin => "origin",
            Self::Work => "work",
            Self::Allergy => "allergy",
            Self::Health => "health",
            Self::Preference => "preference",
            Self::Birthday => "birthday",
            Self::Diet => "diet",
            Self::Language => "language",
            Self::Plan => "plan",
        }
    }
}

/// A fact about the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it is about.
    pub kind: Kind,
    /// A sentence in the third person, of at most [`MAX_FACT`] characters.
    pub text: String,
}

/// The facts that a message states about its writer, in their order, each once.
pub fn facts(message: &str) -> Vec<Fact> {
    let read: String = message.chars().take(MAX_INPUT).collect();
    let mut facts: Vec<Fact> = Vec::new();
    for clause in clauses::statements(&read) {
        let Some(fact) = patterns::fact(&clause) else { continue };
        if fact.text.chars().count() <= MAX_FACT && !facts.contains(&fact) {
            facts.push(fact);
        }
        if facts.len() == MAX_FACTS {
            break;
        }
    }
    facts
}
