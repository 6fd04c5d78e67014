//! `/api/v1/admin`: what support does, with an API key that has the scope `admin`. Users are named as their issuer names
//! them; each call is in the log with the key's name, never with what is read.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use companion_crds::api_key::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::identity::UserId;
use crate::jobs::dead::{self, DeadJob};
use crate::store::DayDecisions;

use super::ApiError;
use super::auth::is_subject;
use super::body::JsonBody;
use super::caller::Caller;
use super::emotions::{DaysParams, days};
use super::openapi::{Confirmation, PageParams};
use super::page::{PageQuery, cut};
use super::privacy::{self, Erased};

/// Days that statistics look back on by default.
const DAYS: i64 = 7;

/// Some of the jobs that are not tried any more.
#[derive(Serialize, ToSchema)]
pub struct DeadJobPage {
    jobs: Vec<DeadJob>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// A page of jobs that are not tried any more, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/admin/jobs",
    operation_id = "list_dead_jobs",
    tag = "support",
    params(PageParams),
    responses((status = 200, body = DeadJobPage)),
)]
pub async fn jobs(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<DeadJobPage>, ApiError> {
    allowed(caller, "jobs").await?;
    let page = PageQuery::<i64>::read(&query)?;
    let mut jobs = dead::list(&app.store, page.limit + 1, page.cursor).await?;
    let next_cursor = cut(&mut jobs, page.limit, |last: &DeadJob| last.id.to_string());
    Ok(Json(DeadJobPage { jobs, next_cursor }))
}

/// Has such a job tried again.
#[utoipa::path(
    post,
    path = "/api/v1/admin/jobs/{id}/retry",
    operation_id = "retry_dead_job",
    tag = "support",
    params(("id" = i64, Path, description = "the job")),
    responses(
        (status = 204, description = "it is tried again"),
        (status = 404, description = "no such job"),
    ),
)]
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
#[utoipa::path(
    get,
    path = "/api/v1/admin/users/{name}/export",
    operation_id = "export_user",
    tag = "support",
    params(("name" = String, Path, description = "the user, as the issuer names it")),
    responses(
        (
            status = 200,
            description = "one line of JSON for each row, and a last one with the counts",
            content_type = "application/x-ndjson",
            body = String,
        ),
    ),
)]
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
#[utoipa::path(
    post,
    path = "/api/v1/admin/users/{name}/erase",
    operation_id = "erase_user",
    tag = "support",
    params(("name" = String, Path, description = "the user, as the issuer names it")),
    request_body = Confirmation,
    responses((status = 200, body = Erased)),
)]
pub async fn erase(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<Erased>, ApiError> {
    allowed(caller, "erase").await?;
    let user = named(&app, &name)?;
    privacy::confirmed(&body?)?;
    privacy::forget(&app, user).await
}

/// Forgets that a user said to be under 18.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/users/{name}/minor",
    operation_id = "clear_minor",
    tag = "support",
    params(("name" = String, Path, description = "the user, as the issuer names it")),
    responses((status = 204, description = "it is forgotten, or there was nothing")),
)]
pub async fn clear_minor(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    allowed(caller, "clear_minor").await?;
    let user = named(&app, &name)?;
    app.store.clear_minor(user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes the verification of a user's age back.
#[utoipa::path(
    delete,
    path = "/api/v1/admin/users/{name}/age",
    operation_id = "revoke_age",
    tag = "support",
    params(("name" = String, Path, description = "the user, as the issuer names it")),
    responses((status = 204, description = "it is taken back, or there was none")),
)]
pub async fn revoke_age(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    allowed(caller, "revoke_age").await?;
    let user = named(&app, &name)?;
    app.store.revoke_age(user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Decisions of the last days.
#[derive(Serialize, ToSchema)]
pub struct Decisions {
    /// Days looked back on.
    days: i64,
    /// By day, side, label and route, the newest day first.
    decisions: Vec<DayDecisions>,
}

/// What was decided for safety, over all users.
#[utoipa::path(
    get,
    path = "/api/v1/admin/safety/statistics",
    operation_id = "safety_statistics",
    tag = "support",
    params(DaysParams),
    responses((status = 200, body = Decisions)),
)]
pub async fn safety_statistics(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Decisions>, ApiError> {
    allowed(caller, "safety_statistics").await?;
    let days = days(&query, DAYS)?;
    let decisions = app.store.decisions(u32::try_from(days).unwrap_or_default()).await?;
    Ok(Json(Decisions { days, decisions }))
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
