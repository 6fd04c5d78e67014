//! `POST /v1/chat/completions`: one message in, its reply out, whole or as a stream. The status line waits for the first
//! piece of the reply, so that what goes wrong before it is a proper HTTP error.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::app::App;
use crate::llm::Usage;
use crate::turn::{self, Event, Outcome};

use super::ApiError;
use super::body::JsonBody;
use super::caller::Caller;
use super::chat_request::ChatRequest;
use super::error::rate_limit;
use super::sse;

/// Tells a client that no model replied.
const SIMULATED: HeaderName = HeaderName::from_static("x-companion-simulated");

/// The parts of a completion that its chunks share.
pub struct Completion {
    id: String,
    created: i64,
    model: String,
    /// A stream ends with the cost.
    pub include_usage: bool,
}

/// Answers one message.
pub async fn completions(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let read = body.and_then(|body| ChatRequest::read(caller.user, &body, &headers, &app.config));
    let request = match read {
        Ok(request) => request,
        Err(error) => {
            caller.address().await?;
            return Err(error);
        }
    };
    let completion = Completion::new(request.asked.turn_id, request.model, request.include_usage);
    let (allowance, mut events) = turn::begin(&app, request.asked, caller.address()).await?;
    let mut response = if request.stream {
        let first = events.recv().await.ok_or_else(ApiError::internal)?;
        if let Event::Failed(error) = first {
            return Err(error.into());
        }
        sse::stream(completion, first, events)
    } else {
        Json(completion.whole(&collect(&mut events).await?)).into_response()
    };
    response.headers_mut().extend(rate_limit(allowance));
    if app.models.is_simulated(&app.config.llm.routes.normal.provider) {
        response
            .headers_mut()
            .insert(SIMULATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

async fn collect(events: &mut mpsc::Receiver<Event>) -> Result<Outcome, ApiError> {
    while let Some(event) = events.recv().await {
        match event {
            Event::Text(_) => {}
            Event::Done(outcome) => return Ok(*outcome),
            Event::Failed(error) => return Err(error.into()),
        }
    }
    Err(ApiError::internal())
}

impl Completion {
    fn new(turn: Uuid, model: String, include_usage: bool) -> Self {
        Self {
            id: format!("chatcmpl-{}", turn.simple()),
            created: Utc::now().timestamp(),
            model,
            include_usage,
        }
    }

    /// The whole reply in one object.
    fn whole(&self, outcome: &Outcome) -> Value {
        json!({
            "id": self.id, "object": "chat.completion", "created": self.created, "model": self.model,
            "choices": [{
                "index": 0,
                "message": { "role": "assistant", "content": outcome.text, "refusal": null },
                "logprobs": null,
                "finish_reason": outcome.finish,
            }],
            "usage": usage(outcome.usage),
            "companion": companion(outcome),
        })
    }

    /// The chunk that opens a stream.
    pub fn opening(&self) -> Value {
        self.chunk(json!([{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }]))
    }

    /// A chunk with some text.
    pub fn text(&self, text: &str) -> Value {
        self.chunk(json!([{ "index": 0, "delta": { "content": text }, "finish_reason": null }]))
    }

    /// The chunks that close a stream; the last one says how the turn ended.
    pub fn closing(&self, outcome: &Outcome) -> Vec<Value> {
        let mut chunks = vec![self.chunk(json!([{ "index": 0, "delta": {}, "finish_reason": outcome.finish }]))];
        if self.include_usage {
            let mut cost = self.chunk(json!([]));
            cost["usage"] = usage(outcome.usage);
            chunks.push(cost);
        }
        if let Some(last) = chunks.last_mut() {
            last["companion"] = companion(outcome);
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

fn usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.prompt, "completion_tokens": usage.completion,
        "total_tokens": usage.prompt.saturating_add(usage.completion),
        "prompt_tokens_details": { "cached_tokens": usage.cached },
    })
}

fn companion(outcome: &Outcome) -> Value {
    let recalled: Vec<Value> = outcome
        .recalled
        .iter()
        .map(|(id, text)| json!({ "id": id, "text": text }))
        .collect();
    json!({
        "conversation_id": outcome.conversation, "turn_id": outcome.turn_id, "stored": outcome.stored,
        "recalled": recalled, "degraded": outcome.degraded, "simulated": outcome.simulated,
    })
}
