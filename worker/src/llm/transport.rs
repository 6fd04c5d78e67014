//! One try at a provider. In: a request; out: the answer's body, which nothing decompresses, or the error that its status
//! means.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use axum::http::header::{CONTENT_ENCODING, HeaderMap, RETRY_AFTER};
use chrono::{DateTime, Utc};
use reqwest::{Body, Client, Response};

use super::LlmError;
use crate::telemetry::traces;

/// The answer to one request, kept for its asker.
#[derive(Clone, Default)]
pub struct Answer(Arc<Mutex<Option<Response>>>);

impl Answer {
    /// The answer, if there was one.
    pub fn take(&self) -> Option<Response> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Sends one request for async-openai and keeps a good answer in `answer`. async-openai itself gets an empty one: it would
/// read the body through a queue without a bound, and events by the letter. Bodies of errors are not read at all.
///
/// # Errors
/// An [`LlmError`], boxed.
pub async fn send(client: Client, request: HttpRequestFactory, answer: Answer) -> Result<Response, OpenAIError> {
    let mut request = request.build().await?;
    traces::pass_on(request.headers_mut());
    let host = request.url().authority().to_owned();
    let response = client.execute(request).await.map_err(|error| {
        tracing::warn!(host, cause = root_cause(&error), "a provider is not reached");
        boxed(LlmError::Connect)
    })?;
    let status = response.status();
    if !status.is_success() {
        return Err(boxed(LlmError::Status {
            status: status.as_u16(),
            after: retry_after(response.headers(), Utc::now()),
        }));
    }
    let encoding = response.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        tracing::warn!("a provider's answer is compressed although nobody asked for that");
        return Err(boxed(LlmError::Broken));
    }
    *answer.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    Ok(Response::from(axum::http::Response::new(Body::default())))
}

/// What is at the bottom of `error`: that a name is unknown, that nobody listens.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

fn boxed(error: LlmError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

impl From<OpenAIError> for LlmError {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(error) => error.downcast().map_or(Self::Broken, |error| *error),
            _ => Self::Broken,
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Tue, 24 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Tue, 24 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
