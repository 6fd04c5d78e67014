//! Keeps memories: list, create, delete, and the insert that the extraction job shares. A fact is stored once per user;
//! one that could not be embedded is stored all the same, and a job adds its vector later.

use std::sync::LazyLock;
use std::time::Duration;

use pgvector::HalfVector;
use sha2::{Digest, Sha256};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Embedder, Memories, Memory, MemoryError, NOTE};
use crate::identity::UserId;
use crate::jobs::VECTORS;
use crate::safety::{Classifier, Label, this_year};
use crate::store::{StoreError, without_nul};

/// Longest text of a memory, in characters.
pub const MAX_CHARS: usize = 1_000;

/// A memory is written without haste.
const EMBEDDING: Duration = Duration::from_secs(2);

/// Rows without vectors that one job fills in at a time.
const FILL_BATCH: i64 = 32;

/// A fact to be stored.
#[derive(Clone, Debug)]
pub struct NewMemory {
    /// What it is about.
    pub kind: &'static str,
    /// The fact.
    pub text: String,
    /// Conversation and number of the message it comes from.
    pub source: Option<(Uuid, i32)>,
    /// The user's epoch when the message was stored: nothing is written once an erasure has raised it.
    pub epoch: Option<i64>,
}

/// What became of a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is new.
    New(Memory),
    /// The user has it already, or was erased since.
    Known,
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
WITH owner AS (
    SELECT user_id, epoch FROM companion.users WHERE user_id = $1 AND ($2::bigint IS NULL OR epoch = $2) FOR SHARE
), memory AS (
    INSERT INTO companion.memories (user_id, memory_id, kind, text, fingerprint, source_conversation, source_seq)
    SELECT user_id, $3, $4, $5, $6, $7, $8 FROM owner
    ON CONFLICT (user_id, fingerprint) WHERE superseded_at IS NULL DO NOTHING
    RETURNING *
), vector AS (
    INSERT INTO companion.memory_vectors (user_id, memory_id, model_id, v)
    SELECT user_id, memory_id, $9, $10 FROM memory WHERE $10::halfvec IS NOT NULL
), work AS (
    INSERT INTO companion.outbox (user_id, task, epoch)
    SELECT owner.user_id, $11, owner.epoch FROM owner, memory WHERE $10::halfvec IS NULL
)
SELECT {COLUMNS} FROM memory"
    )
});

const WITHOUT_VECTOR: &str = "
SELECT m.memory_id, m.text, m.revision FROM companion.memories m
WHERE m.user_id = $1 AND m.superseded_at IS NULL
  AND NOT EXISTS (SELECT FROM companion.memory_vectors v
                  WHERE v.user_id = m.user_id AND v.memory_id = m.memory_id AND v.model_id = $2)
ORDER BY m.memory_id LIMIT $3";

/// A memory that was deleted or edited meanwhile gets no vector of what it was.
const ADD_VECTOR: &str = "
INSERT INTO companion.memory_vectors (user_id, memory_id, model_id, v)
SELECT user_id, memory_id, $3, $4 FROM companion.memories
WHERE user_id = $1 AND memory_id = $2 AND revision = $5 FOR SHARE
ON CONFLICT DO NOTHING";

/// Columns of a [`Memory`].
pub(super) const COLUMNS: &str = "memory_id, kind, text, pinned, created_at, updated_at, revision";

/// Holds for a memory that is not replaced or over.
pub(super) const LIVE: &str = "superseded_at IS NULL AND (expires_at IS NULL OR expires_at > now())";

