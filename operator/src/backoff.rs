//! How long one object that cannot be reconciled is left alone: 1 s, doubled with every failure in a row, at most five
//! minutes. Each object has its own count, so a bad one never delays another. Objects are told apart by their uid: one
//! made again under the same name starts anew.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const LONGEST: Duration = Duration::from_secs(300);

/// Failures in a row, by object.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: Mutex<HashMap<String, u32>>,
}

impl Backoff {
    /// Counts a failure of the object with `uid`, and gives the number of those in a row.
    pub fn failed(&self, uid: &str) -> u32 {
        let mut failures = self.failures();
        let count = failures.entry(uid.to_owned()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// When to try again.
    pub fn pause(&self, uid: &str) -> Duration {
        let count = self.failures().get(uid).copied().unwrap_or_default();
        Duration::from_secs(1 << count.saturating_sub(1).min(9)).min(LONGEST)
    }

    /// Forgets the failures of the object with `uid`: it went well.
    pub fn forget(&self, uid: &str) {
        self.failures().remove(uid);
    }

    /// Forgets the objects that are gone.
    pub fn retain(&self, is_there: impl Fn(&str) -> bool) {
        self.failures().retain(|uid, _| is_there(uid));
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_object_backs_off_on_its_own_and_starts_again_after_a_success() {
        let backoff = Backoff::default();
        let pause = |uid: &str| {
            backoff.failed(uid);
            backoff.pause(uid).as_secs()
        };
        let pauses: Vec<u64> = (0..11).map(|_| pause("bad")).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(pause("other"), 1);
        backoff.forget("bad");
        assert_eq!(backoff.failed("bad"), 1);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let backoff = Backoff::default();
        backoff.failed("gone");
        backoff.failed("there");
        backoff.retain(|uid| uid == "there");
        assert_eq!((backoff.failed("gone"), backoff.failed("there")), (1, 2));
    }
}
