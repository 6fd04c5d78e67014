//! The way out of a turn: first into the stream that is kept for a client that comes back, then to the client itself. In:
//! events and pieces of text; out: numbered events. Where a stream is kept, text is gathered for 50 ms, so that it costs a
//! write per breath and not per token; the first piece waits for nothing.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::session::{Entry, EventId, Recorder};

use super::event::{Event, Told};

/// Longest that text is gathered.
const GATHER: Duration = Duration::from_millis(50);
/// Longest wait for a client that reads slowly, before it is taken for gone.
const SLOW: Duration = Duration::from_secs(30);

/// Events that may wait between a turn and its client.
pub const AHEAD: usize = 32;

/// The way out of one turn.
pub struct Outlet {
    /// None once the client is gone or reads too slowly.
    client: Option<mpsc::Sender<Told>>,
    recorder: Option<Recorder>,
    last: EventId,
    gathered: String,
    flushed: Option<Instant>,
}

impl Outlet {
    /// A way out to `client`, and into `recorder` if the client may come back.
    pub fn new(client: mpsc::Sender<Told>, recorder: Option<Recorder>) -> Self {
        Self {
            client: Some(client),
            recorder,
            last: EventId::default(),
            gathered: String::new(),
            flushed: None,
        }
    }

    /// Whether the turn goes on without its client.
    pub fn goes_on_alone(&self) -> bool {
        self.recorder.is_some()
    }

    /// Waits until nobody listens.
    pub async fn closed(&self) {
        if let Some(client) = &self.client {
            client.closed().await;
        }
    }

    /// Passes on `text`, now or with what follows within 50 ms.
    pub async fn say(&mut self, text: &str) {
        self.gathered.push_str(text);
        let due = self.flushed.is_none_or(|flushed| flushed.elapsed() >= GATHER);
        if self.recorder.is_none() || due {
            self.flush().await;
        }
    }

    /// Waits until gathered text must go; for ever if there is none.
    pub async fn due(&self) {
        match self.flushed {
            Some(flushed) if !self.gathered.is_empty() => sleep_until(flushed + GATHER).await,
            _ => std::future::pending().await,
        }
    }

    /// Passes on the gathered text.
    pub async fn flush(&mut self) {
        if self.gathered.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.gathered);
        self.pass(Event::Delta(text)).await;
        self.flushed = Some(Instant::now());
    }

    /// Lets go of what was told so far: a client that comes back does not get it again.
    pub async fn take_back(&mut self) {
        self.gathered.clear();
        if let Some(recorder) = &mut self.recorder {
            recorder.take_back().await;
        }
    }

    /// Passes on `event`, behind all text before it.
    pub async fn tell(&mut self, event: Event) {
        self.flush().await;
        self.pass(event).await;
    }

    /// The last event as it is to be kept, if one is; [`Outlet::close`] then sends it. All text went before.
    pub fn last(&self, event: &Event) -> Option<Entry> {
        self.recorder.as_ref()?;
        Some(entry(self.next(event), event))
    }

    /// Sends the last event, which is kept already.
    pub async fn close(&mut self, event: Event) {
        let id = self.next(&event);
        self.send(Told { id, event }).await;
    }

    async fn pass(&mut self, event: Event) {
        let id = self.next(&event);
        self.last = id;
        if let Some(recorder) = &mut self.recorder {
            recorder.keep(&entry(id, &event)).await;
        }
        self.send(Told { id, event }).await;
    }

    fn next(&self, event: &Event) -> EventId {
        EventId {
            offset: self.last.offset + event.bytes(),
            number: self.last.number + 1,
        }
    }

    /// A client that comes back is not waited for; any other may be slow for a while.
    async fn send(&mut self, told: Told) {
        let Some(client) = &self.client else { return };
        let sent = if self.goes_on_alone() {
            client.try_send(told).is_ok()
        } else {
            client.send_timeout(told, SLOW).await.is_ok()
        };
        if !sent {
            self.client = None;
        }
    }
}

fn entry(id: EventId, event: &Event) -> Entry {
    Entry {
        id,
        event: serde_json::json!(event).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_event_has_its_place_and_text_is_never_lost() {
        let (sender, mut client) = mpsc::channel(AHEAD);
        let mut outlet = Outlet::new(sender, None);
        for text in ["Grüße", ", ", "Welt"] {
            outlet.say(text).await;
        }
        outlet.close(Event::Error(super::super::Failure::Internal)).await;
        drop(outlet);
        let (mut text, mut ids) = (String::new(), Vec::new());
        while let Some(told) = client.recv().await {
            if let Event::Delta(piece) = &told.event {
                text.push_str(piece);
            }
            ids.push(told.id.to_string());
        }
        assert_eq!(text, "Grüße, Welt");
        assert_eq!(ids, ["7-1", "9-2", "13-3", "13-4"]);
    }
}
