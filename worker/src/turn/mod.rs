//! One message and its reply: `admit -> perceive + recall -> compose -> generate -> settle`. In: what a user asks; out:
//! events for the client, as they happen. A [`Turn`] goes along the line and gains a field at each step; no step reaches
//! back. What a missing part costs is decided in the step that needs it, and the reply says so.

mod admit;
mod asked;
mod compose;
mod generate;
mod perceive;
mod recall;
mod replay;
mod settle;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::app::App;
use crate::llm::{LlmError, Prompt, Usage};
use crate::session::{Allowance, Refused};

pub use admit::Admission;
pub use asked::Asked;
use generate::Ended;
use perceive::Perception;
use recall::Recall;

/// Events between a turn and its client; beyond it the turn waits for a slow reader.
const AHEAD: usize = 32;

/// A turn on its way.
pub struct Turn {
    /// What the user asks.
    pub asked: Asked,
    /// Leave to answer it.
    pub admission: Admission,
    /// What is understood of it.
    pub perception: Perception,
    /// What is known that bears on it.
    pub recall: Recall,
    /// What the model is given.
    pub prompt: Prompt,
    /// What the model replied.
    pub reply: generate::Reply,
}

/// What a turn tells its client.
#[derive(Debug)]
pub enum Event {
    /// Some of the reply.
    Text(String),
    /// The reply is complete, and stored if `outcome.stored`. Nothing follows.
    Done(Box<Outcome>),
    /// The reply broke off, or never began. Nothing follows.
    Failed(TurnError),
}

/// How a turn ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The turn.
    pub turn_id: Uuid,
    /// Its conversation.
    pub conversation: Uuid,
    /// The whole reply.
    pub text: String,
    /// Why it ended: `stop`, `length`, `content_filter`.
    pub finish: String,
    /// What it cost.
    pub usage: Usage,
    /// Both messages are committed.
    pub stored: bool,
    /// Memories that were in the prompt.
    pub recalled: Vec<(Uuid, String)>,
    /// Parts that were missing: `session`, `history`, `recall`, `embeddings`, `idempotency`, `storage`.
    pub degraded: Vec<&'static str>,
    /// The stand-in replied.
    pub simulated: bool,
}

/// Why a turn has no whole reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// A limit.
    #[error("refused: {0:?}")]
    Refused(Refused),
    /// This worker answers as many turns as it may.
    #[error("this worker is busy")]
    Overloaded,
    /// The idempotency key belongs to another request.
    #[error("this idempotency key was used with another request")]
    KeyReused,
    /// The provider.
    #[error("{0}")]
    Provider(LlmError),
    /// The turn took longer than it may.
    #[error("the reply took longer than {} s", .0.as_secs())]
    TooLong(Duration),
    /// The worker goes.
    #[error("this worker is shutting down")]
    ShuttingDown,
}

/// Begins the turn that answers `asked`; `address` is the caller's own limit, being counted. Gives where the user stands
/// with its limit and what the turn tells its client. Dropping the receiver means that the client went away.
///
/// # Errors
/// The turn was not admitted; nothing was asked of a model.
pub async fn begin(
    app: &Arc<App>,
    asked: Asked,
    address: impl Future<Output = Result<(), Refused>>,
) -> Result<(Allowance, mpsc::Receiver<Event>), TurnError> {
    let began = Instant::now();
    let (events, client) = mpsc::channel(AHEAD);
    let admission = admit::admit(app, &asked, address).await?;
    let allowance = admission.session.allowance;
    let app = Arc::clone(app);
    app.turns.clone().spawn(async move {
        let outcome = answer(&app, asked, admission, &events).await;
        app.metrics
            .turn_seconds
            .with_label_values(&[outcome])
            .observe(began.elapsed().as_secs_f64());
    });
    Ok((allowance, client))
}

/// Answers one admitted turn; what comes back is the outcome's label.
async fn answer(app: &App, asked: Asked, admission: Admission, events: &mpsc::Sender<Event>) -> &'static str {
    if let Some(stored) = &admission.already_stored {
        return replay::replay(app, &asked, stored, events).await;
    }
    let mut turn = Turn {
        asked,
        admission,
        perception: Perception::default(),
        recall: Recall::default(),
        prompt: Prompt::default(),
        reply: generate::Reply::default(),
    };
    turn.perception = perceive::perceive(&turn.asked);
    turn.recall = recall::recall(app, &turn).await;
    turn.prompt = compose::compose(&turn, &app.config.memory);
    turn.reply = generate::generate(app, &turn, events).await;

    // Half a reply is part of the conversation only if the client saw it.
    let (ended, seen) = (
        turn.reply.ended.clone(),
        turn.asked.streamed && !turn.reply.text.is_empty(),
    );
    let outcome = if ended == Ended::Complete || seen {
        Some(settle::settle(app, turn).await)
    } else {
        None
    };
    // A client that went away hears nothing more; that is no error.
    let (event, label) = match (ended, outcome) {
        (Ended::Complete, Some(outcome)) => (Event::Done(Box::new(outcome)), "completed"),
        (Ended::ClientGone, outcome) => return if outcome.is_some() { "partial" } else { "failed" },
        (Ended::Failed(error), outcome) => (
            Event::Failed(error),
            if outcome.is_some() { "partial" } else { "failed" },
        ),
        (Ended::Complete, None) => return "failed",
    };
    let _ = events.send(event).await;
    label
}
