//! A request's body as JSON, bounded in size, time and depth, and readers of its fields whose errors say which field is
//! wrong. `null` is the same as a field that is not there, as OpenAI's clients mean it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde_json::{Map, Value};
use tokio::time::timeout;
use uuid::Uuid;

use super::ApiError;
use crate::app::App;

/// Longest wait for a whole body.
const READ: Duration = Duration::from_secs(10);

/// A body that is a JSON object.
pub struct JsonBody {
    /// As it was sent.
    pub bytes: Bytes,
    /// What it says.
    pub fields: Map<String, Value>,
}

impl FromRequest<Arc<App>> for JsonBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let late = || {
            let detail = format!("the body did not arrive within {} s", READ.as_secs());
            ApiError::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", detail)
        };
        let bytes = timeout(READ, Bytes::from_request(request, app))
            .await
            .map_err(|_| late())?;
        let bytes = bytes.map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!(
                    "the body is larger than {} bytes (limits.bodyBytes)",
                    app.config.limits.body_bytes
                ),
            ),
            _ => ApiError::new(StatusCode::BAD_REQUEST, "invalid_body", "the body could not be read"),
        })?;
        // serde_json stops at 128 levels, so a deep body is an error here and never a full stack.
        let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_json",
                format!("the body is not JSON: {error}"),
            )
        })?;
        match value {
            Value::Object(fields) => Ok(Self { bytes, fields }),
            _ => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "invalid_json",
                "the body must be a JSON object",
            )),
        }
    }
}

/// The field `name`, unless it is missing or null.
pub fn present<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

/// A text that must be there.
///
/// # Errors
/// It is not there, or no text.
pub fn text<'a>(fields: &'a Map<String, Value>, name: &str, path: &str) -> Result<&'a str, ApiError> {
    let value = present(fields, name).ok_or_else(|| ApiError::field(path, "is required"))?;
    value.as_str().ok_or_else(|| ApiError::field(path, "must be text"))
}

/// A truth value, false if it is not there.
///
/// # Errors
/// It is something else.
pub fn flag(fields: &Map<String, Value>, name: &str, path: &str) -> Result<bool, ApiError> {
    present(fields, name).map_or(Ok(false), |value| {
        value
            .as_bool()
            .ok_or_else(|| ApiError::field(path, "must be true or false"))
    })
}

/// The id of a `kind` that a path names.
///
/// # Errors
/// It is none.
pub fn identifier(kind: &str, text: &str) -> Result<Uuid, ApiError> {
    Uuid::parse_str(text).map_err(|_| ApiError::field("id", format!("must be the id of a {kind}")))
}

/// A whole number from `least` to `most`, if it is there.
///
/// # Errors
/// It is something else.
pub fn whole(fields: &Map<String, Value>, name: &str, least: u32, most: u32) -> Result<Option<u32>, ApiError> {
    let Some(value) = present(fields, name) else {
        return Ok(None);
    };
    // JSON has one kind of number: 5.0 is as whole as 5.
    let number = value.as_f64().filter(|number| number.fract() == 0.0);
    match number {
        Some(number) if (f64::from(least)..=f64::from(most)).contains(&number) => Ok(Some(number as u32)),
        _ => Err(ApiError::field(
            name,
            format!("must be a whole number from {least} to {most}"),
        )),
    }
}
