//! The circuit breaker of one provider, without a clock of its own. Closed, every call passes. When most calls of the last
//! seconds failed it opens, and none passes: whoever waits for a dead provider is answered sooner by the next one. After a
//! pause one probe passes; its success closes the breaker, its failure makes the pause longer.

use std::time::{Duration, Instant};

/// Fewest failures that open it.
const FAILURES: u32 = 5;
/// Failures older than two of these are forgotten.
const WINDOW: Duration = Duration::from_secs(15);
/// First pause; it doubles with each probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Leave to make one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// One of many.
    Call,
    /// The one that finds out whether the provider is well again; numbered, so that a late one is known.
    Probe(u32),
}

/// Where the breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// Calls pass.
    Closed,
    /// One call is finding out.
    HalfOpen,
    /// None passes until a pause is over.
    Open,
}

/// The breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    state: State,
    probes: u32,
    failed_probes: u32,
    recent: Recent,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Closed,
    Open {
        until: Instant,
    },
    Probing,
}

/// Calls of the last seconds: this window and the one before.
#[derive(Debug, Default)]
struct Recent {
    since: Option<Instant>,
    now: Counts,
    before: Counts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    answered: u32,
    failed: u32,
}

impl Breaker {
    /// Leave for a call, or how long there is none.
    ///
    /// # Errors
    /// The breaker is open for so long, or a probe is under way.
    pub fn pass(&mut self, now: Instant) -> Result<Pass, Duration> {
        match self.state {
            State::Closed => Ok(Pass::Call),
            State::Open { until } if now < until => Err(until - now),
            State::Probing => Err(FIRST_PAUSE),
            State::Open { .. } => {
                self.state = State::Probing;
                self.probes = self.probes.wrapping_add(1);
                Ok(Pass::Probe(self.probes))
            }
        }
    }

    /// The provider began to answer: a probe need not end to close the breaker.
    pub fn began(&mut self, pass: Pass) {
        if self.is_probe(pass) {
            *self = Self {
                probes: self.probes,
                ..Self::default()
            };
        }
    }

    /// The provider answered to the end, or refused for the request's sake.
    pub fn answered(&mut self, pass: Pass, now: Instant) {
        self.began(pass);
        if matches!(self.state, State::Closed) {
            self.recent.at(now).answered += 1;
        }
    }

    /// The provider failed. What was asked before the breaker opened says nothing new.
    pub fn failed(&mut self, pass: Pass, now: Instant) {
        if self.is_probe(pass) {
            self.failed_probes = self.failed_probes.saturating_add(1);
            self.open(now);
        } else if matches!(self.state, State::Closed) {
            self.recent.at(now).failed += 1;
            if self.recent.are_mostly_failures() {
                self.open(now);
            }
        }
    }

    /// The call ended without telling anything about the provider, as when nobody listens any more.
    pub fn released(&mut self, pass: Pass, now: Instant) {
        if self.is_probe(pass) {
            self.state = State::Open { until: now };
        }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        match self.state {
            State::Closed => Position::Closed,
            State::Probing => Position::HalfOpen,
            State::Open { .. } => Position::Open,
        }
    }

    fn is_probe(&self, pass: Pass) -> bool {
        matches!(self.state, State::Probing) && pass == Pass::Probe(self.probes)
    }

    fn open(&mut self, now: Instant) {
        let pause = FIRST_PAUSE * 2_u32.pow(self.failed_probes.min(8));
        self.state = State::Open {
            until: now + pause.min(LONGEST_PAUSE),
        };
        self.recent = Recent::default();
    }
}

impl Recent {
    fn at(&mut self, now: Instant) -> &mut Counts {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        if passed >= WINDOW {
            self.before = if passed < 2 * WINDOW {
                self.now
            } else {
                Counts::default()
            };
            self.now = Counts::default();
            self.since = Some(now);
        }
        &mut self.now
    }

    fn are_mostly_failures(&self) -> bool {
        let failed = self.now.failed + self.before.failed;
        failed >= FAILURES && failed > self.now.answered + self.before.answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// A breaker that opened at the given moment.
    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            let pass = breaker.pass(now).unwrap();
            breaker.failed(pass, now);
        }
        assert_eq!(breaker.position(), Position::Open);
        breaker
    }

    #[test]
    fn it_opens_after_five_failures_and_says_how_long() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.pass(now + seconds(2)), Err(seconds(3)));
    }

    #[test]
    fn failures_among_more_answers_do_not_open_it() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.answered(Pass::Call, now);
            breaker.failed(Pass::Call, now);
        }
        assert_eq!(breaker.position(), Position::Closed);
    }

    #[test]
    fn old_failures_are_forgotten() {
        let mut now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            breaker.failed(Pass::Call, now);
            now += seconds(10);
        }
        assert_eq!(breaker.position(), Position::Closed);
    }

    #[test]
    fn one_probe_passes_after_the_pause_and_its_success_closes() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + FIRST_PAUSE;
        let probe = breaker.pass(later).unwrap();
        assert_eq!(breaker.position(), Position::HalfOpen);
        assert!(breaker.pass(later).is_err(), "a second call passed beside the probe");
        breaker.began(probe);
        assert_eq!(breaker.position(), Position::Closed);
        assert_eq!(breaker.pass(later), Ok(Pass::Call));
    }

    #[test]
    fn a_probe_that_fails_makes_the_pause_longer_up_to_a_minute() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for pause in [10, 20, 40, 60, 60] {
            now += LONGEST_PAUSE;
            let probe = breaker.pass(now).unwrap();
            breaker.failed(probe, now);
            assert_eq!(breaker.pass(now), Err(seconds(pause)));
        }
    }

    #[test]
    fn a_probe_whose_client_left_makes_room_for_the_next() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let probe = breaker.pass(now + FIRST_PAUSE).unwrap();
        breaker.released(probe, now + FIRST_PAUSE);
        assert!(matches!(breaker.pass(now + FIRST_PAUSE), Ok(Pass::Probe(_))));
    }

    #[test]
    fn what_was_asked_before_it_opened_changes_nothing() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.answered(Pass::Call, now);
        breaker.failed(Pass::Call, now);
        assert_eq!(breaker.pass(now), Err(FIRST_PAUSE));
        let first = breaker.pass(now + FIRST_PAUSE).unwrap();
        breaker.released(first, now + FIRST_PAUSE);
        let second = breaker.pass(now + FIRST_PAUSE).unwrap();
        breaker.failed(first, now + FIRST_PAUSE);
        assert_eq!(
            breaker.position(),
            Position::HalfOpen,
            "an old probe spoke for the new one"
        );
        breaker.began(second);
        assert_eq!(breaker.position(), Position::Closed);
    }
}
