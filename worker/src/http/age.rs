//! `/api/v1/age-verification`: whether the user's age is verified, and how it becomes so. By attestation the user says when
//! they were born; tries are limited, and who said to be under 18 is not believed otherwise.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{NaiveDate, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::safety::age::OF_AGE;
use crate::store::{AgeStanding, Verified};

use super::ApiError;
use super::body::{JsonBody, text};
use super::caller::Caller;

/// How an age is verified by this service itself.
const ATTESTATION: &str = "attestation";

/// When the user was born.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the document's shape; fields are read one by one, so that errors name them"
)]
pub struct Attestation {
    /// Such as `1990-05-17`.
    birth_date: NaiveDate,
}

/// What is known of the user's age.
#[utoipa::path(
    get,
    path = "/api/v1/age-verification",
    operation_id = "get_age_verification",
    tag = "safety",
    responses((status = 200, body = AgeStanding)),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<AgeStanding>, ApiError> {
    let user = caller.within_limits(&app).await?;
    Ok(Json(app.store.standing(user).await?))
}

/// Verifies the user's age by what they say.
#[utoipa::path(
    post,
    path = "/api/v1/age-verification",
    operation_id = "verify_age",
    tag = "safety",
    request_body = Attestation,
    responses(
        (status = 200, body = AgeStanding),
        (status = 403, description = "the user is under 18, or said so before"),
    ),
)]
pub async fn verify(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<AgeStanding>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let body = body?;
    let birth_date: NaiveDate = text(&body.fields, "birth_date", "birth_date")?
        .parse()
        .map_err(|_| ApiError::field("birth_date", "must be a date such as 1990-05-17"))?;
    let today = Utc::now().date_naive();
    let years = today.years_since(birth_date);
    let Some(years) = years.filter(|years| *years <= 120) else {
        return Err(ApiError::field("birth_date", "must be a date of the last 120 years"));
    };
    if years < OF_AGE {
        app.store.note_minor(user, None).await?;
    }
    match app.store.verify_age(user, ATTESTATION, years >= OF_AGE).await? {
        Verified::TooMany => {
            let detail = "too many tries to verify an age within an hour; try again later";
            Err(
                ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", detail)
                    .retry(std::time::Duration::from_secs(3_600)),
            )
        }
        Verified::Minor => Err(under_age()),
        Verified::Yes(standing) => Ok(Json(standing)),
    }
}

/// Takes the user's own verification back.
#[utoipa::path(
    delete,
    path = "/api/v1/age-verification",
    operation_id = "revoke_age_verification",
    tag = "safety",
    responses((status = 204, description = "it is taken back, or there was none")),
)]
pub async fn revoke(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, ApiError> {
    let user = caller.within_limits(&app).await?;
    app.store.revoke_age(user).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn under_age() -> ApiError {
    let detail = "this is for adults; if your age is recorded wrongly, ask the operator of the service";
    ApiError::new(StatusCode::FORBIDDEN, "under_age", detail)
}
