//! How much work waits: what the workers have not got to yet.

use std::time::Duration;

use tokio::time::timeout;

use crate::store::Store;

/// Longest look: who fetches metrics does not wait for a database that is away.
const LONGEST: Duration = Duration::from_secs(1);

/// Counted no further: more is as bad.
const MOST: i64 = 10_000;

const WAITING: &str = "
SELECT (SELECT count(*) FROM (SELECT FROM companion.outbox LIMIT $1) AS o)
     + (SELECT count(*) FROM (SELECT FROM graphile_worker.jobs WHERE attempts < max_attempts LIMIT $1) AS j)";

/// Jobs that wait or run, counted up to some ten thousand; nothing if the database does not answer.
pub async fn count(store: &Store) -> Option<i64> {
    let query = sqlx::query_scalar(WAITING).bind(MOST).fetch_one(store.pool());
    timeout(LONGEST, query).await.ok()?.ok()
}
