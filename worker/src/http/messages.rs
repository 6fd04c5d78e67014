//! `/api/v1/conversations/{id}/messages` and `/api/v1/turns/{id}/events`: a message goes in, its turn comes out as named
//! events, or as one JSON object where the client asks for that; who lost the connection comes back for the rest; what was
//! said is read page by page.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Response};
use companion_crds::serving::OnDisconnect;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::identity::UserId;
use crate::llm::Sampling;
use crate::session::EventId;
use crate::store::Message;
use crate::turn::{self, Asked, Begun, Event, Failure, Known, Outcome, Told};

use super::ApiError;
use super::body::{self, JsonBody, text};
use super::caller::Caller;
use super::chat::{Whole, collect, timing};
use super::chat_request::{hash, idempotency_key};
use super::chat_response::TokenUsage;
use super::conversations::{identifier, missing};
use super::error::rate_limit;
use super::openapi::{IdempotencyKey, LastEventId, NamedEvent, NewMessage, PageParams};
use super::page::{PageQuery, cut};
use super::sse::{self, Dialect, data};

const LAST_EVENT: &str = "Last-Event-ID";

/// Some of a conversation's messages.
#[derive(Serialize, ToSchema)]
pub struct MessagePage {
    messages: Vec<Message>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// Events with names, and with ids that a client comes back with.
struct Named {
    turn: Uuid,
}

/// Answers a message.
#[utoipa::path(
    post,
    path = "/api/v1/conversations/{id}/messages",
    operation_id = "send_message",
    tag = "messages",
    params(("id" = Uuid, Path, description = "the conversation"), IdempotencyKey, LastEventId),
    request_body = NewMessage,
    responses(
        (
            status = 200,
            description = "the reply, as named events or, where Accept asks for application/json, as one object",
            content((TurnDone = "application/json"), (NamedEvent = "text/event-stream")),
        ),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "an earlier message is still being answered"),
        (status = 422, description = "the idempotency key was used with another request"),
        (status = 502, description = "the provider failed"),
        (status = 504, description = "the provider or the turn took too long"),
    ),
)]
pub async fn send(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let read = caller.user().and_then(|user| {
        let asked = read(&app, user, &id, &headers, &body?)?;
        Ok((user, asked))
    });
    let (user, asked) = match read {
        Ok(read) => read,
        Err(error) => {
            caller.counted().await?;
            return Err(error);
        }
    };
    let conversation = asked.conversation.ok_or_else(ApiError::internal)?;
    match app.store.conversation(user, conversation).await {
        Ok(None) => {
            caller.counted().await?;
            return Err(missing());
        }
        // Without the database nobody can say; the conversation is this user's in any case.
        Err(error) if error.is_unavailable() => tracing::warn!(%error, "a conversation is not looked up"),
        found => drop(found?),
    }
    let (turn, seen) = (asked.turn_id, asked.seen);
    let whole = !asked.streamed;
    let (allowance, mut events) = turn::begin(&app, asked, caller.counted()).await?;
    let mut response = if whole {
        let (Whole::Said(outcome), route) = collect(&mut events).await? else {
            return Err(Failure::Withheld.into());
        };
        let mut response = Json(done(&outcome)).into_response();
        response.headers_mut().extend(route.as_ref().and_then(timing));
        response
    } else {
        let first = events.recv().await.ok_or_else(ApiError::internal)?;
        // A turn that runs or ran already under this key has another id.
        let turn = match (&first.event, &seen) {
            (Event::Turn(Begun { turn_id, .. }), _) | (_, Some((turn_id, _))) => *turn_id,
            _ => turn,
        };
        sse::stream(Named { turn }, Some(first), events)
    };
    response.headers_mut().extend(rate_limit(allowance));
    Ok(response)
}

fn read(app: &App, user: UserId, id: &str, headers: &HeaderMap, body: &JsonBody) -> Result<Asked, ApiError> {
    let said = text(&body.fields, "text", "text")?;
    let (chars, most) = (said.chars().count(), app.config.limits.message_chars as usize);
    if said.trim().is_empty() || chars > most {
        return Err(ApiError::field(
            "text",
            format!("must have 1 to {most} characters, has {chars}"),
        ));
    }
    let idempotency_key = idempotency_key(headers)?.map(str::to_owned);
    let whole = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"));
    Ok(Asked {
        user,
        turn_id: Uuid::now_v7(),
        conversation: Some(identifier(id)?),
        request_hash: hash(&body.bytes, Some(id)),
        goes_on_alone: idempotency_key.is_some() || app.config.on_disconnect == OnDisconnect::Continue,
        idempotency_key,
        system: Vec::new(),
        history: Vec::new(),
        text: said.to_owned(),
        document: None,
        sampling: Sampling::default(),
        streamed: !whole,
        ephemeral: false,
        fresh: false,
        seen: last_event(headers)?,
    })
}

