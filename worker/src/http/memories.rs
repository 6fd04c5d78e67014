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
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::memory::{Found, Memory, MemoryEdit, Used};
use crate::store::Edited;

use super::body::{self, JsonBody, flag, present, text, whole};
use super::caller::Caller;
use super::openapi::{IfMatch, MemoryChange, MemoryQuery, NewMemory, PageParams};
use super::page::{PageQuery, cut};
use super::{ApiError, etag};

/// Memories found, unless asked otherwise.
const FOUND: u32 = 10;
/// Most memories found.
const MOST_FOUND: u32 = 100;

/// Some of the caller's memories.
#[derive(Serialize, ToSchema)]
pub struct MemoryPage {
    memories: Vec<Memory>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<Uuid>,
}

/// Memories that stood in a prompt.
#[derive(Serialize, ToSchema)]
pub struct UsedMemories {
    memories: Vec<Used>,
}

/// Memories that fit.
#[derive(Serialize, ToSchema)]
pub struct FoundMemories {
    results: Vec<Found>,
}

/// A page of memories, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/memories",
    operation_id = "list_memories",
    tag = "memories",
    params(PageParams),
    responses((status = 200, body = MemoryPage)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<MemoryPage>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let page = PageQuery::<Uuid>::read(&query)?;
    let mut memories = app.memories.list(user, page.limit + 1, page.cursor).await?;
    let next_cursor = cut(&mut memories, page.limit, |last| last.id);
    Ok(Json(MemoryPage { memories, next_cursor }))
}

/// Remembers a text.
#[utoipa::path(
    post,
    path = "/api/v1/memories",
    operation_id = "create_memory",
    tag = "memories",
    request_body = NewMemory,
    responses((status = 201, body = Memory)),
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let body = body?;
    let memory = app.memories.create(user, text(&body.fields, "text", "text")?).await?;
    let location = format!("/api/v1/memories/{}", memory.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(memory)).into_response())
}

/// One memory, with its entity tag.
#[utoipa::path(
    get,
    path = "/api/v1/memories/{id}",
    operation_id = "get_memory",
    tag = "memories",
    params(("id" = Uuid, Path, description = "the memory")),
    responses((status = 200, body = Memory), (status = 404, description = "no such memory")),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let memory = app.memories.get(user, identifier(&id)?).await?;
    memory.map(shown).ok_or_else(missing)
}

/// Puts a memory right, or pins it.
#[utoipa::path(
    patch,
    path = "/api/v1/memories/{id}",
    operation_id = "edit_memory",
    tag = "memories",
    params(("id" = Uuid, Path, description = "the memory"), IfMatch),
    request_body = MemoryChange,
    responses(
        (status = 200, body = Memory),
        (status = 404, description = "no such memory"),
        (status = 409, description = "another memory says the same"),
        (status = 412, description = "it was edited meanwhile"),
    ),
)]
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
#[utoipa::path(
    get,
    path = "/api/v1/turns/{id}/memories",
    operation_id = "memories_of_turn",
    tag = "memories",
    params(("id" = Uuid, Path, description = "the turn")),
    responses((status = 200, body = UsedMemories), (status = 404, description = "no such turn")),
)]
pub async fn of_turn(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<UsedMemories>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let used = app.memories.used_in(user, body::identifier("turn", &id)?).await?;
    let memories = used.ok_or_else(ApiError::no_turn)?;
    Ok(Json(UsedMemories { memories }))
}

/// Forgets a memory.
#[utoipa::path(
    delete,
    path = "/api/v1/memories/{id}",
    operation_id = "delete_memory",
    tag = "memories",
    params(("id" = Uuid, Path, description = "the memory")),
    responses(
        (status = 204, description = "it is forgotten"),
        (status = 404, description = "no such memory"),
    ),
)]
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
#[utoipa::path(
    post,
    path = "/api/v1/memories/search",
    operation_id = "search_memories",
    tag = "memories",
    request_body = MemoryQuery,
    responses((status = 200, body = FoundMemories)),
)]
pub async fn search(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<FoundMemories>, ApiError> {
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
    let results = app.memories.search(user, query, limit).await?;
    Ok(Json(FoundMemories { results }))
}

fn identifier(id: &str) -> Result<Uuid, ApiError> {
    body::identifier("memory", id)
}

fn shown(memory: Memory) -> Response {
    ([(ETAG, etag::tag(memory.revision))], Json(memory)).into_response()
}

fn missing() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "memory_not_found", "there is no such memory")
}
