//! A client that comes back for a turn, on whichever worker: first what was kept of it in Redis after the last event that
//! the client saw, as long as the turn runs; where that is gone, the rest of the stored reply. Both give exactly the rest.
//!
//! The shared connection to Redis must not be blocked, so events are looked for every few milliseconds.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::app::App;
use crate::identity::UserId;
use crate::jobs::unsettled;
use crate::llm::{LlmError, Usage};
use crate::session::{Entry, EventId};
use crate::store::{StoreError, StoredTurn};

use super::event::{Begun, Event, Failure, Outcome, Route, Told};

/// Pause between two looks for new events.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Pause between two looks for the stored reply, while Redis cannot say how the turn is.
const LOOK_FOR_REPLY: Duration = Duration::from_millis(500);

/// A turn that can be followed.
pub enum Found {
    /// It runs, or its events are still kept.
    Kept,
    /// It is stored.
    Stored(StoredTurn),
}

/// Looks for the turn. None: this user has no such turn. Without Redis one that is not stored may still run, and is followed
/// until it is.
///
/// # Errors
/// Redis knows of no such turn, and PostgreSQL cannot say.
pub async fn find(app: &App, user: UserId, turn: Uuid) -> Result<Option<Found>, StoreError> {
    let kept = app.sessions.kept(user, turn, EventId::default()).await;
    if kept.as_ref().is_some_and(|kept| kept.alive || !kept.entries.is_empty()) {
        return Ok(Some(Found::Kept));
    }
    match stored(app, user, turn).await? {
        Some(stored) => Ok(Some(Found::Stored(stored))),
        None => Ok(kept.is_none().then_some(Found::Kept)),
    }
}

/// The turn as it is stored, or will be once PostgreSQL is back.
async fn stored(app: &App, user: UserId, turn: Uuid) -> Result<Option<StoredTurn>, StoreError> {
    let found = app.store.turn(user, turn).await;
    if let Ok(Some(_)) = found {
        return found;
    }
    match unsettled::find(&app.sessions, user, |waiting| waiting.turn_id == turn).await {
        Some(waiting) => Ok(Some(waiting.into())),
        None => found,
    }
}

/// Sends what `turn` tells after `after` until its end.
pub async fn follow(app: &App, user: UserId, turn: Uuid, after: EventId, client: &mpsc::Sender<Told>) {
    let mut seen = after;
    let patience = app.config.llm.timeouts.turn.duration();
    let began = Instant::now();
    while began.elapsed() < patience && !client.is_closed() {
        let Some(kept) = app.sessions.kept(user, turn, seen).await else {
            // Without Redis only the end can be seen.
            if send_stored(app, user, turn, seen, client).await {
                return;
            }
            sleep(LOOK_FOR_REPLY).await;
            continue;
        };
        let new = without_holes(seen, kept.entries);
        let nothing_new = new.is_empty();
        for told in new {
            seen = told.id;
            let last = told.event.is_last();
            if client.send(told).await.is_err() || last {
                return;
            }
        }
        if !kept.alive && nothing_new {
            break;
        }
        sleep(LOOK_AGAIN).await;
    }
    if !send_stored(app, user, turn, seen, client).await {
        send(client, seen, Event::Error(Failure::Interrupted)).await;
    }
}

/// The events up to the first that is missing or cannot be read.
fn without_holes(seen: EventId, entries: Vec<Entry>) -> Vec<Told> {
    let mut before = seen;
    let read = entries.into_iter().map_while(|entry| {
        let event: Event = serde_json::from_str(&entry.event).ok()?;
        let follows = entry.id.number == before.number + 1 && entry.id.offset == before.offset + event.bytes();
        before = entry.id;
        follows.then_some(Told { id: entry.id, event })
    });
    read.collect()
}

async fn send_stored(app: &App, user: UserId, turn: Uuid, after: EventId, client: &mpsc::Sender<Told>) -> bool {
    match stored(app, user, turn).await {
        Ok(Some(stored)) => {
            tell_stored(app, &stored, after, client).await;
            true
        }
        Ok(None) => false,
        Err(error) => {
            tracing::warn!(%error, "a turn cannot be looked up for a client that came back");
            false
        }
    }
}

/// Sends the rest of a stored reply; what comes back is the outcome's label.
pub async fn tell_stored(app: &App, stored: &StoredTurn, after: EventId, client: &mpsc::Sender<Told>) -> &'static str {
    let rest = usize::try_from(after.offset)
        .ok()
        .and_then(|offset| stored.reply_text.get(offset..));
    let mut seen = after;
    if after == EventId::default() {
        let begun = Begun {
            turn_id: stored.turn_id,
            conversation_id: Some(stored.conversation),
        };
        seen = send(client, seen, Event::Turn(begun)).await;
        let route = Route {
            route: "normal".to_owned(),
            label: String::new(),
            provider: stored.provider.clone(),
            model: stored.model.clone(),
            simulated: app.models.is_simulated(&stored.provider),
            cached: false,
            timing: None,
        };
        seen = send(client, seen, Event::Route(route)).await;
    }
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        seen = send(client, seen, Event::Delta(rest.to_owned())).await;
    }
    let (event, label) = if stored.partial {
        let failure = serde_json::from_str(&stored.finish).unwrap_or(Failure::Provider(LlmError::Broken));
        (Event::Error(failure), "partial")
    } else {
        (Event::Done(Box::new(outcome(app, stored))), "completed")
    };
    send(client, seen, event).await;
    label
}

async fn send(client: &mpsc::Sender<Told>, before: EventId, event: Event) -> EventId {
    let id = EventId {
        offset: before.offset + event.bytes(),
        number: before.number + 1,
    };
    // A client that went away again hears nothing more; that is no error.
    let _ = client.send(Told { id, event }).await;
    id
}

fn outcome(app: &App, stored: &StoredTurn) -> Outcome {
    Outcome {
        turn_id: stored.turn_id,
        conversation: Some(stored.conversation),
        text: stored.reply_text.clone(),
        finish: stored.finish.clone(),
        usage: Usage {
            prompt: stored.prompt_tokens,
            completion: stored.completion_tokens,
            cached: stored.cached_tokens,
        },
        cost_microdollars: stored.cost,
        stored: !stored.pending,
        pending: stored.pending,
        recalled: Vec::new(),
        degraded: Vec::new(),
        simulated: app.models.is_simulated(&stored.provider),
        cached: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(offset: u64, number: u64, event: &Event) -> Entry {
        Entry {
            id: EventId { offset, number },
            event: serde_json::json!(event).to_string(),
        }
    }

    #[test]
    fn events_behind_a_hole_are_not_told() {
        let (hi, you) = (Event::Delta("Hi ".into()), Event::Delta("you".into()));
        let whole = vec![
            entry(3, 1, &hi),
            entry(6, 2, &you),
            entry(6, 3, &Event::Error(Failure::ShuttingDown)),
        ];
        assert_eq!(without_holes(EventId::default(), whole.clone()).len(), 3);
        let rest = without_holes(EventId { offset: 3, number: 1 }, whole[1..].to_vec());
        assert_eq!(rest.len(), 2);
        assert_eq!(rest[0].event, you);
        let torn = vec![entry(3, 1, &hi), entry(9, 3, &you)];
        assert_eq!(without_holes(EventId::default(), torn).len(), 1);
        let unreadable = vec![Entry {
            id: EventId { offset: 3, number: 1 },
            event: "{}".into(),
        }];
        assert!(without_holes(EventId::default(), unreadable).is_empty());
    }
}
