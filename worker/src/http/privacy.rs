//! `/api/v1/export` and `/api/v1/erase`: everything that is kept of the caller, to take along or to be gone.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Serialize;
use tokio::sync::mpsc;
use utoipa::ToSchema;

use crate::app::App;
use crate::identity::UserId;
use crate::jobs::unsettled;
use crate::store::Receipt;

use super::ApiError;
use super::body::{JsonBody, text};
use super::caller::Caller;
use super::error::SOON;
use super::openapi::Confirmation;

/// What a client must write to erase: no call made by mistake may.
const CONFIRMATION: &str = "erase everything";
/// Rows between the database and a slow reader.
const AHEAD: usize = 64;

/// All rows of the caller, as lines of JSON. The last line has the counts; without it the export is not whole.
#[utoipa::path(
    get,
    path = "/api/v1/export",
    operation_id = "export",
    tag = "privacy",
    responses(
        (
            status = 200,
            description = "one line of JSON for each row, and a last one with the counts",
            content_type = "application/x-ndjson",
            body = String,
        ),
    ),
)]
pub async fn export(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, ApiError> {
    let user = caller.within_limits(&app).await?;
    archive(&app, user).await
}

/// All rows of `user`, as lines of JSON.
///
/// # Errors
/// The database, before the first line.
pub async fn archive(app: &Arc<App>, user: UserId) -> Result<Response, ApiError> {
    // What waits in Redis belongs to it; where that cannot be stored now, the export says why.
    if app
        .sessions
        .unsettled(user)
        .await
        .is_some_and(|turns| !turns.is_empty())
    {
        unsettled::settle_all(&app.store, &app.sessions, &app.metrics, user).await?;
    }
    let (sender, mut lines) = mpsc::channel::<String>(AHEAD);
    let exporting = {
        let app = Arc::clone(app);
        tokio::spawn(async move { app.store.export(user, sender).await })
    };
    // The status waits for the first line: a database that is away is an error, not an empty file.
    let Some(first) = lines.recv().await else {
        let ended = exporting.await.map_err(|_| ApiError::internal())?;
        return Err(ended.err().map_or_else(ApiError::internal, ApiError::from));
    };
    let body = stream::unfold(
        (Some(first), lines, Some(exporting)),
        |(first, mut lines, exporting)| async move {
            let line = match first {
                Some(first) => Some(first),
                None => lines.recv().await,
            };
            if let Some(line) = line {
                return Some((Ok(Bytes::from(line)), (None, lines, exporting)));
            }
            // An error in mid-file breaks the connection, so that no client takes half a file for a whole one.
            match exporting?.await {
                Ok(Ok(())) => None,
                _ => Some((Err(std::io::Error::other("the export broke off")), (None, lines, None))),
            }
        },
    );
    let headers = [
        (CONTENT_TYPE, "application/x-ndjson"),
        (CONTENT_DISPOSITION, "attachment; filename=\"companion-export.ndjson\""),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// What was erased.
#[derive(Serialize, ToSchema)]
pub struct Erased {
    receipt: Receipt,
    /// Keys of Redis that are gone.
    session_keys: u32,
}

/// Erases the caller: rows, vectors, jobs, and what Redis keeps. The answer is the receipt.
#[utoipa::path(
    post,
    path = "/api/v1/erase",
    operation_id = "erase",
    tag = "privacy",
    request_body = Confirmation,
    responses((status = 200, body = Erased)),
)]
pub async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<Erased>, ApiError> {
    let user = caller.within_limits(&app).await?;
    confirmed(&body?)?;
    forget(&app, user).await
}

/// That nobody erases by mistake.
///
/// # Errors
/// The confirmation is not there.
pub fn confirmed(body: &JsonBody) -> Result<(), ApiError> {
    if text(&body.fields, "confirm", "confirm")? == CONFIRMATION {
        return Ok(());
    }
    let problem = format!("must be {CONFIRMATION:?}: there is no way back");
    Err(ApiError::field("confirm", problem))
}

/// Erases `user`. The answer is the receipt.
///
/// # Errors
/// The database, or Redis after it: then it is to be done again.
pub async fn forget(app: &App, user: UserId) -> Result<Json<Erased>, ApiError> {
    // First, or a worker that reads them now would store them after the erasure. If Redis is away, the end says so.
    let _ = tokio::join!(app.replies.mark_erased(user), app.sessions.drop_unsettled(user));
    let receipt = app.store.erase(user).await?;
    let (sessions, replies) = tokio::join!(app.sessions.erase(user), app.replies.erase(user));
    let (Some(sessions), Some(replies)) = (sessions, replies) else {
        let detail = "the stored data is erased, the recent messages cannot be reached now; try again";
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "session_unavailable", detail).retry(SOON));
    };
    let keys = sessions + replies;
    tracing::info!(
        epoch = receipt.epoch,
        rows = receipt.rows.values().sum::<u64>(),
        keys,
        "a user was erased"
    );
    Ok(Json(Erased {
        receipt,
        session_keys: keys,
    }))
}
