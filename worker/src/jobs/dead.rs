//! Jobs that failed as often as they may: seen, and tried again, by people who look after the service. Who a job is for is
//! told by the user's id; what users said is in no job.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::{Store, StoreError};

/// A job that is not tried any more by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct DeadJob {
    /// Its id; newer ids are greater.
    pub id: i64,
    /// What it was to do.
    pub task: String,
    /// What it is about: the user's id, then the task, the conversation and its first message.
    pub key: Option<String>,
    /// How often it was tried.
    pub attempts: i16,
    /// Why it failed last.
    pub last_error: Option<String>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When it failed last.
    pub failed_at: DateTime<Utc>,
}

const LIST: &str = "
SELECT id, task_identifier AS task, key, attempts, last_error, created_at, updated_at AS failed_at
FROM graphile_worker.jobs WHERE attempts >= max_attempts AND locked_at IS NULL AND ($1::bigint IS NULL OR id < $1)
ORDER BY id DESC LIMIT $2";

/// Only of dead ones: a job that waits or runs has its own time.
const RETRY: &str = "
SELECT count(*) FROM graphile_worker.reschedule_jobs(
    ARRAY(SELECT id FROM graphile_worker.jobs WHERE id = $1 AND attempts >= max_attempts AND locked_at IS NULL),
    run_at := now(), attempts := 0)";

/// A page of dead jobs, the newest first, beginning after `after`.
pub async fn list(store: &Store, limit: u32, after: Option<i64>) -> Result<Vec<DeadJob>, StoreError> {
    let query = sqlx::query_as(LIST).bind(after).bind(i64::from(limit));
    store.within(query.fetch_all(store.pool())).await
}

/// Has a dead job tried again. False if there is none with this id.
pub async fn retry(store: &Store, id: i64) -> Result<bool, StoreError> {
    let query = sqlx::query_scalar(RETRY).bind(id);
    let tried: i64 = store.within(query.fetch_one(store.pool())).await?;
    Ok(tried > 0)
}
