//! Finds the memories of one user that fit a text: by meaning (exact cosine over this user's vectors of this model), or,
//! where the text cannot be embedded in time, by shared words.

use std::time::Duration;

use pgvector::HalfVector;
use uuid::Uuid;

use super::{Embedder, Found, Memories, MemoryError, Why};
use crate::identity::UserId;

/// A recall waits no longer for its vector; searching by words takes a few milliseconds more.
const RECALL_EMBEDDING: Duration = Duration::from_millis(150);

/// A search that a person asked for may take longer.
const SEARCH_EMBEDDING: Duration = Duration::from_secs(1);

/// What a message brought back.
#[derive(Clone, Debug)]
pub struct Recall {
    /// The memories, the best first.
    pub memories: Vec<Recalled>,
    /// They were found by words: the message was not embedded in time.
    pub lexical: bool,
}

/// A memory that a message brought back.
#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    /// Its id.
    pub id: Uuid,
    /// The fact.
    pub text: String,
    /// Higher fits better.
    pub score: f64,
}

/// `<#>` is the negative inner product: of vectors of length 1, the negative cosine. No index of neighbours is asked: an
/// exact scan of one user's rows is both faster and complete.
const BY_MEANING: &str = "
SELECT m.memory_id, m.kind, m.text, -(v.v <#> $3) AS score
FROM companion.memory_vectors v JOIN companion.memories m USING (user_id, memory_id)
WHERE v.user_id = $1 AND v.model_id = $2
  AND m.superseded_at IS NULL AND (m.expires_at IS NULL OR m.expires_at > now())
ORDER BY v.v <#> $3, m.memory_id LIMIT $4";

/// The words are stemmed and OR-ed: asking for all of them finds nothing for most questions.
const BY_WORDS: &str = "
SELECT memory_id, kind, text, ts_rank(lexemes, words)::float8 AS score
FROM companion.memories, (SELECT replace(plainto_tsquery('english', $2)::text, ' & ', ' | ')::tsquery AS words) AS query
WHERE user_id = $1 AND lexemes @@ words
  AND superseded_at IS NULL AND (expires_at IS NULL OR expires_at > now())
ORDER BY score DESC, memory_id LIMIT $3";

/// Characters of a query that are searched for by words.
const MAX_QUERY_CHARS: usize = 2_000;

impl Memories {
    /// The memories that fit a message, at least as near as `min_similarity`.
    pub async fn recall(
        &self,
        user: UserId,
        text: &str,
        limit: u32,
        min_similarity: f64,
    ) -> Result<Recall, MemoryError> {
        let found = self.find(user, text, limit, RECALL_EMBEDDING).await?;
        let lexical = found.why == Why::Words;
        let memories = found
            .rows
            .into_iter()
            .filter(|row| lexical || row.score >= min_similarity)
            .map(|row| Recalled {
                id: row.memory_id,
                text: row.text,
                score: row.score,
            })
            .collect();
        Ok(Recall { memories, lexical })
    }

    /// The memories that fit a query best, and how each was found.
    pub async fn search(&self, user: UserId, query: &str, limit: u32) -> Result<Vec<Found>, MemoryError> {
        let found = self.find(user, query, limit, SEARCH_EMBEDDING).await?;
        let why = found.why;
        let rows = found.rows.into_iter().map(|row| Found {
            id: row.memory_id,
            kind: row.kind,
            text: row.text,
            score: row.score,
            why,
        });
        Ok(rows.collect())
    }

    async fn find(&self, user: UserId, text: &str, limit: u32, embedding: Duration) -> Result<Rows, MemoryError> {
        match self.embedder.embed(text.to_owned(), embedding).await {
            Ok(vector) => Ok(Rows {
                rows: self.by_meaning(user, &vector, limit).await?,
                why: Why::Meaning,
            }),
            Err(error) => {
                tracing::warn!(%error, "searching memories by words");
                Ok(Rows {
                    rows: self.by_words(user, text, limit).await?,
                    why: Why::Words,
                })
            }
        }
    }

    async fn by_meaning(&self, user: UserId, vector: &[f32], limit: u32) -> Result<Vec<Row>, MemoryError> {
        let query = sqlx::query_as(BY_MEANING)
            .bind(user.as_uuid())
            .bind(Embedder::MODEL_ID)
            .bind(HalfVector::from_f32_slice(vector))
            .bind(i64::from(limit));
        Ok(self.store.within(query.fetch_all(self.store.pool())).await?)
    }

    async fn by_words(&self, user: UserId, text: &str, limit: u32) -> Result<Vec<Row>, MemoryError> {
        let words: String = text.chars().filter(|c| *c != '\0').take(MAX_QUERY_CHARS).collect();
        let query = sqlx::query_as(BY_WORDS)
            .bind(user.as_uuid())
            .bind(words)
            .bind(i64::from(limit));
        Ok(self.store.within(query.fetch_all(self.store.pool())).await?)
    }
}

struct Rows {
    rows: Vec<Row>,
    why: Why,
}

#[derive(sqlx::FromRow)]
struct Row {
    memory_id: Uuid,
    kind: String,
    text: String,
    score: f64,
}
