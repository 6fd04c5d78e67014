//! What a user does with one memory: look at it, put it right, pin it; and see why it stood in a prompt.

use std::sync::LazyLock;

use pgvector::HalfVector;
use serde::Serialize;
use sqlx::AssertSqlSafe;
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{COLUMNS, LIVE, fingerprint, readable};
use super::{Embedder, Memories, Memory, MemoryError};
use crate::identity::UserId;
use crate::jobs::VECTORS;
use crate::store::{Edited, StoreError};

/// What is to change; what is none stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryEdit {
    /// What it says.
    pub text: Option<String>,
    /// Whether it is pinned.
    pub pinned: Option<bool>,
}

/// A memory that stood in the prompt of a turn.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Used {
    /// Its id.
    #[sqlx(rename = "memory_id")]
    pub id: Uuid,
    /// What it says now; none if it is not there any more.
    pub text: Option<String>,
    /// How well it fitted then.
    pub score: f64,
    /// How it was found.
    pub why: String,
    /// The conversation in which the user said it, if it was learned from one.
    pub source_conversation: Option<Uuid>,
    /// The number of that message.
    pub source_seq: Option<i32>,
}

/// A new text makes the old vectors wrong: that of this model is replaced, others go; without a new one a job adds it.
static EDIT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
WITH owner AS (
    SELECT user_id, epoch FROM companion.users WHERE user_id = $1 FOR SHARE
), memory AS (
    UPDATE companion.memories m
    SET text = coalesce($3, text), fingerprint = coalesce($4, fingerprint), pinned = coalesce($5, pinned),
        revision = revision + 1, updated_at = now()
    FROM owner WHERE m.user_id = owner.user_id AND memory_id = $2 AND ($6::integer IS NULL OR revision = $6)
      AND {LIVE}
    RETURNING m.*
), gone AS (
    DELETE FROM companion.memory_vectors v USING memory
    WHERE $3::text IS NOT NULL AND v.user_id = memory.user_id AND v.memory_id = memory.memory_id
      AND ($8::halfvec IS NULL OR v.model_id <> $7)
), vector AS (
    INSERT INTO companion.memory_vectors (user_id, memory_id, model_id, v)
    SELECT user_id, memory_id, $7, $8 FROM memory WHERE $8::halfvec IS NOT NULL
    ON CONFLICT (user_id, memory_id, model_id) DO UPDATE SET v = excluded.v
), work AS (
    INSERT INTO companion.outbox (user_id, task, epoch)
    SELECT owner.user_id, $9, owner.epoch FROM owner, memory WHERE $3::text IS NOT NULL AND $8::halfvec IS NULL
)
SELECT {COLUMNS} FROM memory"
    )
});

const USED: &str = "
SELECT r.memory_id, r.score, r.why, m.text, m.source_conversation, m.source_seq
FROM companion.recalls r LEFT JOIN companion.memories m USING (user_id, memory_id)
WHERE r.user_id = $1 AND r.turn_id = $2 ORDER BY r.score DESC, r.memory_id";

impl Memories {
    /// One memory.
    pub async fn get(&self, user: UserId, id: Uuid) -> Result<Option<Memory>, MemoryError> {
        let sql = format!("SELECT {COLUMNS} FROM companion.memories WHERE user_id = $1 AND memory_id = $2 AND {LIVE}");
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(user.as_uuid()).bind(id);
        Ok(self.store.within(query.fetch_optional(self.store.pool())).await?)
    }

    /// Edits a memory; only if its revision is still `seen`, where that is given.
    ///
    /// # Errors
    /// The text cannot be a memory, or is another memory's.
    pub async fn edit(
        &self,
        user: UserId,
        id: Uuid,
        edit: MemoryEdit,
        seen: Option<i32>,
    ) -> Result<Edited<Memory>, MemoryError> {
        let text = edit.text.as_deref().map(readable).transpose()?;
        let vector: Option<HalfVector> = match &text {
            Some(text) => self.vector(text).await,
            None => None,
        };
        let query = sqlx::query_as(EDIT.as_str())
            .bind(user.as_uuid())
            .bind(id)
            .bind(&text)
            .bind(text.as_deref().map(fingerprint))
            .bind(edit.pinned)
            .bind(seen)
            .bind(Embedder::MODEL_ID)
            .bind(vector)
            .bind(VECTORS);
        match self.store.within(query.fetch_optional(self.store.pool())).await {
            Ok(Some(memory)) => Ok(Edited::Done(memory)),
            Ok(None) => Ok(match self.get(user, id).await? {
                Some(memory) => Edited::Stale(memory.revision),
                None => Edited::Missing,
            }),
            Err(StoreError::Statement(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                Err(MemoryError::Known)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The memories that stood in the prompt of a turn, the best first. None if this user has no such turn.
    pub async fn used_in(&self, user: UserId, turn: Uuid) -> Result<Option<Vec<Used>>, MemoryError> {
        if self.store.turn(user, turn).await?.is_none() {
            return Ok(None);
        }
        let query = sqlx::query_as(USED).bind(user.as_uuid()).bind(turn);
        Ok(Some(self.store.within(query.fetch_all(self.store.pool())).await?))
    }
}
