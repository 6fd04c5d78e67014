//! `/api/v1/conversations`: the caller's conversations, to make, list, read, name, empty and delete. One of another user
//! is not found, exactly as one that never was. What empties or deletes one waits for the turn that runs in it.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::app::App;
use crate::identity::UserId;
use crate::jobs::unsettled;
use crate::session::{Admission, Floor, Subject};
use crate::store::{Conversation, Edited};

use super::ApiError;
use super::body::{self, JsonBody, present};
use super::caller::Caller;
use super::error::SOON;
use super::etag;
use super::openapi::{IfMatch, NewConversation, PageParams, Title};
use super::page::{PageQuery, cut};

/// Longest title, in characters.
const MAX_TITLE: usize = 200;

/// Place of a conversation in the list: microseconds since 1970, and its id.
struct Cursor(i64, Uuid);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.0, self.1.simple())
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (at, id) = text.split_once('_').ok_or(())?;
        let cursor = Self(at.parse().map_err(drop)?, Uuid::parse_str(id).map_err(drop)?);
        DateTime::from_timestamp_micros(cursor.0).map(|_| cursor).ok_or(())
    }
}

/// Some of the caller's conversations.
#[derive(Serialize, ToSchema)]
pub struct ConversationPage {
    conversations: Vec<Conversation>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// A page of conversations, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/conversations",
    operation_id = "list_conversations",
    tag = "conversations",
    params(PageParams),
    responses((status = 200, body = ConversationPage)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<ConversationPage>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let page = PageQuery::<Cursor>::read(&query)?;
    let after = page
        .cursor
        .and_then(|Cursor(at, id)| Some((DateTime::<Utc>::from_timestamp_micros(at)?, id)));
    let mut conversations = app.store.conversations(user, page.limit + 1, after).await?;
    let place = |last: &Conversation| Cursor(last.created_at.timestamp_micros(), last.id).to_string();
    let next_cursor = cut(&mut conversations, page.limit, place);
    Ok(Json(ConversationPage {
        conversations,
        next_cursor,
    }))
}

/// Makes a conversation.
#[utoipa::path(
    post,
    path = "/api/v1/conversations",
    operation_id = "create_conversation",
    tag = "conversations",
    request_body = NewConversation,
    responses((status = 201, body = Conversation)),
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let body = body?;
    let title = title(&body.fields)?;
    let made = app.store.create_conversation(user, Uuid::now_v7(), title).await?;
    // An id that was just made is not taken.
    let made = made.ok_or_else(ApiError::internal)?;
    let location = format!("/api/v1/conversations/{}", made.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], shown(made)).into_response())
}

/// One conversation.
#[utoipa::path(
    get,
    path = "/api/v1/conversations/{id}",
    operation_id = "get_conversation",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "the conversation")),
    responses((status = 200, body = Conversation), (status = 404, description = "no such conversation")),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let found = app.store.conversation(user, identifier(&id)?).await?;
    found.map(shown).ok_or_else(missing)
}

/// Names a conversation; a title of null takes the name away.
#[utoipa::path(
    patch,
    path = "/api/v1/conversations/{id}",
    operation_id = "rename_conversation",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "the conversation"), IfMatch),
    request_body = Title,
    responses(
        (status = 200, body = Conversation),
        (status = 404, description = "no such conversation"),
        (status = 412, description = "it was edited meanwhile"),
    ),
)]
pub async fn rename(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody, ApiError>,
) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    let (id, body) = (identifier(&id)?, body?);
    if !body.fields.contains_key("title") {
        return Err(ApiError::field("title", "is required; null takes the name away"));
    }
    let edited = app
        .store
        .rename_conversation(user, id, title(&body.fields)?, etag::if_match(&headers)?)
        .await?;
    match edited {
        Edited::Done(conversation) => Ok(shown(conversation)),
        Edited::Stale(_) => Err(etag::stale()),
        Edited::Missing => Err(missing()),
    }
}

/// Forgets the messages of a conversation.
#[utoipa::path(
    post,
    path = "/api/v1/conversations/{id}/reset",
    operation_id = "reset_conversation",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "the conversation")),
    responses(
        (status = 204, description = "its messages are forgotten"),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "a message is still being answered"),
    ),
)]
pub async fn reset(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let (user, id, _floor) = emptied(&app, caller, &id).await?;
    done(app.store.reset_conversation(user, id).await?)
}

/// Deletes a conversation with its messages.
#[utoipa::path(
    delete,
    path = "/api/v1/conversations/{id}",
    operation_id = "delete_conversation",
    tag = "conversations",
    params(("id" = Uuid, Path, description = "the conversation")),
    responses(
        (status = 204, description = "it is deleted"),
        (status = 404, description = "no such conversation"),
        (status = 409, description = "a message is still being answered"),
    ),
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let (user, id, _floor) = emptied(&app, caller, &id).await?;
    done(app.store.delete_conversation(user, id).await?)
}

fn done(there_was_one: bool) -> Result<StatusCode, ApiError> {
    if there_was_one {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(missing())
    }
}

/// Counts the call, waits until no turn runs in the conversation, keeps it so while the floor is held, and forgets its
/// recent messages: what is deleted must not come back out of Redis.
async fn emptied(app: &App, caller: Caller, id: &str) -> Result<(UserId, Uuid, Floor), ApiError> {
    let user = caller.user();
    caller.counted().await?;
    let user = user?;
    let conversation = identifier(id)?;
    let subject = Subject {
        turn: Uuid::now_v7(),
        conversation: Some(conversation),
        key: None,
        kept: false,
    };
    let floor = match app.sessions.admit(user, &subject, false).await? {
        Admission::Go(admitted) if !admitted.degraded => {
            if admitted.unsettled {
                // Or they would be stored later, and bring the conversation back.
                unsettled::settle_all(&app.store, &app.sessions, &app.metrics, user).await?;
            }
            admitted.floor
        }
        _ => None,
    };
    match floor {
        Some(floor) if floor.clear().await => Ok((user, conversation, floor)),
        _ => {
            let detail = "the recent messages cannot be reached now; try again";
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "session_unavailable", detail).retry(SOON))
        }
    }
}

/// The id of a conversation in a path.
///
/// # Errors
/// It is none.
pub fn identifier(text: &str) -> Result<Uuid, ApiError> {
    body::identifier("conversation", text)
}

/// There is no such conversation, or it is another user's.
pub fn missing() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "conversation_not_found",
        "there is no such conversation",
    )
}

fn title(fields: &Map<String, Value>) -> Result<Option<&str>, ApiError> {
    let Some(value) = present(fields, "title") else {
        return Ok(None);
    };
    let title = value
        .as_str()
        .ok_or_else(|| ApiError::field("title", "must be text"))?
        .trim();
    let length = title.chars().count();
    if length == 0 || length > MAX_TITLE {
        return Err(ApiError::field(
            "title",
            format!("must have 1 to {MAX_TITLE} characters, has {length}"),
        ));
    }
    Ok(Some(title))
}

fn shown(conversation: Conversation) -> Response {
    ([(ETAG, etag::tag(conversation.revision))], Json(conversation)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_none() {
        let cursor = Cursor(1_764_000_000_000_000, Uuid::from_u128(7)).to_string();
        assert_eq!(cursor.parse::<Cursor>().map(|read| read.to_string()), Ok(cursor));
        for text in [
            "",
            "_",
            "1_",
            "x_00000000000000000000000000000007",
            "9223372036854775807_00000000000000000000000000000007",
        ] {
            assert!(text.parse::<Cursor>().is_err(), "{text}");
        }
    }
}
