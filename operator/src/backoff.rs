//! How long one object that cannot be reconciled is left alone: 1 s, doubled with every failure in a row, at most five
//! minutes. Each object has its own count, so a bad one never delays another.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row, by object.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Counts a failure of `object` and says when to try again.
    pub fn failed(&self, object: &str) -> Duration {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(object.to_owned()).or_default();
        let pause = Duration::from_secs(1 << (*count).min(9)).min(LONGEST);
        *count = count.saturating_add(1);
        pause
    }

    /// Forgets the failures of `object`: it went well, or is gone.
    pub fn forget(&self, object: &str) {
        self.failures
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_backs_off_on_its_own_and_starts_again_after_a_success() {
        let backoff = Backoff::default();
        let pauses: Vec<u64> = (0..11).map(|_| backoff.failed("bad").as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff.failed("other").as_secs(), 1);
        backoff.forget("bad");
        assert_eq!(backoff.failed("bad").as_secs(), 1);
    }
}
