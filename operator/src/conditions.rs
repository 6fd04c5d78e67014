//! Conditions as kstatus reads them: `Reconciling` and `Stalled` say whether something is still moving, `Ready` whether
//! all is well. The time of a condition changes only with its status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

/// Longest message; the API server takes 32 kB, a reader fewer.
const LONGEST: usize = 1_000;

/// What a condition says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// So it is.
    True,
    /// So it is not.
    False,
    /// Not known yet.
    Unknown,
}

impl State {
    /// As the API spells it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for State {
    fn from(is: bool) -> Self {
        if is { Self::True } else { Self::False }
    }
}

/// A condition before it has a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its type.
    pub kind: &'static str,
    /// What it says.
    pub state: State,
    /// Why, in one word.
    pub reason: String,
    /// Why, and what to do.
    pub message: String,
}

impl Finding {
    /// A condition of type `kind`.
    pub fn new(
        kind: &'static str,
        state: impl Into<State>,
        reason: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            state: state.into(),
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// Whether it says so.
    pub fn is_true(&self) -> bool {
        self.state == State::True
    }
}

/// `findings` as conditions that keep their time where their status stays.
pub fn conditions(
    findings: Vec<Finding>,
    old: &[Condition],
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let condition = |finding: Finding| {
        let status = finding.state.text();
        let same = old
            .iter()
            .find(|known| known.type_ == finding.kind && known.status == status);
        Condition {
            type_: finding.kind.into(),
            status: status.into(),
            reason: finding.reason,
            message: shorten(finding.message),
            observed_generation: generation,
            // The API keeps whole seconds; with more, what we write would never equal what we read.
            last_transition_time: same
                .map_or_else(|| Time(whole_second(now)), |known| known.last_transition_time.clone()),
        }
    };
    findings.into_iter().map(condition).collect()
}

fn whole_second(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn shorten(mut message: String) -> String {
    if let Some((index, _)) = message.char_indices().nth(LONGEST) {
        message.truncate(index);
        message.push_str(" ...");
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_condition_changes_only_with_its_status() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = conditions(
            vec![Finding::new("Ready", false, "Starting", "one")],
            &[],
            Some(1),
            at(10),
        );
        let second = conditions(
            vec![Finding::new("Ready", false, "Migrating", "two")],
            &first,
            Some(2),
            at(20),
        );
        assert_eq!(second[0].last_transition_time, first[0].last_transition_time);
        assert_eq!(
            (second[0].reason.as_str(), second[0].observed_generation),
            ("Migrating", Some(2))
        );
        let third = conditions(vec![Finding::new("Ready", true, "Ready", "")], &second, Some(2), at(30));
        assert_eq!(third[0].last_transition_time, Time(at(30)));
    }
}
