//! Finds the memories of one user that fit a text: by meaning (exact cosine over this user's vectors of this model), or,
//! where the text cannot be embedded in time, by shared words.

use std::sync::LazyLock;
use std::time::Duration;

use pgvector::HalfVector;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;

use super::store::LIVE;
use super::{Embedder, Found, Memories, MemoryError, Why};
use crate::identity::UserId;
use crate::store::StoreError;

/// A recall waits no longer for its vector; searching by words takes a few milliseconds more.
const RECALL_EMBEDDING: Duration = Duration::from_millis(150);

/// A search that a person asked for may take longer.
const SEARCH_EMBEDDING: Duration = Duration::from_secs(1);

/// What a message brought back.
#[derive(Clone, Debug, Default)]
pub struct Recall {
    /// The memories, the best first.
    pub memories: Vec<Recalled>,
    /// They were found by words: the message was not embedded in time.
    pub lexical: bool,
    /// What it was searched by.
    pub vector: Option<Vec<f32>>,
}

/// A memory that a message brought back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recalled {
    /// Its id.
    pub id: Uuid,
    /// The fact.
    pub text: String,
    /// Higher fits better.
    pub score: f64,
    /// How it was found.
    pub why: Why,
}

/// `<#>` is the negative inner product: of vectors of length 1, the negative cosine. No index of neighbours is asked: an
/// exact scan of one user's rows is both faster and complete.
///
/// Pinned ones have places of their own, as many as asked for, and none in the others'.
static BY_MEANING: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
WITH live AS NOT MATERIALIZED (
    SELECT m.memory_id, m.kind, m.text, m.pinned, v.v <#> $3 AS distance
    FROM companion.memory_vectors v JOIN companion.memories m USING (user_id, memory_id)
    WHERE v.user_id = $1 AND v.model_id = $2 AND {LIVE}
)
(SELECT memory_id, kind, text, true AS pinned, -distance AS score FROM live
 WHERE pinned ORDER BY distance, memory_id LIMIT $5)
UNION ALL
(SELECT memory_id, kind, text, false, -distance FROM live
 WHERE NOT pinned OR $5 = 0 ORDER BY distance, memory_id LIMIT $4)"
    )
});

/// The words are stemmed and OR-ed: asking for all of them finds nothing for most questions.
static BY_WORDS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
WITH live AS NOT MATERIALIZED (
    SELECT memory_id, kind, text, pinned, lexemes @@ words AS fits, ts_rank(lexemes, words)::float8 AS score
    FROM companion.memories, (SELECT replace(plainto_tsquery('english', $2)::text, ' & ', ' | ')::tsquery AS words) AS query
    WHERE user_id = $1 AND {LIVE}
)
(SELECT memory_id, kind, text, true AS pinned, score FROM live
 WHERE pinned ORDER BY score DESC, memory_id LIMIT $4)
UNION ALL
(SELECT memory_id, kind, text, false, score FROM live
 WHERE fits AND (NOT pinned OR $4 = 0) ORDER BY score DESC, memory_id LIMIT $3)"
    )
});

/// Characters of a query that are searched for by words.
const MAX_QUERY_CHARS: usize = 2_000;

/// How to look.
#[derive(Clone, Copy)]
struct Look {
    /// Most memories that are not pinned, or of all where `pinned` is 0.
    limit: u32,
    /// Most that are.
    pinned: u32,
    /// Longest wait for the vector.
    embedding: Duration,
    /// A read replica will do. A turn waits for nothing but the primary.
    replica: bool,
}

impl Memories {
    /// The memories that fit a message, at least as near as `min_similarity`. Pinned ones always do, and stand first; one
    /// place is left for the others.
    pub async fn recall(
        &self,
        user: UserId,
        text: &str,
        limit: u32,
        min_similarity: f64,
    ) -> Result<Recall, MemoryError> {
        let look = Look {
            limit,
            pinned: limit.saturating_sub(1).max(1),
            embedding: RECALL_EMBEDDING,
            replica: false,
        };
        let found = self.find(user, text, look).await?;
        let lexical = found.why == Why::Words;
        let memories = found
            .rows
            .into_iter()
            .filter(|row| lexical || row.pinned || row.score >= min_similarity)
            .take(limit as usize)
            .map(|row| Recalled {
                id: row.memory_id,
                text: row.text,
                score: row.score,
                why: if row.pinned { Why::Pinned } else { found.why },
            })
            .collect();
        let vector = found.vector;
        Ok(Recall {
            memories,
            lexical,
            vector,
        })
    }

    /// The memories that fit a query best, and how each was found.
    pub async fn search(&self, user: UserId, query: &str, limit: u32) -> Result<Vec<Found>, MemoryError> {
        let look = Look {
            limit,
            pinned: 0,
            embedding: SEARCH_EMBEDDING,
            replica: true,
        };
        let found = self.find(user, query, look).await?;
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

    async fn find(&self, user: UserId, text: &str, look: Look) -> Result<Rows, MemoryError> {
        match self.embedder.embed(text.to_owned(), look.embedding).await {
            Ok(embedding) => Ok(Rows {
                rows: self.by_meaning(user, &embedding.vector, look).await?,
                why: Why::Meaning,
                vector: Some(embedding.vector),
            }),
            Err(error) => {
                tracing::warn!(%error, "searching memories by words");
                Ok(Rows {
                    rows: self.by_words(user, text, look).await?,
                    why: Why::Words,
                    vector: None,
                })
            }
        }
    }

    async fn by_meaning(&self, user: UserId, vector: &[f32], look: Look) -> Result<Vec<Row>, MemoryError> {
        let vector = &HalfVector::from_f32_slice(vector);
        let rows = self.rows(look, |pool| async move {
            let query = sqlx::query_as(BY_MEANING.as_str())
                .bind(user.as_uuid())
                .bind(Embedder::MODEL_ID)
                .bind(vector)
                .bind(i64::from(look.limit))
                .bind(i64::from(look.pinned));
            query.fetch_all(&pool).await
        });
        Ok(rows.await?)
    }

    async fn by_words(&self, user: UserId, text: &str, look: Look) -> Result<Vec<Row>, MemoryError> {
        let words: &String = &text.chars().filter(|c| *c != '\0').take(MAX_QUERY_CHARS).collect();
        let rows = self.rows(look, |pool| async move {
            let query = sqlx::query_as(BY_WORDS.as_str())
                .bind(user.as_uuid())
                .bind(words)
                .bind(i64::from(look.limit))
                .bind(i64::from(look.pinned));
            query.fetch_all(&pool).await
        });
        Ok(rows.await?)
    }

    async fn rows<F>(&self, look: Look, read: impl Fn(PgPool) -> F) -> Result<Vec<Row>, StoreError>
    where
        F: Future<Output = Result<Vec<Row>, sqlx::Error>> + Send,
    {
        if look.replica {
            self.store.read(read).await
        } else {
            self.store.within(read(self.store.pool().clone())).await
        }
    }
}

struct Rows {
    rows: Vec<Row>,
    why: Why,
    vector: Option<Vec<f32>>,
}

#[derive(sqlx::FromRow)]
struct Row {
    memory_id: Uuid,
    kind: String,
    text: String,
    pinned: bool,
    score: f64,
}
