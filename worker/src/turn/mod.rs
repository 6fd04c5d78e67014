//! One message and its reply: `admit -> perceive + recall -> route -> compose -> generate -> settle`. In: what a user asks; out:
//! events for the client, as they happen. A [`Turn`] goes along the line and gains a field at each step; no step reaches
//! back. What a missing part costs is decided in the step that needs it, and the reply says so. A client whose connection
//! broke comes back by [`follow`], or by the same request with the same key.

mod admit;
mod asked;
mod compose;
mod decline;
mod event;
mod generate;
mod outlet;
mod perceive;
mod recall;
mod resume;
mod route;
mod settle;

use std::sync::Arc;

use chrono::Utc;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};
use uuid::Uuid;

use crate::app::App;
use crate::identity::UserId;
use crate::llm::Prompt;
use crate::safety::course::Course;
use crate::session::{Allowance, EventId, Refused};

use admit::Admission;
pub use admit::Leave;
pub use asked::Asked;
pub use decline::FILTERED;
pub use event::{Begun, Event, Failure, Known, Outcome, Route, Timing, Told, Verification};
use outlet::Outlet;
use perceive::Perception;
use recall::Recall;
pub use resume::{Found, find};

/// A turn on its way.
pub struct Turn {
    /// When its request came.
    pub began: Instant,
    /// When it must have been answered.
    pub deadline: Instant,
    /// What the user asks.
    pub asked: Asked,
    /// Leave to answer it.
    pub leave: Box<Leave>,
    /// What is understood of it.
    pub perception: Perception,
    /// What is known that bears on it.
    pub recall: Recall,
    /// Which way it goes.
    pub course: Course,
    /// What the model is given.
    pub prompt: Prompt,
    /// What the model replied.
    pub reply: generate::Reply,
}

/// Why a turn does not begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// A limit, a busy conversation, or a key that belongs to another request.
    #[error("refused: {0:?}")]
    Refused(Refused),
    /// This worker answers as many turns as it may.
    #[error("this worker is busy")]
    Overloaded,
}

/// Begins the turn that answers `asked`, or follows it where it runs already; `address` is the caller's own limit, being
/// counted. Gives where the user stands with its limit and what the turn tells its client. Dropping the receiver means
/// that the client went away.
///
/// # Errors
/// The turn was not admitted; nothing was asked of a model.
pub async fn begin(
    app: &Arc<App>,
    asked: Asked,
    address: impl Future<Output = Result<(), Refused>>,
) -> Result<(Allowance, mpsc::Receiver<Told>), TurnError> {
    let began = Instant::now();
    let (sender, client) = mpsc::channel(outlet::AHEAD);
    let (allowance, admission) = admit::admit(app, &asked, address).await?;
    let (app, turns) = (Arc::clone(app), app.turns.clone());
    let span = tracing::info_span!("turn", turn_id = %asked.turn_id, outcome = Empty);
    let answering = async move {
        let outcome = match admission {
            Admission::Go(leave) => answer(&app, asked, leave, sender, began).await,
            Admission::Running(turn) => {
                resume::follow(&app, asked.user, turn, asked.after(turn), &sender).await;
                return;
            }
            Admission::Stored(stored) => resume::tell_stored(&app, &stored, asked.after(stored.turn_id), &sender).await,
        };
        app.metrics
            .turn_seconds
            .with_label_values(&[outcome])
            .observe(began.elapsed().as_secs_f64());
        Span::current().record("outcome", outcome);
    };
    turns.spawn(answering.instrument(span));
    Ok((allowance, client))
}

/// Follows `turn` of `user` from `after` on, wherever it runs or ran.
pub fn follow(app: &Arc<App>, user: UserId, turn: Uuid, found: Found, after: EventId) -> mpsc::Receiver<Told> {
    let (sender, client) = mpsc::channel(outlet::AHEAD);
    let app = Arc::clone(app);
    app.turns.clone().spawn(async move {
        match found {
            Found::Kept => resume::follow(&app, user, turn, after, &sender).await,
            Found::Stored(stored) => drop(resume::tell_stored(&app, &stored, after, &sender).await),
        }
    });
    client
}

/// Answers one admitted turn; what comes back is the outcome's label.
async fn answer(
    app: &App,
    asked: Asked,
    leave: Box<Leave>,
    client: mpsc::Sender<Told>,
    began: Instant,
) -> &'static str {
    let recorder = (asked.goes_on_alone).then(|| app.sessions.recorder(asked.user, asked.turn_id));
    let mut outlet = Outlet::new(client, recorder);
    outlet
        .tell(Event::Turn(Begun {
            turn_id: asked.turn_id,
            conversation_id: asked.conversation,
        }))
        .await;
    let perception = perceive::perceive(app, &asked);
    let mut turn = Turn {
        began,
        deadline: began + app.config.llm.timeouts.turn.duration(),
        asked,
        leave,
        perception,
        recall: Recall::default(),
        course: Course::default(),
        prompt: Prompt::default(),
        reply: generate::Reply::default(),
    };
    app.metrics
        .moods
        .with_label_values(&[turn.perception.mood.emotion.as_str()])
        .inc();
    if turn.perception.has_mood() {
        outlet.tell(Event::Emotion((&turn.perception.mood).into())).await;
    }
    let judging = app.judge.ask(&turn.asked.text, &turn.perception.verdict);
    let (recall, judgement) = tokio::join!(recall::recall(app, &turn), judging);
    turn.recall = recall;
    turn.perception.complete(turn.recall.vector.as_deref(), judgement);
    turn.course = route::route(app, &turn, &mut outlet).await;
    if let Some(why) = turn.course.declined {
        turn.reply = decline::decline(app, &turn, why, &mut outlet).await;
        return settle::settle(app, turn, outlet).await;
    }
    let (prompt, entered) = compose::compose(&turn, &app.config.memory, Utc::now());
    turn.prompt = prompt;
    // From here on only those count that stand in the prompt.
    turn.recall.memories.truncate(entered);
    app.metrics.memories_recalled.inc_by(entered as u64);
    if entered > 0 {
        outlet.tell(Event::Memory(turn.recall.known())).await;
    }
    turn.reply = generate::generate(app, &turn, &mut outlet).await;
    settle::settle(app, turn, outlet).await
}
