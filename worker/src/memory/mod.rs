//! Long-term memory of one user: facts with their vectors, in PostgreSQL. `extract` turns what a user wrote into facts,
//! `embed` turns text into vectors, `store` keeps facts, `search` finds those that fit a message.

pub mod embed;
pub mod extract;
mod search;
mod store;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

pub use embed::{EmbedError, Embedder};
pub use search::{Recall, Recalled};
pub use store::{MAX_CHARS, NewMemory, Stored};

use crate::store::{Store, StoreError};

/// Kind of a memory that the user wrote down, rather than one that was extracted.
pub const NOTE: &str = "note";

/// A user's memories. Clones share the pool and the model.
#[derive(Clone)]
pub struct Memories {
    store: Store,
    embedder: Embedder,
}

impl Memories {
    /// Memories kept in `store` and embedded by `embedder`.
    pub fn new(store: Store, embedder: Embedder) -> Self {
        Self { store, embedder }
    }
}

/// A memory as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Memory {
    /// Its id; newer ids are greater.
    #[sqlx(rename = "memory_id")]
    pub id: Uuid,
    /// What it is about: `relation`, `name`, `allergy`, ..., or [`NOTE`].
    pub kind: String,
    /// The fact, in the third person if it was extracted.
    pub text: String,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// A memory that was searched for.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// What it is about.
    pub kind: String,
    /// The fact.
    pub text: String,
    /// Higher fits better; comparable within one answer only.
    pub score: f64,
    /// How it was found.
    pub why: Why,
}

/// How a memory was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Its vector is near the query's; the score is the cosine similarity.
    Meaning,
    /// It shares words with the query, which could not be embedded in time.
    Words,
}

/// Why an operation on memories failed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The text cannot be a memory.
    #[error("text: {0}")]
    Text(String),
    /// PostgreSQL.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}
