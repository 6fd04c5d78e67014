//! What a turn tells its client: events, in order, each with its place in the turn. They are kept in Redis as JSON for a
//! client that comes back, so whatever they hold can be written and read.

use std::time::Duration;

use companion_crds::content::HelpContact;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::llm::{LlmError, Usage};
use crate::memory::Why;
use crate::session::EventId;
use crate::store::perceived::Mood;

/// An event and its place.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its place in the turn.
    pub id: EventId,
    /// What happened.
    pub event: Event,
}

/// Something that happened in a turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The turn was admitted.
    Turn(Begun),
    /// What the message sounds like, where it sounds like something.
    Emotion(Mood),
    /// Memories that enter the prompt, the best first.
    Memory(Vec<Known>),
    /// Somebody is in danger: who helps.
    Crisis(Vec<HelpContact>),
    /// What was asked for is open to adults only whose age was verified: where that is done.
    AgeVerificationRequired(Verification),
    /// Which way the reply takes.
    Route(Route),
    /// Some of the reply.
    Delta(String),
    /// The reply is complete, and stored if `outcome.stored`. Nothing follows.
    Done(Box<Outcome>),
    /// The reply broke off, or never began. Nothing follows.
    Error(Failure),
}

impl Event {
    /// Whether nothing follows.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Done(_) | Self::Error(_))
    }

    /// Bytes of the reply that it carries.
    pub fn bytes(&self) -> u64 {
        match self {
            Self::Delta(text) => text.len() as u64,
            _ => 0,
        }
    }
}

/// The beginning of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// The turn.
    pub turn_id: Uuid,
    /// Its conversation, if the client named it.
    pub conversation_id: Option<Uuid>,
}

/// A memory in the prompt.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema, Deserialize)]
pub struct Known {
    /// Its id.
    pub id: Uuid,
    /// The fact.
    pub text: String,
    /// How well it fits; higher is better.
    pub score: f64,
    /// How it was found.
    #[serde(default)]
    pub why: Why,
}

/// Where an age is verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The path of the companion API to go to.
    pub verify_at: String,
}

/// The way of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The route's name.
    pub route: String,
    /// What the message is.
    #[serde(default)]
    pub label: String,
    /// Who is asked.
    pub provider: String,
    /// Which model is asked.
    pub model: String,
    /// It is the stand-in.
    pub simulated: bool,
    /// It was made for an earlier request that asked the same.
    #[serde(default)]
    pub cached: bool,
    /// Where the time to its first text went; none for a stored reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
}

/// Where the time from a request to the first text of its reply went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// Microseconds that were the worker's own.
    pub overhead_us: u64,
    /// Microseconds that were the provider's, all its tries together.
    pub provider_us: u64,
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The turn.
    pub turn_id: Uuid,
    /// Its conversation; none where nothing is stored on purpose.
    pub conversation: Option<Uuid>,
    /// The whole reply.
    pub text: String,
    /// Why it ended: `stop`, `length`, `content_filter`.
    pub finish: String,
    /// Tokens.
    pub usage: Usage,
    /// What they cost by the price list, in millionths of a dollar.
    #[serde(default)]
    pub cost_microdollars: u64,
    /// Both messages are committed.
    pub stored: bool,
    /// They are not yet, because PostgreSQL is away: they will be once it is back.
    #[serde(default)]
    pub pending: bool,
    /// Memories that were in the prompt.
    pub recalled: Vec<Known>,
    /// Parts that were missing: `session`, `idempotency`, `history`, `recall`, `embeddings`, `storage`.
    pub degraded: Vec<String>,
    /// A stand-in replied, not a model.
    pub simulated: bool,
    /// The reply was made for an earlier request that asked the same.
    #[serde(default)]
    pub cached: bool,
}

/// Why a reply broke off or never began.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The provider.
    #[error("{0}")]
    Provider(LlmError),
    /// The turn took longer than it may.
    #[error("the reply took longer than {} s", .0.as_secs())]
    TooLong(Duration),
    /// The worker goes.
    #[error("this worker is shutting down")]
    ShuttingDown,
    /// The worker that answered is gone, and nothing of the turn was stored.
    #[error("the turn was interrupted before it was stored; send the message again")]
    Interrupted,
    /// What was to be said next is nothing that this route may say: what was shown of the reply is to be taken back.
    #[error("the reply was withheld; take back what was shown of it")]
    Withheld,
    /// Another request with the same idempotency key was first.
    #[error("the idempotency key was used with another request")]
    KeyReused,
    /// A bug; the cause is in the logs.
    #[error("something went wrong here; try again")]
    Internal,
}
