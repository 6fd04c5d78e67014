//! Waiting for something that must become true: tries again and again until it holds or the time is over, then fails
//! with what it waited for and the last reason why not.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Pause between two tries: short enough not to slow a test, long enough not to burden what it looks at.
const PAUSE: Duration = Duration::from_millis(250);

/// What `attempt` gives once it succeeds, tried for at most `within`.
pub async fn eventually<T, F, Fut>(what: &str, within: Duration, mut attempt: F) -> T
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let start = Instant::now();
    loop {
        let reason = match tokio::time::timeout(within, attempt()).await {
            Ok(Ok(value)) => return value,
            Ok(Err(reason)) => reason,
            Err(_) => "the attempt itself took too long".to_owned(),
        };
        if start.elapsed() >= within {
            panic!("{what}: not so within {within:?}; last seen: {reason}");
        }
        sleep(PAUSE).await;
    }
}

/// `Ok` where `holds`, else the reason: for short attempts.
///
/// # Errors
/// The reason, where it does not hold.
pub fn ensure(holds: bool, reason: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(reason()) }
}
