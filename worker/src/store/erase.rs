//! Erasing a user: all rows, at once. What was begun before is stopped from writing after it by the user's epoch, which
//! the erasure raises and every later write compares. What stays is the row with the epoch: an id derived from the
//! identity, and a number.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::identity::UserId;

/// Tables with rows of users, children before their parents. A test holds this list against the catalogue.
pub const TABLES: [&str; 14] = [
    "moods",
    "safety_decisions",
    "standing",
    "imports",
    "preferences",
    "usage",
    "summaries",
    "recalls",
    "memory_vectors",
    "memories",
    "turns",
    "messages",
    "outbox",
    "conversations",
];

/// Longest erasure: a user may have a hundred thousand memories.
const LONGEST: Duration = Duration::from_secs(60);

/// What was erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Receipt {
    /// When.
    pub erased_at: DateTime<Utc>,
    /// The user's epoch from now on.
    pub epoch: i64,
    /// Rows, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// Jobs that waited.
    pub jobs: i64,
}

/// Waits for turns that are being settled, which hold the row; those that come later find a higher epoch.
const RAISE: &str = "
INSERT INTO companion.users AS u (user_id, epoch) VALUES ($1, 1)
ON CONFLICT (user_id) DO UPDATE SET epoch = u.epoch + 1 RETURNING epoch, now()";

/// Keys of jobs begin with the user.
const JOBS: &str = "
SELECT count(graphile_worker.remove_job(key)) FROM graphile_worker.jobs WHERE key LIKE 'user:' || $1::text || ':%'";

impl Store {
    /// Erases all rows of `user`. Safe to repeat.
    pub async fn erase(&self, user: UserId) -> Result<Receipt, StoreError> {
        match tokio::time::timeout(LONGEST, self.erase_all(user)).await {
            Ok(receipt) => Ok(receipt?),
            Err(_) => Err(StoreError::Unavailable(format!("no end within {LONGEST:?}"))),
        }
    }

    async fn erase_all(&self, user: UserId) -> Result<Receipt, sqlx::Error> {
        let mut transaction = self.pool().begin().await?;
        let timeout = format!("SET LOCAL statement_timeout = {}", LONGEST.as_millis());
        sqlx::query(AssertSqlSafe(timeout)).execute(&mut *transaction).await?;
        let (epoch, erased_at) = sqlx::query_as(RAISE)
            .bind(user.as_uuid())
            .fetch_one(&mut *transaction)
            .await?;
        let mut rows = BTreeMap::new();
        for table in TABLES {
            let delete = format!("DELETE FROM companion.{table} WHERE user_id = $1");
            let done = sqlx::query(AssertSqlSafe(delete))
                .bind(user.as_uuid())
                .execute(&mut *transaction)
                .await?;
            rows.insert(table, done.rows_affected());
        }
        let jobs = sqlx::query_scalar(JOBS)
            .bind(user.as_uuid())
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Receipt {
            erased_at,
            epoch,
            rows,
            jobs,
        })
    }

    /// How often this user was erased; 0 for one that was never here.
    pub async fn epoch(&self, user: UserId) -> Result<i64, StoreError> {
        Ok(self.place(user, None).await?.epoch)
    }
}
