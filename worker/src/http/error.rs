//! Errors as clients see them. A handler gives an [`ApiError`]; the router turns it into RFC 9457 problem JSON, or into
//! OpenAI's shape under `/v1`, so that every error of one API looks the same whichever part it comes from. `code` is
//! stable; `detail` names the field and what to do; neither says what only an operator should know.

use std::time::Duration;

use axum::Json;
use axum::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::llm::LlmError;
use crate::memory::MemoryError;
use crate::session::{Allowance, Refused};
use crate::store::StoreError;
use crate::turn::{Failure, TurnError};

/// When a worker that is full or goes is worth another try.
pub const SOON: Duration = Duration::from_secs(1);

/// RFC 9457 problem details.
#[derive(Serialize, ToSchema)]
pub struct Problem<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    status: u16,
    /// What is wrong and what to do.
    detail: &'a str,
    /// Stable name of the error.
    code: &'static str,
    /// The field or header that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

/// An error in OpenAI's shape.
#[derive(Serialize, ToSchema)]
pub struct OpenAiError<'a> {
    error: OpenAiErrorBody<'a>,
}

/// What is in it.
#[derive(Serialize, ToSchema)]
pub struct OpenAiErrorBody<'a> {
    /// What is wrong and what to do.
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field that is wrong.
    param: Option<&'a str>,
    /// Stable name of the error.
    code: &'static str,
}

/// An error as a client sees it.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable name of the error.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub detail: String,
    /// The field or header that is wrong.
    pub field: Option<String>,
    retry_after: Option<Duration>,
    allowance: Option<Allowance>,
}

impl ApiError {
    /// An error without a field.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            field: None,
            retry_after: None,
            allowance: None,
        }
    }

    /// The request's `field` is wrong as `detail` says.
    pub fn field(field: impl Into<String>, detail: impl AsRef<str>) -> Self {
        let field = field.into();
        let detail = format!("{field}: {}", detail.as_ref());
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail).about(field)
    }

    /// The error is about `field`.
    pub fn about(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The token proves no user. The text is the same for every reason: it must not help to make a better one.
    pub fn unauthorized() -> Self {
        let detail = "send a valid bearer token or API key in the Authorization header";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_token", detail)
    }

    /// It cannot be told whether the token proves a user.
    pub fn no_keys() -> Self {
        let detail = "the issuer's keys cannot be fetched now, so no token can be checked; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable", detail).retry(Duration::from_secs(5))
    }

    /// The caller is known and may not do this.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// There is no such route.
    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
    }

    /// There is no such turn, or it is another user's.
    pub fn no_turn() -> Self {
        Self::new(StatusCode::NOT_FOUND, "turn_not_found", "there is no such turn")
    }

    /// The route does not take the method.
    pub fn no_method() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this path does not take this method",
        )
    }

    /// The idempotency key belongs to another request.
    fn key_reused() -> Self {
        let detail = "Idempotency-Key: was used with another request; use a new key for every new request";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail).about("Idempotency-Key")
    }

    /// A bug; the cause is in the logs.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "something went wrong here; try again",
        )
    }

    /// It is worth another try after this time.
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The error in OpenAI's shape.
    pub fn openai(&self) -> Value {
        let kind = match self.status.as_u16() {
            401 | 403 => "authentication_error",
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        };
        json!(OpenAiError {
            error: OpenAiErrorBody {
                message: &self.detail,
                kind,
                param: self.field.as_deref(),
                code: self.code,
            }
        })
    }

    /// The error as the last event of a stream; `retryable` says whether the same message may be sent again.
    pub fn event(&self) -> Value {
        let retryable = self.status.is_server_error() || self.retry_after.is_some();
        json!({ "code": self.code, "message": self.detail, "retryable": retryable })
    }

    fn problem(&self) -> Problem<'_> {
        Problem {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            field: self.field.as_deref(),
        }
    }

    /// Gives `response`, which an [`ApiError`] became, the shape of the API at `path`.
    pub fn shape(mut response: Response, path: &str) -> Response {
        let own = response.extensions_mut().remove::<Self>();
        // What the framework refuses by itself, such as a path that is no UTF-8.
        let foreign = || {
            let refused = response.status().is_client_error();
            refused.then(|| {
                Self::new(
                    response.status(),
                    "invalid_request",
                    "the path or the query is malformed",
                )
            })
        };
        let Some(error) = own.or_else(foreign) else {
            return response;
        };
        let openai = path == "/v1" || path.starts_with("/v1/");
        let mut shaped = if openai {
            Json(error.openai()).into_response()
        } else {
            let problem = HeaderValue::from_static("application/problem+json");
            ([(CONTENT_TYPE, problem)], json!(error.problem()).to_string()).into_response()
        };
        *shaped.status_mut() = error.status;
        if let Some(allow) = response.headers().get(ALLOW) {
            shaped.headers_mut().insert(ALLOW, allow.clone());
        }
        if error.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"companion\", error=\"invalid_token\"");
            shaped.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(after) = error.retry_after {
            shaped
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds(after)));
        }
        if let Some(allowance) = error.allowance {
            shaped.headers_mut().extend(rate_limit(allowance));
        }
        shaped
    }
}

