//! What a turn tells, as server-sent events: JSON on `data:` lines only, so that nothing a model writes can end a line or
//! open an event of its own; a comment every 10 s of silence, so that no proxy thinks the connection dead. How an event
//! looks is the [`Dialect`]'s matter: OpenAI's clients know data lines only, the companion API's have names and ids.

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

use crate::turn::{Event, Failure, Told};

/// Longest silence.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// How one API writes events.
pub trait Dialect: Send + 'static {
    /// The text of `told`; empty for an event that this API does not know.
    fn write(&self, told: &Told) -> String;
}

struct Streaming<D> {
    dialect: D,
    first: Option<Told>,
    events: mpsc::Receiver<Told>,
    over: bool,
}

/// The events of a turn in `dialect`, beginning with `first` if it was read already. Dropping the response drops
/// `events`, which tells the turn that its client is gone.
pub fn stream(dialect: impl Dialect, first: Option<Told>, events: mpsc::Receiver<Told>) -> Response {
    let streaming = Streaming {
        dialect,
        first,
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

impl<D: Dialect> Streaming<D> {
    /// The bytes that come next; none after the end.
    async fn next(&mut self) -> Option<String> {
        while !self.over {
            let told = match self.first.take() {
                Some(told) => Some(told),
                None => match timeout(HEARTBEAT, self.events.recv()).await {
                    Ok(told) => told,
                    Err(_) => return Some(": keep-alive\n\n".to_owned()),
                },
            };
            // A turn that ends without a last event broke here.
            let told = told.unwrap_or_else(|| Told {
                id: Default::default(),
                event: Event::Error(Failure::Internal),
            });
            self.over = told.event.is_last();
            let text = self.dialect.write(&told);
            if !text.is_empty() {
                return Some(text);
            }
        }
        None
    }
}

/// A data line.
pub fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}
