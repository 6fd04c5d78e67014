//! May this message be answered, and is it its conversation's turn? One round trip to Redis counts it, takes the
//! conversation's floor and brings the recent messages, beside the one that counts the address; a message with an
//! idempotency key is then looked up, under the floor, so that of two equal requests the second gets the first's reply.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::app::App;
use crate::jobs::unsettled;
use crate::session::{self, Admitted, Allowance, Refused, RequestKey, Subject};
use crate::store::{NewTurn, StoredTurn};

use super::{Asked, TurnError};

/// What becomes of a message.
pub enum Admission {
    /// It is answered here.
    Go(Box<Leave>),
    /// It is being answered, under its idempotency key, by whichever worker: this turn.
    Running(Uuid),
    /// It was answered before, under its idempotency key.
    Stored(Box<StoredTurn>),
}

/// Leave to answer.
pub struct Leave {
    /// What Redis said and knew. Holds the floor.
    pub session: Box<Admitted>,
    /// Whether an earlier request could be looked for.
    pub idempotency_unknown: bool,
    /// Room in this worker, held for as long as the turn lasts.
    _slot: OwnedSemaphorePermit,
}

/// Admits `asked`, waiting for its conversation if it must. Says where the user stands with its limit.
///
/// # Errors
/// A limit, a conversation that stays busy, a full worker, or a reused key.
#[tracing::instrument(skip_all)]
pub async fn admit(
    app: &App,
    asked: &Asked,
    address: impl Future<Output = Result<(), Refused>>,
) -> Result<(Allowance, Admission), TurnError> {
    let slot = Arc::clone(&app.slots).try_acquire_owned().map_err(|_| {
        app.metrics.refused.with_label_values(&["worker"]).inc();
        TurnError::Overloaded
    })?;
    let subject = Subject {
        turn: asked.turn_id,
        conversation: asked.conversation,
        key: asked.idempotency_key.clone().map(|name| RequestKey {
            name,
            request_hash: asked.request_hash,
        }),
        kept: asked.goes_on_alone,
    };
    let session = app.sessions.admit(asked.user, &subject, asked.uses_stored_history());
    let ((), session) = tokio::try_join!(address, session).map_err(TurnError::Refused)?;
    let session = match session {
        session::Admission::Go(session) => session,
        session::Admission::Running { allowance, turn } => return Ok((allowance, Admission::Running(turn))),
    };
    let allowance = session.allowance;
    let (stored, idempotency_unknown) = already_stored(app, asked, session.unsettled).await;
    if let Some(stored) = stored {
        if stored.request_hash != asked.request_hash {
            return Err(TurnError::Refused(Refused::KeyReused));
        }
        return Ok((allowance, Admission::Stored(Box::new(stored))));
    }
    let leave = Leave {
        session,
        idempotency_unknown,
        _slot: slot,
    };
    Ok((allowance, Admission::Go(Box::new(leave))))
}

/// The turn that is, or will be, stored under the request's key, and whether that could not be looked up.
async fn already_stored(app: &App, asked: &Asked, some_wait: bool) -> (Option<StoredTurn>, bool) {
    let Some(key) = &asked.idempotency_key else {
        return (None, false);
    };
    if some_wait {
        let same_key = |turn: &NewTurn| turn.idempotency_key.as_ref() == Some(key);
        if let Some(turn) = unsettled::find(&app.sessions, asked.user, same_key).await {
            return (Some(turn.into()), false);
        }
    }
    match app.store.find_turn(asked.user, key).await {
        Ok(found) => (found, false),
        Err(error) => {
            tracing::warn!(%error, "an idempotency key could not be looked up; the floor alone guards it");
            app.metrics.degraded.with_label_values(&["postgres"]).inc();
            (None, true)
        }
    }
}
