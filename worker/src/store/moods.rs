//! How a user's messages sounded: page by page, and as numbers.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::identity::UserId;

/// How a message sounded.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, sqlx::FromRow)]
pub struct StoredMood {
    /// The message's turn.
    pub turn_id: Uuid,
    /// The emotion.
    pub emotion: String,
    /// How sure that is, 0 to 1.
    pub confidence: f32,
    /// How strong it is, 0 to 1.
    pub intensity: f32,
    /// The words that said so.
    pub evidence: Vec<String>,
    /// When it was said.
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "turn_id, emotion, confidence, intensity, evidence, created_at";

impl Store {
    /// A page of moods, the newest first, of turns before `before`: turns' ids rise with time.
    pub async fn moods(&self, user: UserId, limit: u32, before: Option<Uuid>) -> Result<Vec<StoredMood>, StoreError> {
        let sql = &format!(
            "SELECT {COLUMNS} FROM companion.moods WHERE user_id = $1 AND ($2::uuid IS NULL OR turn_id < $2)
             ORDER BY turn_id DESC LIMIT $3"
        );
        self.read(|pool| async move {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
                .bind(user.as_uuid())
                .bind(before)
                .bind(i64::from(limit));
            query.fetch_all(&pool).await
        })
        .await
    }

    /// The newest `limit` moods since `since`, oldest first.
    pub async fn moods_since(
        &self,
        user: UserId,
        since: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<StoredMood>, StoreError> {
        let sql = &format!(
            "SELECT {COLUMNS} FROM companion.moods WHERE user_id = $1 AND created_at >= $2 ORDER BY turn_id DESC LIMIT $3"
        );
        let mut newest: Vec<StoredMood> = self
            .read(|pool| async move {
                let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
                    .bind(user.as_uuid())
                    .bind(since)
                    .bind(i64::from(limit));
                query.fetch_all(&pool).await
            })
            .await?;
        newest.reverse();
        Ok(newest)
    }

    /// Forgets how a user's messages sounded: the number of them.
    pub async fn forget_moods(&self, user: UserId) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM companion.moods WHERE user_id = $1").bind(user.as_uuid());
        Ok(self.within(query.execute(self.pool())).await?.rows_affected())
    }
}
