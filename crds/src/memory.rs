//! What is remembered, how much of it enters a prompt, and the model that makes it searchable.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::{Decimal, Span};

/// Long-term memory and the recent conversation, as they enter a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Memories recalled for a message.
    #[schemars(range(min = 0, max = 20))]
    pub recalled: u32,
    /// Characters of a recalled memory that enter the prompt.
    #[schemars(range(min = 20, max = 2000))]
    pub recalled_chars: u32,
    /// Recent messages that enter the prompt.
    #[schemars(range(min = 0, max = 100))]
    pub history: u32,
    /// Tokens of a prompt, by an estimate that is rather too high. History beyond it stays out, the oldest first, then
    /// memories, the worst first; the rules and the message always enter.
    #[schemars(range(min = 1000, max = 1_000_000))]
    pub prompt_tokens: u32,
    /// Tokens that the model may use for one user and day on work beside replies: summaries of long conversations. 0: none.
    #[schemars(range(min = 0, max = 100_000_000))]
    pub token_budget_per_user_per_day: u64,
    /// Cosine similarity below which a memory is not recalled, 0 to 1 in quotes.
    #[schemars(extend("x-kubernetes-validations" = [
        { "rule": "self.matches('^[0-9]+([.][0-9]+)?$') && double(self) <= 1.0", "message": "memory.minSimilarity must be from 0 to 1, in quotes such as \"0.3\"" }
    ]))]
    pub min_similarity: Decimal,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            recalled: 3,
            recalled_chars: 200,
            history: 6,
            prompt_tokens: 8_000,
            token_budget_per_user_per_day: 50_000,
            min_similarity: Decimal::new("0.3"),
        }
    }
}

/// The model that turns text into vectors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.local)").message("set embeddings.local: {} for the built-in model"))]
pub struct Embeddings {
    /// all-MiniLM-L6-v2 inside every worker: 384 dimensions, no key, no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEmbeddings>,
}

impl Default for Embeddings {
    fn default() -> Self {
        Self {
            local: Some(LocalEmbeddings {}),
        }
    }
}

/// The built-in model has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct LocalEmbeddings {}

/// The recent conversation in Redis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Sessions {
    /// How long a silent conversation stays in Redis. Its messages stay in PostgreSQL.
    #[schemars(extend("x-kubernetes-validations" = crate::text::longer_than_zero("sessions.ttl")))]
    pub ttl: Span,
    /// Messages for which an adult route holds after an adult message, counting down.
    #[schemars(range(min = 0, max = 50))]
    pub route_lock_messages: u32,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            ttl: Span::seconds(86_400),
            route_lock_messages: 5,
        }
    }
}
