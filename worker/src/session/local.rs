//! The limits of one worker alone, for the time that Redis is away: its share of what all workers allow together.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Allowance;

const MINUTE: Duration = Duration::from_secs(60);

/// Most keys that are counted; beyond it a request counts as its key's first. Bounds memory against floods of addresses.
const MOST_KEYS: usize = 100_000;

/// Counters of the present minute.
pub struct LocalLimits {
    workers: u32,
    window: Mutex<Window>,
}

struct Window {
    since: Instant,
    counts: HashMap<String, u32>,
}

impl LocalLimits {
    /// Counters of one of at most `workers` workers.
    pub fn new(workers: u32) -> Self {
        let window = Window {
            since: Instant::now(),
            counts: HashMap::new(),
        };
        Self {
            workers,
            window: Mutex::new(window),
        }
    }

    /// Counts a request for `key` against this worker's share of `limit` a minute.
    ///
    /// # Errors
    /// The share is used up; what comes back says when to try again.
    pub fn take(&self, key: &str, limit: u32) -> Result<Allowance, Allowance> {
        let share = (limit / self.workers).max(1);
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if window.since.elapsed() >= MINUTE {
            *window = Window {
                since: Instant::now(),
                counts: HashMap::new(),
            };
        }
        let reset = MINUTE.saturating_sub(window.since.elapsed());
        let used = window.counts.get(key).copied().unwrap_or(0);
        if used >= share {
            return Err(Allowance { limit, left: 0, reset });
        }
        if used > 0 || window.counts.len() < MOST_KEYS {
            window.counts.insert(key.to_owned(), used + 1);
        }
        Ok(Allowance {
            limit,
            left: share - used - 1,
            reset,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_allows_its_share_and_at_least_one() {
        let limits = LocalLimits::new(3);
        let allowed = |key: &str, limit| (0..100).filter(|_| limits.take(key, limit).is_ok()).count();
        assert_eq!(allowed("a", 30), 10);
        assert_eq!(allowed("b", 30), 10);
        assert_eq!(allowed("c", 1), 1);
    }
}
