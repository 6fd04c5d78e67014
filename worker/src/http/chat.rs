//! `POST /v1/chat/completions`: one message in, its reply out, whole or as a stream. The status line waits for the first
//! piece of the reply, so that what goes wrong before it is a proper HTTP error. An error in mid-stream is a last event
//! in OpenAI's shape, without `[DONE]`: SDKs raise it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;

use crate::app::App;
use crate::turn::{self, Event, Failure, Outcome, Route, Told};

use super::ApiError;
use super::body::JsonBody;
use super::caller::Caller;
use super::chat_request::ChatRequest;
use super::chat_response::{ChatCompletion, Completion};
use super::error::rate_limit;
use super::openapi::{ChatCompletionRequest, ConversationId, DataEvent, Ephemeral, IdempotencyKey};
use super::sse;

/// Tells a client that no model replied.
const SIMULATED: HeaderName = HeaderName::from_static("x-companion-simulated");

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Answers one message.
///
/// Fields of OpenAI's that are not named here are ignored. Without a stream the answer is one object; with one it is data
/// lines of chunks, in OpenAI's form, and ends with `[DONE]`.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    operation_id = "create_chat_completion",
    tag = "openai",
    params(ConversationId, IdempotencyKey, Ephemeral),
    request_body = ChatCompletionRequest,
    responses(
        (status = 200, content((ChatCompletion = "application/json"), (DataEvent = "text/event-stream"))),
        (status = 404, description = "no such model"),
        (status = 409, description = "an earlier message of the conversation is still being answered"),
        (status = 422, description = "the idempotency key was used with another request"),
        (status = 502, description = "the provider failed"),
        (status = 504, description = "the provider or the turn took too long"),
    )
)]
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
        match collect(&mut events).await? {
            (Whole::Said(outcome), route) => {
                let simulated = outcome.simulated;
                (Json(completion.whole(&outcome)).into_response(), route, simulated)
            }
            (Whole::Withheld, route) => {
                let simulated = route.as_ref().is_some_and(|route| route.simulated);
                (Json(completion.withheld()).into_response(), route, simulated)
            }
        }
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
            // A stream ends as OpenAI's does.
            Event::Error(Failure::Withheld) => return Ok((told, route)),
            Event::Error(failure) => return Err(failure.into()),
            Event::Route(chosen) => route = Some(chosen),
            _ => {}
        }
    }
    Err(ApiError::internal())
}

/// A whole reply.
pub enum Whole {
    /// It was said.
    Said(Box<Outcome>),
    /// It was about to be what its way may not say.
    Withheld,
}

/// How the turn ended, once it did, and the way it took.
///
/// # Errors
/// The reply broke off or never began.
pub async fn collect(events: &mut mpsc::Receiver<Told>) -> Result<(Whole, Option<Route>), ApiError> {
    let mut route = None;
    while let Some(told) = events.recv().await {
        match told.event {
            Event::Done(outcome) => return Ok((Whole::Said(outcome), route)),
            Event::Error(Failure::Withheld) => return Ok((Whole::Withheld, route)),
            Event::Error(failure) => return Err(failure.into()),
            Event::Route(chosen) => route = Some(chosen),
            _ => {}
        }
    }
    Err(ApiError::internal())
}
