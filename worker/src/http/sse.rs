//! A reply as server-sent events: JSON on `data:` lines only, so that nothing a model writes can end a line or open an
//! event of its own; a comment every 10 s of silence, so that no proxy thinks the connection dead; `[DONE]` at the end.
//! An error in mid-stream is a last event in OpenAI's shape, without `[DONE]`: SDKs raise it.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::turn::Event;

use super::ApiError;
use super::chat::Completion;

/// Longest silence.
const HEARTBEAT: Duration = Duration::from_secs(10);

struct Streaming {
    completion: Completion,
    opened: bool,
    first: Option<Event>,
    events: mpsc::Receiver<Event>,
    over: bool,
}

/// The reply that begins with `first` and goes on with `events`. Dropping the response drops `events`, which tells the
/// turn that its client is gone.
pub fn stream(completion: Completion, first: Event, events: mpsc::Receiver<Event>) -> Response {
    let streaming = Streaming {
        completion,
        opened: false,
        first: Some(first),
        events,
        over: false,
    };
    let body = stream::unfold(streaming, |mut streaming| async move {
        let bytes = streaming.next().await?;
        Some((Ok::<Bytes, Infallible>(Bytes::from(bytes)), streaming))
    });
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(body)).into_response()
}

impl Streaming {
    /// The bytes that come next; none after the end.
    async fn next(&mut self) -> Option<String> {
        if self.over {
            return None;
        }
        if !self.opened {
            self.opened = true;
            return Some(data(&self.completion.opening()));
        }
        let event = match self.first.take() {
            Some(event) => Some(event),
            None => match timeout(HEARTBEAT, self.events.recv()).await {
                Ok(event) => event,
                Err(_) => return Some(": keep-alive\n\n".to_owned()),
            },
        };
        match event {
            Some(Event::Text(text)) => Some(data(&self.completion.text(&text))),
            Some(Event::Done(outcome)) => {
                self.over = true;
                let chunks: String = self.completion.closing(&outcome).iter().map(data).collect();
                Some(format!("{chunks}data: [DONE]\n\n"))
            }
            Some(Event::Failed(error)) => {
                self.over = true;
                Some(data(&ApiError::from(error).openai()))
            }
            None => {
                self.over = true;
                Some(data(&ApiError::internal().openai()))
            }
        }
    }
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}
