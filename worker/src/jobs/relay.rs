//! Moves outbox rows to the job queue: claims a batch, deletes it and adds its jobs, all in one statement. Any number of
//! workers may relay at once; each row becomes a job once, since its deletion and the job commit together.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// Rows of one batch.
const BATCH: i64 = 200;

/// Wait while there is work; it also bounds how much each NOTIFY of the queue carries.
const BUSY: Duration = Duration::from_millis(250);

/// Wait while there is none.
const IDLE: Duration = Duration::from_secs(1);

/// Wait while the database is away.
const AWAY: Duration = Duration::from_secs(5);

/// `add_jobs` is called once per batch and not at all for an empty one: it notifies, and a NOTIFY holds an instance-wide
/// lock until commit. What a conversation left since the last look is one job. A user's jobs share one of 64 queues, so they
/// run in order; a queue per user would be one row per user for ever. Keys begin with the user, so that an erasure finds
/// them, and end with the first message, so that none meets one that runs: that one would be taken for done.
const RELAY: &str = "
WITH next AS (
    SELECT user_id, outbox_id FROM companion.outbox ORDER BY outbox_id LIMIT $1 FOR UPDATE SKIP LOCKED
), claimed AS (
    DELETE FROM companion.outbox o USING next WHERE o.user_id = next.user_id AND o.outbox_id = next.outbox_id
    RETURNING o.user_id, o.outbox_id, o.task, o.epoch, o.conversation_id, o.seq
), job AS (
    SELECT min(outbox_id) AS outbox_id, (
        task,
        json_agg(json_build_object('user', user_id, 'epoch', epoch, 'conversation', conversation_id, 'seq', seq)
                 ORDER BY outbox_id),
        'companion-' || (get_byte(uuid_send(user_id), 15) & 63),
        NULL, NULL, concat_ws(':', 'user', user_id, task, conversation_id, min(seq)), NULL, NULL
    )::graphile_worker.job_spec AS spec
    FROM claimed GROUP BY user_id, task, conversation_id
), batch AS (
    SELECT array_agg(spec ORDER BY outbox_id) AS specs FROM job HAVING count(*) > 0
)
SELECT count(*) FROM batch, graphile_worker.add_jobs(specs)";

/// Relays until `shutdown`.
pub async fn run(store: Store, shutdown: CancellationToken) {
    let mut wait = BUSY;
    while shutdown.run_until_cancelled(tokio::time::sleep(wait)).await.is_some() {
        wait = match relay(&store).await {
            Ok(0) => IDLE,
            Ok(_) => BUSY,
            Err(error) => {
                tracing::warn!(%error, "failed to relay the outbox to the job queue");
                AWAY
            }
        };
    }
}

/// Moves one batch; returns the number of jobs.
async fn relay(store: &Store) -> Result<i64, StoreError> {
    store
        .within(sqlx::query_scalar(RELAY).bind(BATCH).fetch_one(store.pool()))
        .await
}
