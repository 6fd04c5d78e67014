//! What an import did, as it is printed: for each kind of row how many were found, brought, known from an earlier import, and
//! left, with the reason. Every row that is found is counted once: `found = brought + known + left`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::source::Belongings;

/// A kind of row.
pub type Kind = &'static str;

/// People.
pub const USERS: Kind = "users";
/// Whom they talked with.
pub const PERSONAS: Kind = "personas";
/// What was said when.
pub const CONVERSATIONS: Kind = "conversations";
/// What was said.
pub const MESSAGES: Kind = "messages";
/// What was learned.
pub const MEMORIES: Kind = "memories";

/// Why a user is left.
pub const NO_SUBJECT: &str = "its external_user_id is missing or longer than a token's subject may be";
/// Why a user is left.
pub const ERASED: &str = "the user was erased here";
/// Why what is left over is.
const OF_NOBODY: &str = "it belongs to no user or conversation that is there";
/// Why personas are left.
const NO_PERSONAS: &str = "personas have no place here yet";

/// The receipt.
#[derive(Debug, Serialize)]
pub struct Receipt {
    /// Nothing of it was kept.
    pub dry_run: bool,
    /// Everything was looked at.
    pub complete: bool,
    #[serde(flatten)]
    tallies: Tallies,
}

/// Counts by kind.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Tallies(BTreeMap<Kind, Tally>);

/// Counts of one kind.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Rows of the old service.
    pub found: u64,
    /// Rows that are new here.
    pub brought: u64,
    /// Of those, memories that hold no more: they are kept as history.
    #[serde(skip_serializing_if = "is_zero")]
    pub superseded: u64,
    /// Rows of an earlier import, whatever became of them here.
    pub known: u64,
    /// Rows that are not brought, by reason.
    pub left: BTreeMap<&'static str, u64>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Tallies {
    /// Counts rows that are new here.
    pub fn brought(&mut self, kind: Kind, rows: usize) {
        let tally = self.of(kind, rows);
        tally.brought += rows as u64;
    }

    /// Says of rows that were counted as brought that they hold no more.
    pub fn superseded(&mut self, kind: Kind, rows: usize) {
        self.of(kind, 0).superseded += rows as u64;
    }

    /// Counts rows of an earlier import.
    pub fn known(&mut self, kind: Kind, rows: usize) {
        self.of(kind, rows).known += rows as u64;
    }

    /// Counts rows that are left.
    pub fn left(&mut self, kind: Kind, rows: usize, why: &'static str) {
        if rows > 0 {
            *self.of(kind, rows).left.entry(why).or_default() += rows as u64;
        }
    }

    fn of(&mut self, kind: Kind, found: usize) -> &mut Tally {
        let tally = self.0.entry(kind).or_default();
        tally.found += found as u64;
        tally
    }
}

impl Receipt {
    /// Of an import that begins.
    pub fn new(dry_run: bool) -> Self {
        let mut tallies = Tallies::default();
        for kind in [USERS, PERSONAS, CONVERSATIONS, MESSAGES, MEMORIES] {
            tallies.of(kind, 0);
        }
        Self {
            dry_run,
            complete: false,
            tallies,
        }
    }

    /// Adds what became of a user.
    pub fn add(&mut self, tallies: Tallies) {
        for (kind, tally) in tallies.0 {
            let sum = self.tallies.0.entry(kind).or_default();
            sum.found += tally.found;
            sum.brought += tally.brought;
            sum.superseded += tally.superseded;
            sum.known += tally.known;
            for (why, rows) in tally.left {
                *sum.left.entry(why).or_default() += rows;
            }
        }
    }

    /// Counts a user who is left, with everything of theirs.
    pub fn leave_user(&mut self, belongings: &Belongings, why: &'static str) {
        let messages = belongings
            .conversations
            .iter()
            .map(|conversation| conversation.messages.len())
            .sum();
        for (kind, rows) in [
            (USERS, 1),
            (CONVERSATIONS, belongings.conversations.len()),
            (MESSAGES, messages),
            (MEMORIES, belongings.memories.len()),
        ] {
            self.tallies.left(kind, rows, why);
        }
    }

    /// Counts the rows that no user led to, out of all that there are.
    pub fn leave_the_rest(&mut self, totals: &[(Kind, u64)]) {
        for (kind, total) in totals {
            let why = if *kind == PERSONAS { NO_PERSONAS } else { OF_NOBODY };
            let found = self.tallies.of(kind, 0).found;
            self.tallies.left(kind, total.saturating_sub(found) as usize, why);
        }
    }
}
