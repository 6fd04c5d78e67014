//! When a Job that must succeed once is tried again. In: the attempts there were, for the inputs that count now. Out:
//! what to do, and when to look again. Attempts are Jobs, so a restarted operator knows as much as the one before.

use jiff::{SignedDuration, Timestamp};

/// One attempt, as its Job shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Counted from 1.
    pub number: u32,
    /// How it ended, if it has.
    pub outcome: Outcome,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not yet.
    Running,
    /// Well, at this time.
    Succeeded(Timestamp),
    /// Badly, at this time.
    Failed(Timestamp),
}

/// What to do about an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Start attempt `number` now.
    Start {
        /// Counted from 1.
        number: u32,
    },
    /// One is under way.
    Running,
    /// Too early for the next one.
    Wait {
        /// Time until it is due.
        due_in: SignedDuration,
    },
    /// It succeeded, and that is enough.
    Done,
}

/// Minutes between failed attempts, after the quick ones: 1, 2, 4 ... 30.
const SLOWEST_MINUTES: i64 = 30;

/// The time to wait after the `failures`th failure in a row; the first `quick` of them follow after 5, 10, 20 seconds.
fn pause(failures: u32, quick: u32) -> SignedDuration {
    let doubled = |base: i64, times: u32| base.saturating_mul(1_i64.checked_shl(times.min(30)).unwrap_or(i64::MAX));
    if failures <= quick {
        SignedDuration::from_secs(doubled(5, failures.saturating_sub(1)))
    } else {
        SignedDuration::from_mins(doubled(1, failures - quick - 1).min(SLOWEST_MINUTES))
    }
}

/// What to do now. `quick` failures are retried within seconds; a success is good for `valid_for`, or for ever.
pub fn next(attempts: &[Attempt], now: Timestamp, quick: u32, valid_for: Option<SignedDuration>) -> Step {
    let Some(last) = attempts.iter().max_by_key(|attempt| attempt.number) else {
        return Step::Start { number: 1 };
    };
    let last_success = attempts
        .iter()
        .filter(|attempt| matches!(attempt.outcome, Outcome::Succeeded(_)))
        .map(|attempt| attempt.number)
        .max();
    let due = match last.outcome {
        Outcome::Running => return Step::Running,
        Outcome::Succeeded(at) => match valid_for {
            None => return Step::Done,
            Some(valid_for) => at + valid_for,
        },
        // A success that is good for ever is not spoilt by what was tried after it.
        Outcome::Failed(_) if valid_for.is_none() && last_success.is_some() => return Step::Done,
        Outcome::Failed(at) => at + pause(last.number - last_success.unwrap_or(0), quick),
    };
    let due_in = due.duration_since(now);
    if due_in.is_positive() {
        Step::Wait { due_in }
    } else {
        Step::Start {
            number: last.number.saturating_add(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn failed(number: u32, second: i64) -> Attempt {
        Attempt {
            number,
            outcome: Outcome::Failed(at(second)),
        }
    }

    fn wait(seconds: i64) -> Step {
        Step::Wait {
            due_in: SignedDuration::from_secs(seconds),
        }
    }

    #[test]
    fn attempts_follow_each_other_more_and_more_slowly() {
        let table = [
            (vec![], 0, 0, Step::Start { number: 1 }),
            (vec![failed(1, 0)], 0, 0, wait(60)),
            (vec![failed(1, 0)], 60, 0, Step::Start { number: 2 }),
            (vec![failed(2, 0)], 60, 0, wait(60)),
            (vec![failed(5, 0)], 0, 0, wait(16 * 60)),
            (vec![failed(6, 0)], 0, 0, wait(30 * 60)),
            (vec![failed(60, 0)], 0, 0, wait(30 * 60)),
            (vec![failed(1, 0)], 0, 3, wait(5)),
            (vec![failed(3, 0)], 0, 3, wait(20)),
            (vec![failed(4, 0)], 0, 3, wait(60)),
        ];
        for (attempts, now, quick, step) in table {
            assert_eq!(next(&attempts, at(now), quick, None), step, "{attempts:?} at {now}");
        }
    }

    #[test]
    fn only_one_runs_at_a_time() {
        let running = Attempt {
            number: 2,
            outcome: Outcome::Running,
        };
        assert_eq!(next(&[failed(1, 0), running], at(1_000_000), 0, None), Step::Running);
    }

    #[test]
    fn a_success_is_enough_for_as_long_as_it_is_valid() {
        let success = Attempt {
            number: 4,
            outcome: Outcome::Succeeded(at(0)),
        };
        assert_eq!(next(std::slice::from_ref(&success), at(1_000_000), 0, None), Step::Done);
        let hour = Some(SignedDuration::from_hours(1));
        assert_eq!(next(std::slice::from_ref(&success), at(600), 0, hour), wait(3_000));
        assert_eq!(
            next(std::slice::from_ref(&success), at(3_600), 0, hour),
            Step::Start { number: 5 }
        );
        // The first failure after it is a first failure again.
        assert_eq!(next(&[success, failed(5, 3_600)], at(3_600), 3, hour), wait(5));
    }
}
