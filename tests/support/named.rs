//! Named server-sent events, as the companion API sends them and the HTML standard reads them: `id`, `event`, `data`. A
//! response comes in, events go out one by one; a client may leave at any point and come back with the last id.

use std::pin::Pin;

use axum::body::Bytes;
use futures::{Stream, StreamExt};
use reqwest::Response;
use serde_json::Value;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// What a client comes back with.
    pub id: String,
    /// What happened.
    pub name: String,
    /// What there is to know.
    pub data: Value,
}

/// A stream as it comes in.
pub struct NamedStream {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>,
    buffer: Vec<u8>,
}

/// What was read of a turn.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// The pieces of the reply, in one.
    pub text: String,
    /// Every event.
    pub events: Vec<Named>,
}

impl Heard {
    /// The id of the last event, empty before the first.
    pub fn last_id(&self) -> &str {
        self.events.last().map_or("", |event| event.id.as_str())
    }

    /// The turn, as its first event told.
    pub fn turn(&self) -> String {
        let begun = self.one("turn");
        begun["turn_id"].as_str().expect("a turn has an id").to_owned()
    }

    /// The data of the only event of this name.
    pub fn one(&self, name: &str) -> &Value {
        let mut found = self.events.iter().filter(|event| event.name == name);
        let event = found.next().unwrap_or_else(|| panic!("no event {name}: {self:?}"));
        assert!(found.next().is_none(), "more than one event {name}: {self:?}");
        &event.data
    }

    /// Whether the turn's end was heard.
    pub fn is_over(&self) -> bool {
        self.events
            .last()
            .is_some_and(|event| matches!(event.name.as_str(), "done" | "error"))
    }

    /// Adds an event.
    pub fn push(&mut self, event: Named) {
        if event.name == "delta" {
            self.text
                .push_str(event.data["text"].as_str().expect("a delta has text"));
        }
        self.events.push(event);
    }
}

impl NamedStream {
    /// The body of a response that is an event stream.
    pub fn of(response: Response) -> Self {
        Self {
            bytes: Box::pin(response.bytes_stream()),
            buffer: Vec::new(),
        }
    }

    /// The next event, comments left out; `None` at the end.
    ///
    /// # Errors
    /// The connection broke, or what came is no event.
    pub async fn next(&mut self) -> Result<Option<Named>, String> {
        loop {
            while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                let block = String::from_utf8(block).map_err(|error| error.to_string())?;
                if !block.starts_with(':') {
                    return event(&block).map(Some);
                }
            }
            match self.bytes.next().await {
                Some(Ok(bytes)) => self.buffer.extend_from_slice(&bytes),
                Some(Err(error)) => return Err(format!("the stream broke: {error:?}")),
                None => return Ok(None),
            }
        }
    }

    /// Hears the rest, or at most so many events of it.
    pub async fn hear(mut self, heard: &mut Heard, most: usize) {
        for _ in 0..most {
            match self.next().await.unwrap() {
                Some(event) => heard.push(event),
                None => return,
            }
        }
    }
}

fn event(block: &str) -> Result<Named, String> {
    let field = |name: &str| {
        let line = block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.ok_or_else(|| format!("{block:?} has no {name}"))
    };
    Ok(Named {
        id: field("id")?.to_owned(),
        name: field("event")?.to_owned(),
        data: serde_json::from_str(field("data")?).map_err(|error| format!("{block:?}: {error}"))?,
    })
}
