//! `/api/v1/admin`: what support does, with an API key that has the scope `admin`. Users are named as their issuer names
//! them; each call is in the log with the key's name, never with what is read.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use companion_crds::api_key::Scope;
use serde_json::{Value, json};

use crate::app::App;
use crate::identity::UserId;
use crate::jobs::dead::{self, DeadJob};

use super::ApiError;
use super::auth::is_subject;
use super::body::JsonBody;
use super::caller::Caller;
use super::page::{PageQuery, cut};
use super::privacy;

/// A page of jobs that are not tried any more, the newest first.
pub async fn jobs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    allowed(caller, "jobs").await?;
    let page = PageQuery::<i64>::read(&query)?;
    let mut jobs = dead::list(&app.store, page.limit + 1, page.cursor).await?;
    let next = cut(&mut jobs, page.limit, |last: &DeadJob| last.id);
    Ok(Json(
        json!({ "jobs": jobs, "next_cursor": next.map(|id| id.to_string()) }),
    ))
}

/// Has such a job tried again.
pub async fn retry(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    allowed(caller, "retry").await?;
    let id = id
        .parse()
        .map_err(|_| ApiError::field("id", "must be the id of a job"))?;
    if dead::retry(&app.store, id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    let detail = "there is no job with this id that is not tried any more";
    Err(ApiError::new(StatusCode::NOT_FOUND, "job_not_found", detail))
}

/// Everything that is kept of a user.
pub async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    allowed(caller, "export").await?;
    let user = named(&app, &name)?;
    privacy::archive(&app, user).await
}

/// Erases a user.
pub async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<Value>, ApiError> {
    allowed(caller, "erase").await?;
    let user = named(&app, &name)?;
    privacy::confirmed(&body?)?;
    privacy::forget(&app, user).await
}

/// Lets a key with the scope go on, within its limit.
async fn allowed(caller: Caller, call: &'static str) -> Result<(), ApiError> {
    let may = caller.require(Scope::Admin);
    let key = caller.key().to_owned();
    caller.counted().await?;
    may?;
    tracing::info!(key, call, "a call for support");
    Ok(())
}

fn named(app: &App, name: &str) -> Result<UserId, ApiError> {
    if !is_subject(name) {
        return Err(ApiError::field(
            "user",
            "must be the name of a user, of at most 512 bytes",
        ));
    }
    Ok(app.auth.user(name))
}
