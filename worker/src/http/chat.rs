//! `POST /v1/chat/completions`: one message in, its reply out, whole or as a stream. The status line waits for the first
//! piece of the reply, so that what goes wrong before it is a proper HTTP error. An error in mid-stream is a last event
//! in OpenAI's shape, without `[DONE]`: SDKs raise it.

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
use crate::turn::{self, Event, Outcome, Route, Told};

use super::ApiError;
use super::body::JsonBody;
use super::caller::Caller;
use super::chat_request::ChatRequest;
use super::error::rate_limit;
use super::sse::{self, Dialect, data};

/// Tells a client that no model replied.
const SIMULATED: HeaderName = HeaderName::from_static("x-companion-simulated");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

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
    let read = body.and_then(|body| {
        let user = caller.user_or_named_in(&body.fields)?;
        ChatRequest::read(user, &body, &headers, &app.config)
    });
    let request = match read {
        Ok(request) => request,
        Err(error) => {
            caller.counted().await?;
            return Err(error);
        }
    };
    let completion = Completion::new(request.asked.turn_id, request.model, request.include_usage);
    let (allowance, mut events) = turn::begin(&app, request.asked, caller.counted()).await?;
    let (mut response, route, simulated) = if request.stream {
        let (first, route) = first_of_reply(&mut events).await?;
        let simulated = route.as_ref().is_some_and(|route| route.simulated);
        (sse::stream(completion, Some(first), events), route, simulated)
    } else {
        let (outcome, route) = collect(&mut events).await?;
        let simulated = outcome.simulated;
        (Json(completion.whole(&outcome)).into_response(), route, simulated)
    };
    let headers = response.headers_mut();
    headers.extend(rate_limit(allowance));
    headers.extend(route.as_ref().and_then(timing));
    if simulated {
        headers.insert(SIMULATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

/// Where the time to the first text went, as browsers' tools show it (W3C Server Timing).
pub fn timing(route: &Route) -> Option<(HeaderName, HeaderValue)> {
    let timing = route.timing?;
    let millis = |micros: u64| micros as f64 / 1_000.0;
    let text = format!(
        "overhead;dur={:.3}, provider;dur={:.3}",
        millis(timing.overhead_us),
        millis(timing.provider_us)
    );
    Some((SERVER_TIMING, HeaderValue::from_str(&text).ok()?))
}

/// The first event that is part of the reply, and the way it takes.
async fn first_of_reply(events: &mut mpsc::Receiver<Told>) -> Result<(Told, Option<Route>), ApiError> {
    let mut route = None;
    while let Some(told) = events.recv().await {
        match told.event {
            Event::Delta(_) | Event::Done(_) => return Ok((told, route)),
            Event::Error(failure) => return Err(failure.into()),
            Event::Route(chosen) => route = Some(chosen),
            Event::Turn(_) | Event::Memory(_) => {}
        }
    }
    Err(ApiError::internal())
}

/// How the turn ended, once it did, and the way it took.
///
/// # Errors
/// The reply broke off or never began.
pub async fn collect(events: &mut mpsc::Receiver<Told>) -> Result<(Outcome, Option<Route>), ApiError> {
    let mut route = None;
    while let Some(told) = events.recv().await {
        match told.event {
            Event::Done(outcome) => return Ok((*outcome, route)),
            Event::Error(failure) => return Err(failure.into()),
            Event::Route(chosen) => route = Some(chosen),
            Event::Turn(_) | Event::Memory(_) | Event::Delta(_) => {}
        }
    }
    Err(ApiError::internal())
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
            Event::Error(failure) => data(&ApiError::from(failure.clone()).openai()),
            Event::Turn(_) | Event::Memory(_) | Event::Route(_) => String::new(),
        }
    }
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

/// Tokens, as OpenAI counts them.
pub fn usage(usage: Usage) -> Value {
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
        .map(|known| json!({ "id": known.id, "text": known.text }))
        .collect();
    json!({
        "conversation_id": outcome.conversation, "turn_id": outcome.turn_id, "stored": outcome.stored,
        "cost_microdollars": outcome.cost_microdollars, "recalled": recalled, "degraded": outcome.degraded, "simulated": outcome.simulated,
    })
}
