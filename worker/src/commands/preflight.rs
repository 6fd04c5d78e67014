//! `companion-worker preflight`: looks before anything is changed. In: the configuration file and the URLs; out: a report
//! in which each part is as found or a sentence that names the setting and says what to do. No password is in any of them.

pub(super) mod database;
pub(super) mod redis;

use std::future::Future;
use std::path::Path;
use std::time::Duration;

use companion_crds::report::{DatabaseReport, Outcome, PreflightReport, RedisReport};

use super::termination;
use crate::config::Settings;

/// Longest check of one server, connecting included.
const DEADLINE: Duration = Duration::from_secs(10);

/// Checks everything and leaves the report for the operator. True if all is well.
pub async fn run(config: &Path) -> bool {
    let report = match Settings::load(config) {
        Ok(settings) => {
            let (database, redis) = tokio::join!(within(database::check(&settings)), within(redis::check(&settings)));
            PreflightReport {
                database: outcome(database),
                redis: outcome(redis),
            }
        }
        // Nothing can be looked at without it.
        Err(error) => PreflightReport {
            database: outcome::<DatabaseReport>(Err(error.to_string())),
            redis: outcome::<RedisReport>(Err(error.to_string())),
        },
    };
    termination::leave(&report);
    matches!((report.database, report.redis), (Outcome::Ok(_), Outcome::Ok(_)))
}

/// What `check` says within the deadline.
pub(super) async fn within<T>(check: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(DEADLINE, check).await.unwrap_or_else(|_| {
        Err(format!(
            "no answer within {DEADLINE:?}: check the host, the port and network policies"
        ))
    })
}

fn outcome<T>(result: Result<T, String>) -> Outcome<T> {
    match result {
        Ok(found) => Outcome::Ok(found),
        Err(problem) => Outcome::Failed(termination::last_part(&problem)),
    }
}

/// Whether a dotted version is at least `(major, minor)`.
pub(super) fn at_least(version: &str, wanted: (u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(at_least("0.10.1", (0, 7)) && at_least("7.0.15", (6, 2)) && at_least("6.2", (6, 2)));
        assert!(!at_least("0.6.2", (0, 7)) && !at_least("6.0.16", (6, 2)) && !at_least("", (6, 2)));
    }
}
