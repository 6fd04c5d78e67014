//! The end of a turn: both messages, the cost and the work that follows are committed in one transaction, then one round
//! trip to Redis adds them to the recent messages, keeps the last event and gives the floor back. Only then does the
//! client hear that the reply is stored. Where PostgreSQL is away, the reply stands and says that it is not stored.

use chrono::Utc;
use uuid::Uuid;

use crate::app::App;
use crate::jobs::unsettled;
use crate::llm::{PromptMessage, Role};
use crate::safety::{Label, VERSION, Verdict};
use crate::session::{Ending, Recent, Way};
use crate::store::perceived::{Decision, Perceived};
use crate::store::{NewTurn, Settled, StoreError};

use super::generate::Ended;
use super::outlet::Outlet;
use super::{Event, Failure, Outcome, Turn};

/// Ends `turn`: stores it, gives its floor back and sends the last event. What comes back is the outcome's label.
#[tracing::instrument(skip_all)]
pub async fn settle(app: &App, mut turn: Turn, mut outlet: Outlet) -> &'static str {
    outlet.flush().await;
    // Half a reply is part of the conversation only if the client saw it, or will when it comes back. One whose worker goes
    // is not, where the client was promised that it may ask again under its key.
    let kept = (turn.asked.streamed || turn.asked.goes_on_alone) && !turn.asked.ephemeral;
    let seen = kept && !turn.reply.text.is_empty();
    let asked_again = turn.asked.goes_on_alone && turn.reply.ended == Ended::Failed(Failure::ShuttingDown);
    // Of one that was withheld a marker is kept, so that the same request again gives the same.
    let withheld = !turn.asked.ephemeral && turn.reply.ended == Ended::Failed(Failure::Withheld);
    let settled = if turn.reply.ended == Ended::Complete || withheld || (seen && !asked_again) {
        Some(store(app, &turn).await)
    } else {
        None
    };
    let (label, event) = match (&turn.reply.ended, &settled) {
        (_, Some(settled)) if settled.key_reused => ("failed", Some(Event::Error(Failure::KeyReused))),
        (Ended::Complete, Some(settled)) => ("completed", Some(Event::Done(Box::new(settled.outcome.clone())))),
        (Ended::Complete, None) => ("failed", Some(Event::Error(Failure::Internal))),
        (Ended::Failed(failure), settled) => (
            if settled.is_some() { "partial" } else { "failed" },
            Some(Event::Error(failure.clone())),
        ),
        (Ended::ClientGone, settled) => (if settled.is_some() { "partial" } else { "failed" }, None),
    };
    if let Some(floor) = turn.leave.session.floor.take() {
        let messages = settled.as_ref().map_or_else(Vec::new, |settled| recent(&turn, settled));
        let before = settled
            .as_ref()
            .and_then(|settled| known_before(&turn, settled.user_seq));
        let ending = Ending {
            messages: &messages,
            before: before.as_deref(),
            lock: way(&turn),
            last: event.as_ref().and_then(|event| outlet.last(event)),
            erased: settled.as_ref().is_some_and(|settled| settled.erased),
        };
        app.sessions.settle(floor, ending).await;
    }
    if let Some(event) = event {
        outlet.close(event).await;
    }
    if turn.asked.ephemeral && !turn.reply.spent.provider.is_empty() {
        count(app, &turn).await;
    }
    // Nobody waits for it, and nobody misses one that is lost.
    let (sessions, user) = (app.sessions.clone(), turn.asked.user);
    tokio::spawn(async move { sessions.note_active(user, Utc::now()).await });
    label
}

/// Counts what a turn cost that is not stored. Its client does not wait for it.
async fn count(app: &App, turn: &Turn) {
    if let Err(error) = app.store.count_usage(turn.asked.user, &turn.reply.spent).await {
        tracing::warn!(%error, turn = %turn.asked.turn_id, "what a turn cost is not counted");
        app.metrics.degraded.with_label_values(&["postgres"]).inc();
    }
}

/// A turn that is stored, or would be if PostgreSQL were there, or if the client wanted it.
struct Stored {
    outcome: Outcome,
    /// Numbers of the two messages; 0 where they are not stored.
    user_seq: i64,
    reply_seq: i64,
    /// This turn is the one that is stored under its key.
    ours: bool,
    /// The one that is stored answers another request.
    key_reused: bool,
    /// The user was erased since it began.
    erased: bool,
}

async fn store(app: &App, turn: &Turn) -> Stored {
    let asked = &turn.asked;
    let conversation = asked.conversation.or(turn.recall.thread).unwrap_or_else(Uuid::now_v7);
    let mut stored = Stored {
        outcome: Outcome {
            turn_id: asked.turn_id,
            conversation: (!asked.ephemeral).then_some(conversation),
            text: turn.reply.text.clone(),
            finish: turn.reply.finish.clone(),
            usage: turn.reply.spent.usage,
            cost_microdollars: turn.reply.spent.cost,
            stored: false,
            pending: false,
            recalled: turn.recall.known(),
            degraded: degraded(turn).into_iter().map(str::to_owned).collect(),
            simulated: turn.reply.simulated,
            cached: turn.reply.cached,
        },
        user_seq: 0,
        reply_seq: 0,
        ours: true,
        key_reused: false,
        erased: false,
    };
    if asked.ephemeral {
        return stored;
    }
    let outcome = &mut stored.outcome;
    let new = new_turn(turn, conversation);
    match in_order(app, turn, &new).await {
        Ok(Settled::Stored { user_seq, reply_seq }) => {
            outcome.stored = true;
            (stored.user_seq, stored.reply_seq) = (user_seq.into(), reply_seq.into());
        }
        Ok(Settled::Erased) => {
            tracing::info!(turn = %asked.turn_id, "a turn of a user who was erased meanwhile is not stored");
            stored.erased = true;
        }
        Ok(Settled::Duplicate(first)) => {
            // Another worker answered the same request first; its reply is the one that stays.
            outcome.stored = first.request_hash == asked.request_hash;
            outcome.turn_id = first.turn_id;
            outcome.conversation = Some(first.conversation);
            outcome.text = first.reply_text;
            stored.ours = false;
            stored.key_reused = !outcome.stored;
        }
        Err(error) => {
            tracing::warn!(%error, turn = %asked.turn_id, "a turn is not stored");
            app.metrics.degraded.with_label_values(&["postgres"]).inc();
            outcome.degraded.push("storage".to_owned());
            outcome.pending = error.is_unavailable() && keep(app, &new).await;
        }
    }
    stored
}

