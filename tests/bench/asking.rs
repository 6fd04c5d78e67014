//! One request and its stream, as the loader sees them: cheap, so that what is measured is not the measuring. In: a request;
//! out: when each piece came and what the last chunk says.

use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{Method, Request};
use futures::StreamExt;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longest stream.
const PATIENCE: Duration = Duration::from_secs(120);
/// Begins the text of a delta.
const CONTENT: &[u8] = b"\"content\":\"";

/// Connections that are used again. Clones share them.
#[derive(Clone)]
pub struct Client(legacy::Client<HttpConnector, Body>);

/// What is asked, and of whom.
#[derive(Clone)]
pub struct Ask {
    /// Of whom: `http://host:port`.
    pub base: String,
    /// As whom.
    pub token: String,
    /// The body.
    pub body: Value,
}

/// A stream that was read to its end.
#[derive(Debug, Default)]
pub struct Heard {
    /// When each piece of text came, in order.
    pub deltas: Vec<Instant>,
    /// When `[DONE]` came.
    pub done: Option<Instant>,
    /// Comments.
    pub heartbeats: usize,
    /// What the worker says of the turn; null from a model.
    pub companion: Value,
}

impl Client {
    /// One without connections yet.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    /// Asks and reads to the end; `first` hears when the first piece of text comes.
    ///
    /// # Panics
    /// What comes is no whole stream: figures of failing requests are none.
    pub async fn ask(&self, ask: &Ask, first: impl FnOnce()) -> Heard {
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}/v1/chat/completions", ask.base))
            .header(AUTHORIZATION, format!("Bearer {}", ask.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(ask.body.to_string()))
            .unwrap();
        let reading = async {
            let response = self.0.request(request).await.unwrap();
            let status = response.status();
            let mut body = Body::new(response.into_body()).into_data_stream();
            let mut reading = Reading::default();
            let mut first = Some(first);
            while let Some(bytes) = body.next().await {
                reading.take(&bytes.unwrap());
                if !reading.heard.deltas.is_empty()
                    && let Some(first) = first.take()
                {
                    first();
                }
            }
            let text = String::from_utf8_lossy(&reading.line);
            assert!(status.is_success(), "{}: {status}: {text}", ask.base);
            assert!(reading.heard.done.is_some(), "{}: the stream was cut: {text}", ask.base);
            reading.heard
        };
        tokio::time::timeout(PATIENCE, reading).await.unwrap()
    }
}

#[derive(Default)]
struct Reading {
    line: Vec<u8>,
    heard: Heard,
}

impl Reading {
    fn take(&mut self, bytes: &Bytes) {
        let now = Instant::now();
        let mut rest = &bytes[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line.extend_from_slice(&rest[..end]);
            rest = &rest[end + 1..];
            self.end_line(now);
            self.line.clear();
        }
        self.line.extend_from_slice(rest);
    }

    fn end_line(&mut self, now: Instant) {
        let line = &self.line[..];
        if line.starts_with(b":") {
            self.heard.heartbeats += 1;
        } else if line == b"data: [DONE]" {
            self.heard.done = Some(now);
        } else if has_text(line) {
            self.heard.deltas.push(now);
        } else if find(line, b"\"companion\":{").is_some() {
            let chunk: Value = serde_json::from_slice(&line["data: ".len()..]).unwrap();
            self.heard.companion = chunk["companion"].clone();
        }
    }
}

fn has_text(line: &[u8]) -> bool {
    find(line, CONTENT).is_some_and(|at| line.get(at + CONTENT.len()) != Some(&b'"'))
}

fn find(line: &[u8], part: &[u8]) -> Option<usize> {
    line.windows(part.len()).position(|window| window == part)
}
