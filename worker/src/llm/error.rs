//! What can go wrong with a provider, as one type. Its texts reach users, so none of them holds a prompt, a reply, a key, or
//! what only an operator should know: a status such as 401 is in the logs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why a provider gave no whole reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmError {
    /// Not reached.
    #[error("the provider could not be reached")]
    Connect,
    /// It answered with an error.
    #[error("the provider answered with an error")]
    Status {
        /// HTTP status.
        status: u16,
        /// How long it wants to be left alone.
        after: Option<Duration>,
    },
    /// Nothing came in time.
    #[error("the provider sent nothing for {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The reply ended before it was complete, or was no reply.
    #[error("the provider's reply broke off")]
    Broken,
    /// It failed so often that it is left alone for so long.
    #[error("the provider fails and is left alone for a moment")]
    Unavailable(Duration),
}

impl LlmError {
    /// The outcome as a metric's label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Status { status: 429, .. } => "rate_limited",
            Self::Status { status: 500.., .. } => "server_error",
            Self::Status { .. } => "refused",
            Self::Timeout(_) => "timeout",
            Self::Broken => "broken",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// Whether the same question may be answered by asking again. After a timeout there is no time left for that.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect | Self::Broken => true,
            Self::Status { status, .. } => matches!(status, 408 | 409 | 429 | 500..),
            Self::Timeout(_) | Self::Unavailable(_) => false,
        }
    }

    /// Whether it says that the provider is unwell, and not that this request or its key is wrong.
    pub fn is_the_providers(&self) -> bool {
        match self {
            Self::Connect | Self::Timeout(_) | Self::Broken => true,
            Self::Status { status, .. } => matches!(status, 408 | 429 | 500..),
            Self::Unavailable(_) => false,
        }
    }

    /// How long the provider wants to be left alone.
    pub fn after(&self) -> Option<Duration> {
        match self {
            Self::Status { after, .. } => *after,
            Self::Unavailable(after) => Some(*after),
            Self::Connect | Self::Timeout(_) | Self::Broken => None,
        }
    }
}