impl Memories {
    /// The newest `limit` memories behind `cursor`, newest first. A memory added meanwhile moves nothing.
    pub async fn list(&self, user: UserId, limit: u32, cursor: Option<Uuid>) -> Result<Vec<Memory>, MemoryError> {
        let read = |pool| async move {
            let query = sqlx::query_as(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM companion.memories
                 WHERE user_id = $1 AND ($2::uuid IS NULL OR memory_id < $2) AND {LIVE} ORDER BY memory_id DESC LIMIT $3"
            )))
            .bind(user.as_uuid())
            .bind(cursor)
            .bind(i64::from(limit));
            query.fetch_all(&pool).await
        };
        Ok(self.store.read(read).await?)
    }

    /// Stores what a user wrote down. A text that the user has already is not stored again: the first memory is returned.
    pub async fn create(&self, user: UserId, text: &str) -> Result<Memory, MemoryError> {
        let text = readable(text)?;
        self.store.make_user(user).await?;
        let new = NewMemory {
            kind: NOTE,
            text: text.clone(),
            source: None,
            epoch: None,
        };
        // The second try is for a memory that is known at first and deleted before it is read.
        for _ in 0..2 {
            if let Stored::New(memory) = self.insert(user, new.clone()).await? {
                return Ok(memory);
            }
            let query = sqlx::query_as(AssertSqlSafe(format!(
                "SELECT {COLUMNS} FROM companion.memories WHERE user_id = $1 AND fingerprint = $2 AND superseded_at IS NULL"
            )))
            .bind(user.as_uuid())
            .bind(fingerprint(&text));
            if let Some(known) = self.store.within(query.fetch_optional(self.store.pool())).await? {
                return Ok(known);
            }
        }
        Err(StoreError::Unavailable("this memory is being added and deleted at once".into()).into())
    }

    /// Deletes a memory and its vectors. False if this user has no such memory.
    pub async fn delete(&self, user: UserId, id: Uuid) -> Result<bool, MemoryError> {
        let query = sqlx::query("DELETE FROM companion.memories WHERE user_id = $1 AND memory_id = $2")
            .bind(user.as_uuid())
            .bind(id);
        Ok(self
            .store
            .within(query.execute(self.store.pool()))
            .await?
            .rows_affected()
            > 0)
    }

    /// Stores a fact with its vector, or without one and with the job that adds it. Safe to repeat.
    pub async fn insert(&self, user: UserId, new: NewMemory) -> Result<Stored, MemoryError> {
        let text = without_nul(&new.text);
        let vector = self.vector(&text).await;
        let query = sqlx::query_as(INSERT.as_str())
            .bind(user.as_uuid())
            .bind(new.epoch)
            .bind(Uuid::now_v7())
            .bind(new.kind)
            .bind(&text)
            .bind(fingerprint(&text))
            .bind(new.source.map(|(conversation, _)| conversation))
            .bind(new.source.map(|(_, seq)| seq))
            .bind(Embedder::MODEL_ID)
            .bind(vector)
            .bind(VECTORS);
        let stored = self.store.within(query.fetch_optional(self.store.pool())).await?;
        Ok(stored.map_or(Stored::Known, Stored::New))
    }

    /// The vector of a text that is to be stored, unless the embedder is late or failing: then a job adds it.
    pub(super) async fn vector(&self, text: &str) -> Option<HalfVector> {
        match self.embedder.embed(text.to_owned(), EMBEDDING).await {
            Ok(embedding) => Some(HalfVector::from_f32_slice(&embedding.vector)),
            Err(error) => {
                tracing::warn!(%error, "a memory is stored without its vector for now");
                None
            }
        }
    }

    /// Embeds memories that have no vector of this model. Fails at the first that cannot be embedded; what was done stays.
    pub async fn fill_vectors(&self, user: UserId) -> Result<u64, MemoryError> {
        let mut filled = 0;
        loop {
            let query = sqlx::query_as(WITHOUT_VECTOR)
                .bind(user.as_uuid())
                .bind(Embedder::MODEL_ID)
                .bind(FILL_BATCH);
            let rows: Vec<(Uuid, String, i32)> = self.store.within(query.fetch_all(self.store.pool())).await?;
            if rows.is_empty() {
                return Ok(filled);
            }
            for (id, text, revision) in rows {
                let embedding = self.embedder.embed(text, EMBEDDING).await?;
                let query = sqlx::query(ADD_VECTOR)
                    .bind(user.as_uuid())
                    .bind(id)
                    .bind(Embedder::MODEL_ID)
                    .bind(HalfVector::from_f32_slice(&embedding.vector))
                    .bind(revision);
                filled += self
                    .store
                    .within(query.execute(self.store.pool()))
                    .await?
                    .rows_affected();
            }
        }
    }
}

/// A text as it is kept.
///
/// # Errors
/// It is empty or too long, or nothing that a prompt may hold.
pub(super) fn readable(text: &str) -> Result<String, MemoryError> {
    let text = without_nul(text.trim());
    let length = text.chars().count();
    if length == 0 || length > MAX_CHARS {
        return Err(MemoryError::Text(format!(
            "must have 1 to {MAX_CHARS} characters, has {length}"
        )));
    }
    if !may_be_kept(&text) {
        return Err(MemoryError::Text("is nothing that can be remembered".into()));
    }
    Ok(text)
}

/// Whether a text may stand in prompts, on whichever way and to whatever age: it is neither sexual nor violent.
pub fn may_be_kept(text: &str) -> bool {
    matches!(
        Classifier::default().classify(text, this_year()).label,
        Label::Safe | Label::Suggestive | Label::Crisis
    )
}

/// Equal for texts that differ in case, spacing or final punctuation only.
pub(crate) fn fingerprint(text: &str) -> [u8; 32] {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    Sha256::digest(words.join(" ").trim_end_matches(['.', '!', '?'])).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_prompt_may_hold_is_not_remembered() {
        for text in ["The user's sister Anna lives in Lisbon.", "I had breast cancer in 2015"] {
            assert!(readable(text).is_ok(), "{text}");
        }
        assert!(readable("the companion is a 14 year old girl who wants sex").is_err());
    }

    #[test]
    fn spelling_makes_no_second_fact() {
        assert_eq!(fingerprint("The user likes tea."), fingerprint(" the user  likes Tea"));
        assert_ne!(fingerprint("The user likes tea."), fingerprint("The user likes teas."));
    }
}
