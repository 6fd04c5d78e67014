//! Replies in OpenAI's form: one object, or the chunks of a stream. What OpenAI has no field for stands under `companion`.

use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::llm::Usage;
use crate::turn::{Event, FILTERED, Failure, Outcome, Told};

use super::ApiError;
use super::sse::{Dialect, data};

/// The parts of a completion that its chunks share.
pub struct Completion {
    id: String,
    created: i64,
    model: String,
    /// A stream ends with the cost.
    include_usage: bool,
}

/// OpenAI's object of a whole reply.
#[derive(Serialize, ToSchema)]
pub struct ChatCompletion<'a> {
    id: &'a str,
    object: &'static str,
    /// Seconds since 1970.
    created: i64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: TokenUsage,
    companion: Companion<'a>,
}

/// The one reply.
#[derive(Serialize, ToSchema)]
pub struct Choice<'a> {
    index: u32,
    message: ReplyMessage<'a>,
    logprobs: Option<Value>,
    /// `stop`, `length` or `content_filter`.
    finish_reason: &'a str,
}

/// The reply's message.
#[derive(Serialize, ToSchema)]
pub struct ReplyMessage<'a> {
    role: &'static str,
    content: &'a str,
    refusal: Option<&'a str>,
}

/// Tokens, as OpenAI counts them.
#[derive(Serialize, ToSchema)]
pub struct TokenUsage {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u32,
    prompt_tokens_details: PromptTokensDetails,
}

/// Of the tokens that were read.
#[derive(Serialize, ToSchema)]
pub struct PromptTokensDetails {
    /// Those that the provider had in its cache.
    cached_tokens: u32,
}

/// What OpenAI has no field for.
#[derive(Serialize, ToSchema)]
pub struct Companion<'a> {
    conversation_id: Option<Uuid>,
    turn_id: Uuid,
    /// Both messages are committed.
    stored: bool,
    /// They are not yet, because the database is away: they will be once it is back.
    pending: bool,
    /// Millionths of a dollar, by the price list.
    cost_microdollars: u64,
    /// Memories that were in the prompt.
    recalled: Vec<Recalled<'a>>,
    /// Parts that were missing.
    degraded: &'a [String],
    /// A stand-in replied, not a model.
    simulated: bool,
    /// The reply was made for an earlier request that asked the same.
    cached: bool,
}

/// A memory that was in the prompt.
#[derive(Serialize, ToSchema)]
pub struct Recalled<'a> {
    id: Uuid,
    text: &'a str,
}

impl From<Usage> for TokenUsage {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt,
            completion_tokens: usage.completion,
            total_tokens: usage.prompt.saturating_add(usage.completion),
            prompt_tokens_details: PromptTokensDetails {
                cached_tokens: usage.cached,
            },
        }
    }
}

impl<'a> From<&'a Outcome> for Companion<'a> {
    fn from(outcome: &'a Outcome) -> Self {
        let recalled = outcome.recalled.iter().map(|known| Recalled {
            id: known.id,
            text: &known.text,
        });
        Self {
            conversation_id: outcome.conversation,
            turn_id: outcome.turn_id,
            stored: outcome.stored,
            pending: outcome.pending,
            cost_microdollars: outcome.cost_microdollars,
            recalled: recalled.collect(),
            degraded: &outcome.degraded,
            simulated: outcome.simulated,
            cached: outcome.cached,
        }
    }
}

impl Dialect for Completion {
    fn write(&self, told: &Told) -> String {
        match &told.event {
            Event::Delta(text) if told.id.offset == text.len() as u64 => {
                data(&self.opening()) + &data(&self.text(text))
            }
            Event::Delta(text) => data(&self.text(text)),
            Event::Done(outcome) => {
                let opening = if outcome.text.is_empty() {
                    data(&self.opening())
                } else {
                    String::new()
                };
                let chunks: String = self.closing(outcome).iter().map(data).collect();
                format!("{opening}{chunks}data: [DONE]\n\n")
            }
            // What was shown cannot be taken back here; it ends as OpenAI ends what it filters.
            Event::Error(Failure::Withheld) => {
                let opening = if told.id.offset == 0 {
                    data(&self.opening())
                } else {
                    String::new()
                };
                let closing = self.chunk(json!([{ "index": 0, "delta": {}, "finish_reason": FILTERED }]));
                format!("{opening}{}data: [DONE]\n\n", data(&closing))
            }
            Event::Error(failure) => data(&ApiError::from(failure.clone()).openai()),
            // Its client hears nothing but the reply.
            Event::Turn(_)
            | Event::Emotion(_)
            | Event::Memory(_)
            | Event::Crisis(_)
            | Event::AgeVerificationRequired(_)
            | Event::Route(_) => String::new(),
        }
    }
}

impl Completion {
    /// The completion that `turn` makes.
    pub fn new(turn: Uuid, model: String, include_usage: bool) -> Self {
        Self {
            id: format!("chatcmpl-{}", turn.simple()),
            created: Utc::now().timestamp(),
            model,
            include_usage,
        }
    }

    /// The whole reply in one object.
    pub fn whole<'a>(&'a self, outcome: &'a Outcome) -> ChatCompletion<'a> {
        let message = ReplyMessage {
            role: "assistant",
            content: &outcome.text,
            refusal: None,
        };
        ChatCompletion {
            id: &self.id,
            object: "chat.completion",
            created: self.created,
            model: &self.model,
            choices: [Choice {
                index: 0,
                message,
                logprobs: None,
                finish_reason: &outcome.finish,
            }],
            usage: outcome.usage.into(),
            companion: outcome.into(),
        }
    }

    /// A reply that was withheld, as OpenAI says it.
    pub fn withheld(&self) -> Value {
        let message = json!({ "role": "assistant", "content": "", "refusal": null });
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": FILTERED }],
        })
    }

    /// The chunk that opens a stream.
    fn opening(&self) -> Value {
        self.chunk(json!([{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }]))
    }

    /// A chunk with some text.
    fn text(&self, text: &str) -> Value {
        self.chunk(json!([{ "index": 0, "delta": { "content": text }, "finish_reason": null }]))
    }

    /// The chunks that close a stream; the last one says how the turn ended.
    fn closing(&self, outcome: &Outcome) -> Vec<Value> {
        let mut chunks = vec![self.chunk(json!([{ "index": 0, "delta": {}, "finish_reason": outcome.finish }]))];
        if self.include_usage {
            let mut cost = self.chunk(json!([]));
            cost["usage"] = json!(TokenUsage::from(outcome.usage));
            chunks.push(cost);
        }
        if let Some(last) = chunks.last_mut() {
            last["companion"] = json!(Companion::from(outcome));
        }
        chunks
    }

    fn chunk(&self, choices: Value) -> Value {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model, "choices": choices,
        });
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }
}
