//! `/api/v1/memories`: what is remembered of the caller, to see, search, add, edit, pin and delete; and
//! `/api/v1/turns/{id}/memories`: what a reply used. Every call is about the caller's user; another user's memory is not
//! found, exactly as one that never was.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::memory::{Memory, MemoryEdit};
use crate::store::Edited;

use super::body::{self, JsonBody, flag, present, text, whole};
use super::caller::Caller;
use super::page::{PageQuery, cut};
use super::{ApiError, etag};

/// Memories found, unless asked otherwise.
const FOUND: u32 = 10;
/// Most memories found.
const MOST_FOUND: u32 = 100;

/// A page of memories, newest first.
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let page = PageQuery::<Uuid>::read(&query)?;
    let mut memories = app.memories.list(user, page.limit + 1, page.cursor).await?;
    let next = cut(&mut memories, page.limit, |last| last.id);
    Ok(Json(json!({ "memories": memories, "next_cursor": next })))
}

/// Remembers a text.
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let body = body?;
    let memory = app.memories.create(user, text(&body.fields, "text", "text")?).await?;
    let location = format!("/api/v1/memories/{}", memory.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(json!(memory))).into_response())
}

/// One memory, with its entity tag.
pub async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let memory = app.memories.get(user, identifier(&id)?).await?;
    memory.map(shown).ok_or_else(missing)
}

/// Puts a memory right, or pins it.
pub async fn edit(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let (id, fields) = (identifier(&id)?, body?.fields);
    let edit = MemoryEdit {
        text: present(&fields, "text")
            .map(|_| text(&fields, "text", "text").map(str::to_owned))
            .transpose()?,
        pinned: present(&fields, "pinned")
            .map(|_| flag(&fields, "pinned", "pinned"))
            .transpose()?,
    };
    if edit == MemoryEdit::default() {
        return Err(ApiError::field(
            "text",
            "or pinned is required: there is nothing to edit",
        ));
    }
    match app.memories.edit(user, id, edit, etag::if_match(&headers)?).await? {
        Edited::Done(memory) => Ok(shown(memory)),
        Edited::Stale(_) => Err(etag::stale()),
        Edited::Missing => Err(missing()),
    }
}

/// The memories that stood in the prompt of a turn, and why.
pub async fn of_turn(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let used = app.memories.used_in(user, body::identifier("turn", &id)?).await?;
    let used = used.ok_or_else(ApiError::no_turn)?;
    Ok(Json(json!({ "memories": used })))
}

/// Forgets a memory.
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let user = caller.within_limits(&app).await?;
    if app.memories.delete(user, identifier(&id)?).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(missing())
}

/// Memories that fit a query, best first, and why.
pub async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<Value>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let body = body?;
    let query = text(&body.fields, "query", "query")?.trim();
    let (chars, most) = (query.chars().count(), app.config.limits.message_chars);
    if chars == 0 || chars > most as usize {
        return Err(ApiError::field(
            "query",
            format!("must have 1 to {most} characters, has {chars}"),
        ));
    }
    let limit = whole(&body.fields, "limit", 1, MOST_FOUND)?.unwrap_or(FOUND);
    let found = app.memories.search(user, query, limit).await?;
    Ok(Json(json!({ "results": found })))
}

fn identifier(id: &str) -> Result<Uuid, ApiError> {
    body::identifier("memory", id)
}

fn shown(memory: Memory) -> Response {
    ([(ETAG, etag::tag(memory.revision))], Json(json!(memory))).into_response()
}

fn missing() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "memory_not_found", "there is no such memory")
}
