//! May this message be answered, and is it its conversation's turn? One round trip to Redis counts it, takes the
//! conversation's floor and brings the recent messages, beside the one that counts the address; a message with an idempotency key is then looked up, under the
//! floor, so that of two equal requests the second gets the first's reply.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use crate::app::App;
use crate::session::{Admitted, Refused, Subject};
use crate::store::StoredTurn;

use super::{Asked, TurnError};

/// Leave to answer.
pub struct Admission {
    /// What Redis said and knew. Holds the floor.
    pub session: Admitted,
    /// The turn that an earlier request with this idempotency key was.
    pub already_stored: Option<StoredTurn>,
    /// Whether an earlier request could be looked for.
    pub idempotency_unknown: bool,
    /// Room in this worker, held for as long as the turn lasts.
    _slot: OwnedSemaphorePermit,
}

/// Admits `asked`, waiting for its conversation if it must.
///
/// # Errors
/// A limit, a conversation that stays busy, a full worker, or a reused key.
pub async fn admit(
    app: &App,
    asked: &Asked,
    address: impl Future<Output = Result<(), Refused>>,
) -> Result<Admission, TurnError> {
    let slot = Arc::clone(&app.slots).try_acquire_owned().map_err(|_| {
        app.metrics.refused.with_label_values(&["worker"]).inc();
        TurnError::Overloaded
    })?;
    let subject = match (&asked.conversation, &asked.idempotency_key) {
        (Some(id), _) => Subject::Conversation(*id),
        (None, Some(key)) => Subject::IdempotencyKey(key.clone()),
        (None, None) => Subject::Nothing,
    };
    let session = app.sessions.admit(asked.user, &subject, asked.uses_stored_history());
    let ((), session) = tokio::try_join!(address, session).map_err(TurnError::Refused)?;
    let (already_stored, idempotency_unknown) = match &asked.idempotency_key {
        None => (None, false),
        Some(key) => match app.store.find_turn(asked.user, key).await {
            Ok(found) => (found, false),
            Err(error) => {
                tracing::warn!(%error, "an idempotency key could not be looked up; the floor alone guards it");
                app.metrics.degraded.with_label_values(&["postgres"]).inc();
                (None, true)
            }
        },
    };
    if already_stored
        .as_ref()
        .is_some_and(|stored| stored.request_hash != asked.request_hash)
    {
        return Err(TurnError::KeyReused);
    }
    Ok(Admission {
        session,
        already_stored,
        idempotency_unknown,
        _slot: slot,
    })
}
