//! How much one user, address, API key or worker may ask for, and how a worker goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Span;

/// Bounds on what is asked of the service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Requests of one user in a minute, over all workers.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_user_per_minute: u32,
    /// Requests of one address in a minute, over all workers.
    #[serde(rename = "perIPPerMinute")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_ip_per_minute: u32,
    /// Requests of one API key in a minute, over all workers. Takes the place of the address's limit.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_key_per_minute: u32,
    /// Turns that one worker answers at once; more get 503 with `Retry-After`.
    #[schemars(range(min = 1, max = 100_000))]
    pub turns_in_flight_per_worker: u32,
    /// Largest request body in bytes.
    #[schemars(range(min = 1024, max = 16_777_216))]
    pub body_bytes: u32,
    /// Longest message in characters.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub message_chars: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_user_per_minute: 30,
            per_ip_per_minute: 120,
            per_key_per_minute: 6_000,
            turns_in_flight_per_worker: 256,
            body_bytes: 262_144,
            message_chars: 4_000,
        }
    }
}

/// The cache of replies without personal context: turns of which nothing is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Cache {
    /// How long a reply is given again to whoever asks the same; `0s` for not at all.
    pub ttl: Span,
    /// Largest reply that is kept, in bytes.
    #[schemars(range(min = 1024, max = 1_048_576))]
    pub max_entry_bytes: u32,
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            ttl: Span::seconds(3_600),
            max_entry_bytes: 65_536,
        }
    }
}

/// What becomes of a turn whose client goes away, on the companion API. On `/v1` an idempotency key decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnDisconnect {
    /// It goes on and is stored; the client comes back for it.
    #[default]
    Continue,
    /// It ends, and so does what it costs.
    Cancel,
}

/// The page to chat with in a browser, at `/chat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ChatPage {
    /// There is none.
    #[default]
    Disabled,
    /// For trying things out: Production refuses it.
    Enabled,
}

/// How a worker goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Drain {
    /// Time from the decision to stop a worker until it is killed.
    pub grace_period: Span,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            grace_period: Span::seconds(150),
        }
    }
}