/// The rest of a turn, for a client that comes back.
#[utoipa::path(
    get,
    path = "/api/v1/turns/{id}/events",
    operation_id = "events_of_turn",
    tag = "messages",
    params(("id" = Uuid, Path, description = "the turn"), LastEventId),
    responses(
        (status = 200, description = "the events after the last one seen", content_type = "text/event-stream", body = NamedEvent),
        (status = 404, description = "no such turn"),
    ),
)]
pub async fn events(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let turn = body::identifier("turn", &id)?;
    let after = match last_event(&headers)? {
        Some((of, after)) if of == turn => after,
        Some(_) => return Err(ApiError::field(LAST_EVENT, "is an event of another turn")),
        None => EventId::default(),
    };
    let found = turn::find(&app, user, turn).await?.ok_or_else(ApiError::no_turn)?;
    let events = turn::follow(&app, user, turn, found, after);
    Ok(sse::stream(Named { turn }, None, events))
}

/// A page of messages, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}/messages",
    operation_id = "list_messages",
    tag = "messages",
    params(("id" = Uuid, Path, description = "the conversation"), PageParams),
    responses((status = 200, body = MessagePage), (status = 404, description = "no such conversation")),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<MessagePage>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let id = identifier(&id)?;
    let page = PageQuery::<i32>::read(&query)?;
    let mut messages = app.store.messages(user, id, page.limit + 1, page.cursor).await?;
    if messages.is_empty() && app.store.conversation(user, id).await?.is_none() {
        return Err(missing());
    }
    let next_cursor = cut(&mut messages, page.limit, |last| last.seq.to_string());
    Ok(Json(MessagePage { messages, next_cursor }))
}

/// The last event that the client saw: `turn:offset-number`, as this service wrote it.
fn last_event(headers: &HeaderMap) -> Result<Option<(Uuid, EventId)>, ApiError> {
    let Some(value) = headers.get(LAST_EVENT) else {
        return Ok(None);
    };
    let read = value.to_str().ok().and_then(|text| {
        let (turn, event) = text.trim().split_once(':')?;
        Some((Uuid::parse_str(turn).ok()?, event.parse().ok()?))
    });
    match read {
        Some(seen) => Ok(Some(seen)),
        None => Err(ApiError::field(
            LAST_EVENT,
            "must be the id of an event of this service",
        )),
    }
}

impl Dialect for Named {
    fn write(&self, told: &Told) -> String {
        let (name, value) = match &told.event {
            Event::Turn(begun) => ("turn", json!(begun)),
            Event::Emotion(mood) => ("emotion", json!(mood)),
            Event::Memory(memories) => ("memory", json!({ "memories": memories })),
            Event::Crisis(resources) => ("crisis", json!({ "resources": resources })),
            Event::AgeVerificationRequired(verification) => ("age_verification_required", json!(verification)),
            Event::Route(route) => ("route", json!(route)),
            Event::Delta(text) => ("delta", json!({ "text": text })),
            Event::Done(outcome) => ("done", json!(done(outcome))),
            Event::Error(failure) => ("error", ApiError::from(failure.clone()).event()),
        };
        format!("id: {}:{}\nevent: {name}\n{}", self.turn, told.id, data(&value))
    }
}

/// How a turn ended.
#[derive(Serialize, ToSchema)]
pub struct TurnDone<'a> {
    turn_id: Uuid,
    conversation_id: Option<Uuid>,
    /// The whole reply.
    text: &'a str,
    /// `stop`, `length` or `content_filter`.
    finish_reason: &'a str,
    usage: TokenUsage,
    /// Millionths of a dollar, by the price list.
    cost_microdollars: u64,
    /// Both messages are committed.
    stored: bool,
    /// They are not yet, because the database is away: they will be once it is back.
    pending: bool,
    /// Memories that were in the prompt.
    recalled: &'a [Known],
    /// Parts that were missing.
    degraded: &'a [String],
    /// A stand-in replied, not a model.
    simulated: bool,
}

fn done(outcome: &Outcome) -> TurnDone<'_> {
    TurnDone {
        turn_id: outcome.turn_id,
        conversation_id: outcome.conversation,
        text: &outcome.text,
        finish_reason: &outcome.finish,
        usage: outcome.usage.into(),
        cost_microdollars: outcome.cost_microdollars,
        stored: outcome.stored,
        pending: outcome.pending,
        recalled: &outcome.recalled,
        degraded: &outcome.degraded,
        simulated: outcome.simulated,
    }
}
