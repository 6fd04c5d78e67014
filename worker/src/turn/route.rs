//! Which way the message goes, by what it is and what is known of its user, and what the client hears of it. That a user is
//! under 18 is kept before anything is said: no other turn of theirs begins on a way that is closed to them.

use std::time::Duration;

use tokio::time::timeout;

use crate::app::App;
use crate::safety::course::{self, Course, Declined, Standing};
use crate::safety::{Label, replies};

use super::outlet::Outlet;
use super::{Event, Turn, Verification};

/// Longest wait until it is kept that a user is under 18. Where it is not, the turn keeps it when it is stored.
const KEEPING: Duration = Duration::from_millis(500);

/// Where an age is verified.
const VERIFY_AT: &str = "/api/v1/age-verification";

/// Chooses the way of `turn`.
#[tracing::instrument(skip_all)]
pub async fn route(app: &App, turn: &Turn, outlet: &mut Outlet) -> Course {
    let (verdict, standing) = (&turn.perception.verdict, turn.recall.standing);
    let lock = turn.leave.session.lock;
    // What a client says was said is believed where it closes a way, and kept nowhere.
    let standing = standing.map(|known| Standing {
        minor: known.minor || turn.recall.young,
        ..known
    });
    let course = course::choose(verdict, &turn.asked.text, standing, app.policy, lock);
    let known = turn.recall.standing.is_some_and(|standing| standing.minor);
    // A fact about the user, and no text: it is kept of a turn of which nothing else is.
    if verdict.user_minor && !known {
        let kept = timeout(KEEPING, app.store.note_minor(turn.asked.user, turn.recall.epoch)).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!("that a user is under 18 is not kept yet; it is stored with the turn");
        }
    }
    app.metrics
        .decisions
        .with_label_values(&["message", verdict.label.as_str(), course.route.as_str()])
        .inc();
    if verdict.label == Label::Crisis {
        let contacts = replies::contacts(&app.config.content.crisis.resources, turn.language());
        outlet
            .tell(Event::Crisis(contacts.into_iter().cloned().collect()))
            .await;
    }
    if course.declined == Some(Declined::AgeUnverified) {
        let verification = Verification {
            verify_at: VERIFY_AT.to_owned(),
        };
        outlet.tell(Event::AgeVerificationRequired(verification)).await;
    }
    course
}

impl Turn {
    /// The language that the user wants to be spoken to in; empty where they said none.
    pub fn language(&self) -> &str {
        self.recall.preferences.language.as_deref().unwrap_or_default()
    }
}
