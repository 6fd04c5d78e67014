//! Server-sent events as OpenAI's clients read them: data lines with JSON, `[DONE]`, comments, and nothing else. A
//! response comes in, events go out one by one.

use std::pin::Pin;

use axum::body::Bytes;
use futures::{Stream, StreamExt};
use reqwest::Response;
use serde_json::Value;

/// Something that came over a stream.
#[derive(Debug, PartialEq)]
pub enum Event {
    /// A chunk.
    Chunk(Value),
    /// `[DONE]`.
    Done,
    /// A heartbeat.
    Comment,
}

/// A stream as it comes in.
pub struct EventStream {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    buffer: Vec<u8>,
}

impl EventStream {
    /// The body of a response that is an event stream.
    pub(crate) fn of(response: Response) -> Self {
        Self {
            bytes: Box::pin(response.bytes_stream()),
            buffer: Vec::new(),
        }
    }

    /// The next event, `None` at the end; the error says how it broke.
    ///
    /// # Errors
    /// The connection broke, or what came is not an event stream of data lines and comments.
    pub async fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8(line).map_err(|error| error.to_string())?;
                if let Some(event) = event(line.trim_end())? {
                    return Ok(Some(event));
                }
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(Err(error)) => return Err(format!("the stream broke: {error:?}")),
                None => return Ok(None),
            }
        }
    }

    /// Reads until the first piece of text.
    ///
    /// # Errors
    /// The stream broke or ended before.
    pub async fn first_text(&mut self) -> Result<String, String> {
        while let Some(event) = self.next().await? {
            if let Event::Chunk(chunk) = event
                && let Some(piece) = chunk["choices"][0]["delta"]["content"]
                    .as_str()
                    .filter(|piece| !piece.is_empty())
            {
                return Ok(piece.to_owned());
            }
        }
        Err("the stream ended before any text".to_owned())
    }

    /// Reads to the end and gives every event, or what broke it.
    ///
    /// # Errors
    /// The stream broke.
    pub async fn rest(mut self) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await? {
            events.push(event);
        }
        Ok(events)
    }
}

fn event(line: &str) -> Result<Option<Event>, String> {
    match line.strip_prefix("data:").map(str::trim) {
        Some("[DONE]") => Ok(Some(Event::Done)),
        Some(data) => serde_json::from_str(data)
            .map(|chunk| Some(Event::Chunk(chunk)))
            .map_err(|error| format!("{data:?} is not JSON: {error}")),
        None if line.is_empty() => Ok(None),
        None if line.starts_with(':') => Ok(Some(Event::Comment)),
        None => Err(format!("{line:?}: OpenAI's clients know only data lines and comments")),
    }
}
