//! What the events of a stream look like, for the document: one value for each event, as a reader of server-sent events
//! gives it.
#![expect(dead_code, reason = "only the shapes of these types are used")]

use utoipa::ToSchema;

/// An event of the companion API.
#[derive(ToSchema)]
pub struct NamedEvent {
    /// What it tells.
    event: EventName,
    /// Its place in the turn, to come back with as `Last-Event-ID`.
    id: String,
    /// JSON: of `turn` `{turn_id, conversation_id}`, of `emotion` `{emotion, confidence, intensity,
    /// evidence}`, of `memory` `{memories}`, of `crisis` `{resources}`, of `age_verification_required` `{verify_at}`, of `route` `{route, provider, model, simulated,
    /// cached, timing}`, of `delta` `{text}`, of `done` a `TurnDone`, of `error` `{code, message, retryable}`.
    data: String,
}

/// What an event tells.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum EventName {
    /// The turn began.
    Turn,
    /// What the message sounds like.
    Emotion,
    /// Memories enter the prompt.
    Memory,
    /// Somebody is in danger: who helps.
    Crisis,
    /// Open to adults only whose age was verified.
    #[serde(rename = "age_verification_required")]
    AgeVerificationRequired,
    /// Who is asked.
    Route,
    /// Some of the reply.
    Delta,
    /// The reply is complete. Nothing follows.
    Done,
    /// The reply broke off, or never began. Nothing follows.
    Error,
}

/// An event of OpenAI's API.
#[derive(ToSchema)]
pub struct DataEvent {
    /// JSON: OpenAI's `chat.completion.chunk`, or its error; at last `[DONE]`.
    data: String,
}