/// Stores `new`, after the user's turns that waited for PostgreSQL.
async fn in_order(app: &App, turn: &Turn, new: &NewTurn) -> Result<Settled, StoreError> {
    if turn.leave.session.unsettled {
        unsettled::settle_all(&app.store, &app.sessions, &app.metrics, new.user).await?;
    }
    if unsettled::may_be_erased(&app.sessions, new).await {
        return Ok(Settled::Erased);
    }
    app.store.settle(new).await
}

/// Keeps `new` in Redis until PostgreSQL is back. False if it is lost.
async fn keep(app: &App, new: &NewTurn) -> bool {
    let kept = match serde_json::to_string(new) {
        Ok(json) => app.sessions.keep_unsettled(new.user, &json).await,
        Err(_) => false,
    };
    let outcome = if kept { "kept" } else { "lost" };
    app.metrics.unsettled.with_label_values(&[outcome]).inc();
    kept
}

/// What becomes of the way that the conversation is on. Turns without one share none.
fn way(turn: &Turn) -> Way {
    match turn.asked.conversation {
        Some(_) => Way::Now(turn.course.lock),
        None => Way::AsBefore,
    }
}

/// What joins the conversation's recent messages.
fn recent(turn: &Turn, stored: &Stored) -> Vec<Recent> {
    if turn.asked.conversation.is_none() || !stored.ours || stored.erased || withheld(turn) {
        return Vec::new();
    }
    let message = |user, text: &str, seq| Recent {
        user,
        text: text.to_owned(),
        seq,
    };
    vec![
        message(true, &turn.asked.text, stored.user_seq),
        message(false, &stored.outcome.text, stored.reply_seq),
    ]
}

fn new_turn(turn: &Turn, conversation: Uuid) -> NewTurn {
    NewTurn {
        user: turn.asked.user,
        turn_id: turn.asked.turn_id,
        epoch: turn.recall.epoch,
        conversation,
        idempotency_key: turn.asked.idempotency_key.clone(),
        request_hash: turn.asked.request_hash,
        // A named conversation is found by its name only.
        thread: turn
            .asked
            .conversation
            .is_none()
            .then(|| turn.asked.thread_after(&turn.reply.text)),
        user_text: turn.asked.text.clone(),
        reply_text: turn.reply.text.clone(),
        partial: turn.reply.ended != Ended::Complete,
        finish: match &turn.reply.ended {
            Ended::Failed(failure) => serde_json::json!(failure).to_string(),
            Ended::Complete | Ended::ClientGone => turn.reply.finish.clone(),
        },
        spent: turn.reply.spent.clone(),
        recalled: turn.recall.memories.clone(),
        perceived: perceived(turn),
    }
}

/// Whether no model is shown this turn again: it was declined, or its reply withheld.
fn withheld(turn: &Turn) -> bool {
    turn.course.declined.is_some() || turn.reply.violation.is_some()
}

fn perceived(turn: &Turn) -> Perceived {
    let decision = |side: &str, verdict: &Verdict| Decision {
        side: side.to_owned(),
        label: verdict.label.as_str().to_owned(),
        route: turn.course.route.as_str().to_owned(),
        confidence: verdict.confidence,
        reasons: verdict.reasons.clone(),
        version: VERSION.to_owned(),
    };
    let verdict = &turn.perception.verdict;
    let message = (verdict.label != Label::Safe || verdict.user_minor).then(|| decision("message", verdict));
    let reply = turn
        .reply
        .violation
        .as_ref()
        .map(|violation| decision("reply", &violation.verdict));
    Perceived {
        mood: (turn.perception.has_mood() && !withheld(turn)).then(|| (&turn.perception.mood).into()),
        decisions: message.into_iter().chain(reply).collect(),
        minor: verdict.user_minor,
        withheld: withheld(turn),
    }
}

/// What stood before this turn in the stored conversation, if all of it is known. Its numbers lead up to `user_seq`.
fn known_before(turn: &Turn, user_seq: i64) -> Option<Vec<Recent>> {
    if !turn.asked.uses_stored_history() {
        return None;
    }
    let history: &[PromptMessage] = turn.recall.history.as_deref()?;
    let numbered = (0..).map(|distance| {
        if user_seq == 0 {
            0
        } else {
            user_seq - history.len() as i64 + distance
        }
    });
    let recent = history.iter().zip(numbered).map(|(message, seq)| Recent {
        user: message.role == Role::User,
        text: message.content.clone(),
        seq,
    });
    Some(recent.collect())
}

fn degraded(turn: &Turn) -> Vec<&'static str> {
    let mut parts = Vec::new();
    parts.extend(turn.leave.session.degraded.then_some("session"));
    parts.extend(turn.leave.idempotency_unknown.then_some("idempotency"));
    parts.extend(&turn.recall.degraded);
    parts
}
