//! The same request again: the reply that was stored goes out once more, and no model is asked.

use tokio::sync::mpsc;

use crate::app::App;
use crate::llm::{LlmError, Usage};
use crate::store::StoredTurn;

use super::{Asked, Event, Outcome, TurnError};

/// Sends `stored`; what comes back is the outcome's label.
pub async fn replay(app: &App, asked: &Asked, stored: &StoredTurn, events: &mpsc::Sender<Event>) -> &'static str {
    tracing::debug!(turn = %asked.turn_id, stored = %stored.turn_id, "a reply is sent again");
    let _ = events.send(Event::Text(stored.reply_text.clone())).await;
    let (event, label) = if stored.partial {
        (Event::Failed(TurnError::Provider(LlmError::Broken)), "partial")
    } else {
        (Event::Done(Box::new(outcome(app, stored))), "completed")
    };
    let _ = events.send(event).await;
    label
}

fn outcome(app: &App, stored: &StoredTurn) -> Outcome {
    Outcome {
        turn_id: stored.turn_id,
        conversation: stored.conversation,
        text: stored.reply_text.clone(),
        finish: "stop".to_owned(),
        usage: Usage {
            prompt: stored.prompt_tokens,
            completion: stored.completion_tokens,
            cached: stored.cached_tokens,
        },
        stored: true,
        recalled: Vec::new(),
        degraded: Vec::new(),
        simulated: app.models.is_simulated(&stored.provider),
    }
}