/// Where the caller stands with its limit, as response headers.
pub fn rate_limit(allowance: Allowance) -> [(HeaderName, HeaderValue); 3] {
    [
        (
            HeaderName::from_static("ratelimit-limit"),
            HeaderValue::from(allowance.limit),
        ),
        (
            HeaderName::from_static("ratelimit-remaining"),
            HeaderValue::from(allowance.left),
        ),
        (
            HeaderName::from_static("ratelimit-reset"),
            HeaderValue::from(seconds(allowance.reset)),
        ),
    ]
}

/// Whole seconds, never fewer than are meant.
fn seconds(duration: Duration) -> u64 {
    (duration.as_millis().div_ceil(1000) as u64).max(1)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let limited = |allowance: Allowance, whose: &str| {
            let detail = format!(
                "more than {} requests a minute of this {whose}; wait and try again",
                allowance.limit
            );
            let error = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", detail);
            Self {
                allowance: Some(allowance),
                ..error.retry(allowance.reset)
            }
        };
        match refused {
            Refused::User(allowance) => limited(allowance, "user"),
            Refused::Address(allowance) => limited(allowance, "address"),
            Refused::KeyReused => Self::key_reused(),
            Refused::Key(allowance) => limited(allowance, "API key"),
            Refused::Busy => {
                let detail = "an earlier message of this conversation is still being answered; wait and try again";
                Self::new(StatusCode::CONFLICT, "conversation_busy", detail).retry(Duration::from_secs(2))
            }
        }
    }
}

impl From<TurnError> for ApiError {
    fn from(error: TurnError) -> Self {
        match error {
            TurnError::Refused(refused) => refused.into(),
            TurnError::Overloaded => {
                let detail = "this worker answers as many messages as it may; try again";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry(SOON)
            }
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::Provider(error) => error.into(),
            Failure::TooLong(_) => Self::new(StatusCode::GATEWAY_TIMEOUT, "turn_timeout", text),
            Failure::ShuttingDown => Self::new(StatusCode::SERVICE_UNAVAILABLE, "shutting_down", text).retry(SOON),
            Failure::Interrupted => Self::new(StatusCode::SERVICE_UNAVAILABLE, "turn_interrupted", text).retry(SOON),
            Failure::Withheld => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "content_filter", text),
            Failure::KeyReused => Self::key_reused(),
            Failure::Internal => Self::internal(),
        }
    }
}

impl From<LlmError> for ApiError {
    fn from(error: LlmError) -> Self {
        let (status, code) = match error {
            LlmError::Connect => (StatusCode::BAD_GATEWAY, "provider_unreachable"),
            LlmError::Status { status: 429, .. } => (StatusCode::SERVICE_UNAVAILABLE, "provider_rate_limited"),
            LlmError::Status { .. } => (StatusCode::BAD_GATEWAY, "provider_error"),
            LlmError::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "provider_timeout"),
            LlmError::Broken => (StatusCode::BAD_GATEWAY, "provider_broke_off"),
            LlmError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, "provider_unavailable"),
        };
        let told = Self::new(status, code, error.to_string());
        match error.after() {
            Some(after) if status == StatusCode::SERVICE_UNAVAILABLE => told.retry(after),
            _ => told,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        if error.is_unavailable() {
            tracing::warn!(%error, "the database cannot be reached");
            let detail = "the database cannot be reached now; try again";
            return Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_unavailable", detail)
                .retry(Duration::from_secs(2));
        }
        tracing::error!(%error, "an operation on the database failed");
        Self::internal()
    }
}

impl From<MemoryError> for ApiError {
    fn from(error: MemoryError) -> Self {
        match error {
            MemoryError::Text(problem) => Self::field("text", problem),
            MemoryError::Known => {
                let detail = "text: another memory says the same; delete one of them";
                Self::new(StatusCode::CONFLICT, "memory_exists", detail).about("text")
            }
            MemoryError::Store(error) => error.into(),
            MemoryError::Embed(error) => {
                tracing::error!(%error, "a memory could not be embedded");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_the_shape_of_its_api() {
        let error = ApiError::field("messages[1].content", "must be text");
        assert_eq!(
            error.openai(),
            json!({ "error": { "message": "messages[1].content: must be text", "type": "invalid_request_error",
                               "param": "messages[1].content", "code": "invalid_request" } })
        );
        let shaped = ApiError::shape(error.into_response(), "/api/v1/memories");
        assert_eq!(shaped.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(shaped.status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn a_limit_says_when_to_come_back() {
        let allowance = Allowance {
            limit: 30,
            left: 0,
            reset: Duration::from_millis(1200),
        };
        let shaped = ApiError::shape(
            ApiError::from(Refused::User(allowance)).into_response(),
            "/v1/chat/completions",
        );
        assert_eq!(shaped.headers()[RETRY_AFTER], "2");
        assert_eq!(shaped.headers()["ratelimit-limit"], "30");
    }
}
