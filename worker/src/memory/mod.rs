//! Long-term memory of one user: facts with their vectors, in PostgreSQL. `extract` turns what a user wrote into facts,
//! `embed` turns text into vectors, `store` keeps facts, `search` finds those that fit a message.

mod edit;
pub mod embed;
pub mod extract;
mod search;
mod store;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub use edit::{MemoryEdit, Used};
pub use embed::{EmbedError, Embedder, Embedding};
pub use search::{Recall, Recalled};
pub(crate) use store::fingerprint;
pub use store::{MAX_CHARS, NewMemory, Stored, may_be_kept};

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

    /// What memories are found by.
    pub fn embedder(&self) -> &Embedder {
        &self.embedder
    }
}

/// A memory as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Memory {
    /// Its id; newer ids are greater.
    #[sqlx(rename = "memory_id")]
    pub id: Uuid,
    /// What it is about: `relation`, `name`, `allergy`, ..., or [`NOTE`].
    pub kind: String,
    /// The fact, in the third person if it was extracted.
    pub text: String,
    /// Its user wants it to be known in every conversation.
    pub pinned: bool,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// When it was stored or last edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits; the entity tag.
    #[serde(skip)]
    pub revision: i32,
}

/// A memory that was searched for.
#[derive(Clone, Debug, Serialize, ToSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Why {
    /// Its vector is near the query's; the score is the cosine similarity.
    #[default]
    Meaning,
    /// It shares words with the query, which could not be embedded in time.
    Words,
    /// Its user pinned it.
    Pinned,
}

impl Why {
    /// As it is written.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Meaning => "meaning",
            Self::Words => "words",
            Self::Pinned => "pinned",
        }
    }
}

/// Why an operation on memories failed.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The text cannot be a memory.
    #[error("text: {0}")]
    Text(String),
    /// The user has a memory with this text already.
    #[error("text: another memory says the same")]
    Known,
    /// PostgreSQL.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The text could not be embedded.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}
