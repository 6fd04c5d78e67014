//! The end of a turn: both messages, the cost and the work that follows are committed in one transaction, then the recent
//! messages in Redis grow and the floor is given back. Only then does the client hear that the reply is stored. Where
//! PostgreSQL is away, the reply stands and says that it is not stored.

use uuid::Uuid;

use crate::app::App;
use crate::llm::{PromptMessage, Role};
use crate::session::Recent;
use crate::store::{NewTurn, Settled};

use super::generate::Ended;
use super::{Outcome, Turn};

/// Stores `turn` and gives its floor back.
pub async fn settle(app: &App, mut turn: Turn) -> Outcome {
    let asked = &turn.asked;
    let conversation = asked.conversation.or(turn.recall.thread).unwrap_or_else(Uuid::now_v7);
    let provider = &app.config.llm.routes.normal.provider;
    let mut outcome = Outcome {
        turn_id: asked.turn_id,
        conversation,
        text: turn.reply.text.clone(),
        finish: turn.reply.finish.clone(),
        usage: turn.reply.usage,
        stored: false,
        recalled: turn
            .recall
            .memories
            .iter()
            .map(|memory| (memory.id, memory.text.clone()))
            .collect(),
        degraded: degraded(&turn),
        simulated: app.models.is_simulated(provider),
    };
    let settled = app.store.settle(new_turn(app, &turn, conversation)).await;
    let (user_seq, reply_seq) = match settled {
        Ok(Settled::Stored { user_seq, reply_seq }) => {
            outcome.stored = true;
            (user_seq, reply_seq)
        }
        Ok(Settled::Duplicate(first)) => {
            // Another worker answered the same request first; its reply is the one that stays.
            outcome.stored = first.request_hash == turn.asked.request_hash;
            outcome.turn_id = first.turn_id;
            outcome.conversation = first.conversation;
            outcome.text = first.reply_text;
            return outcome;
        }
        Err(error) => {
            tracing::warn!(%error, turn = %turn.asked.turn_id, "a turn is not stored");
            app.metrics.degraded.with_label_values(&["postgres"]).inc();
            outcome.degraded.push("storage");
            (0, 0)
        }
    };
    if turn.asked.conversation.is_some()
        && let Some(floor) = turn.admission.session.floor.take()
    {
        let messages = [
            Recent {
                user: true,
                text: turn.asked.text.clone(),
                seq: user_seq.into(),
            },
            Recent {
                user: false,
                text: outcome.text.clone(),
                seq: reply_seq.into(),
            },
        ];
        let before = known_before(&turn, user_seq.into());
        app.sessions.settle(floor, messages, before.as_deref()).await;
    }
    outcome
}

fn new_turn(app: &App, turn: &Turn, conversation: Uuid) -> NewTurn {
    let route = &app.config.llm.routes.normal;
    NewTurn {
        user: turn.asked.user,
        turn_id: turn.asked.turn_id,
        conversation,
        idempotency_key: turn.asked.idempotency_key.clone(),
        request_hash: turn.asked.request_hash,
        thread: Some(turn.asked.thread_after(&turn.reply.text)),
        user_text: turn.asked.text.clone(),
        reply_text: turn.reply.text.clone(),
        partial: turn.reply.ended != Ended::Complete,
        provider: route.provider.clone(),
        model: route.model.clone(),
        prompt_tokens: turn.reply.usage.prompt,
        completion_tokens: turn.reply.usage.completion,
        cached_tokens: turn.reply.usage.cached,
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
    parts.extend(turn.admission.session.degraded.then_some("session"));
    parts.extend(turn.admission.idempotency_unknown.then_some("idempotency"));
    parts.extend(&turn.recall.degraded);
    parts
}
