//! Stores the turns that ended while PostgreSQL was away, in their order, once it is back. Storing one twice stores it once,
//! and an erasure since then stops it.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::identity::UserId;
use crate::session::Sessions;
use crate::store::{NewTurn, Settled, Store, StoreError};
use crate::telemetry::Metrics;

/// Pause between two looks for such turns.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// Pause between two tries to have the right to store a user's.
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// How often a turn that comes after them tries.
const TRIES: u32 = 20;

/// Stores them until `shutdown`.
pub async fn run(store: Store, sessions: Sessions, metrics: Metrics, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(sleep(LOOK_AGAIN)).await.is_some() {
        for user in sessions.users_with_unsettled().await {
            if shutdown.is_cancelled() {
                return;
            }
            // Another worker may be at it.
            if let Some(Err(error)) = try_settle(&store, &sessions, &metrics, user).await {
                tracing::debug!(%error, "turns that wait are not stored yet");
            }
        }
    }
}

/// Stores the turns of `user` that wait.
///
/// # Errors
/// PostgreSQL is away, or another worker stores them and takes long; what is not stored waits on.
pub async fn settle_all(store: &Store, sessions: &Sessions, metrics: &Metrics, user: UserId) -> Result<(), StoreError> {
    for _ in 0..TRIES {
        if let Some(done) = try_settle(store, sessions, metrics, user).await {
            return done;
        }
        sleep(TRY_AGAIN).await;
    }
    let cause = "this user's earlier turns are being stored by another worker";
    Err(StoreError::Unavailable(cause.into()))
}

/// Nothing if another has the right to, or Redis cannot say who has.
async fn try_settle(
    store: &Store,
    sessions: &Sessions,
    metrics: &Metrics,
    user: UserId,
) -> Option<Result<(), StoreError>> {
    let holder = Uuid::new_v4();
    if !sessions.begin_settling(user, holder).await {
        return None;
    }
    let done = settle_in_order(store, sessions, metrics, user).await;
    sessions.end_settling(user, holder).await;
    Some(done)
}

async fn settle_in_order(
    store: &Store,
    sessions: &Sessions,
    metrics: &Metrics,
    user: UserId,
) -> Result<(), StoreError> {
    // Read before the list: an erasure lets the list go first, then raises the epoch.
    let epoch = store.epoch(user).await?;
    let Some(turns) = sessions.unsettled(user).await else {
        return Err(StoreError::Unavailable("redis does not say which turns wait".into()));
    };
    for json in turns {
        let outcome = match serde_json::from_str::<NewTurn>(&json) {
            Ok(mut turn) => {
                let erased = may_be_erased(sessions, &turn).await;
                turn.epoch.get_or_insert(epoch);
                let settled = if erased {
                    Ok(Settled::Erased)
                } else {
                    store.settle(&turn).await
                };
                match settled {
                    Ok(Settled::Erased) => "erased",
                    Ok(_) => "stored",
                    // It never can be. Whatever else is wrong, such as a missing right, may be put right.
                    Err(error) if error.is_about_the_data() => {
                        tracing::error!(%error, "a turn that waited cannot be stored");
                        "lost"
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(error) => {
                tracing::error!(%error, "a turn that waited cannot be read");
                "lost"
            }
        };
        metrics.unsettled.with_label_values(&[outcome]).inc();
        sessions.settled(user, &json).await;
    }
    sessions.forget_unsettled(user).await;
    Ok(())
}

/// Whether `turn` began while nobody could say how often its user was erased, and once more they were.
pub async fn may_be_erased(sessions: &Sessions, turn: &NewTurn) -> bool {
    turn.epoch.is_none() && sessions.was_erased(turn.user).await
}

/// The turn of `user` that waits and is the one that is `wanted`.
pub async fn find(sessions: &Sessions, user: UserId, wanted: impl Fn(&NewTurn) -> bool) -> Option<NewTurn> {
    let turns = sessions.unsettled(user).await?;
    let mut read = turns
        .iter()
        .filter_map(|json| serde_json::from_str::<NewTurn>(json).ok());
    read.find(|turn| wanted(turn))
}
