//! Read replicas: lists, searches and exports are read there, as fresh as on the primary. In: a read; out: its answer, from
//! a replica that has all that the primary had when the read began, else from the primary. So users read what they wrote,
//! whichever worker wrote it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntCounterVec;
use sqlx::PgPool;
use tokio::time::{Instant, sleep, timeout};

use super::{Store, StoreError};

/// Longest question where a server stands.
const QUESTION: Duration = Duration::from_millis(500);
/// A replica that is not there yet is asked so often, with a pause: most are a few milliseconds behind.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(10);
/// A replica that failed is left alone for so long.
const REST: Duration = Duration::from_secs(5);

/// Where the primary's log ends.
const WRITTEN: &str = "SELECT pg_current_wal_lsn()::text";
/// Whether a replica has replayed up to there; null on what is no replica (any more).
const REPLAYED: &str = "SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn WHERE pg_is_in_recovery()";

/// The replicas of one primary.
pub(super) struct Replicas {
    all: Vec<Replica>,
    next: AtomicUsize,
    /// By where it was read: `replica`, or on the primary because the replica was `late` or `away`.
    reads: IntCounterVec,
}

/// One of them.
struct Replica {
    pool: PgPool,
    rests_until: Mutex<Option<Instant>>,
}

impl Replicas {
    pub fn new(pools: Vec<PgPool>, reads: IntCounterVec) -> Self {
        let all = pools.into_iter().map(|pool| Replica {
            pool,
            rests_until: Mutex::new(None),
        });
        Self {
            all: all.collect(),
            next: AtomicUsize::new(0),
            reads,
        }
    }

    /// Their pools.
    pub fn pools(&self) -> impl Iterator<Item = &PgPool> {
        self.all.iter().map(|replica| &replica.pool)
    }

    /// One that is as far as `primary`, each in its turn.
    async fn fresh(&self, primary: &PgPool) -> Option<&Replica> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let candidates = (0..self.all.len()).filter_map(|step| self.all.get((turn + step) % self.all.len()));
        let Some(replica) = candidates.into_iter().find(|replica| !replica.rests()) else {
            self.count("away");
            return None;
        };
        let asked = timeout(QUESTION, sqlx::query_scalar(WRITTEN).fetch_one(primary)).await;
        let written: String = asked.ok()?.ok()?;
        match replica.has(&written).await {
            Ok(true) => Some(replica),
            Ok(false) => {
                self.count("late");
                None
            }
            Err(cause) => {
                self.fails(replica, &cause);
                None
            }
        }
    }

    /// Leaves `replica` alone for a while.
    fn fails(&self, replica: &Replica, cause: &str) {
        tracing::warn!(cause, "a read replica is away: the primary is read");
        *replica.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        self.count("away");
    }

    fn count(&self, outcome: &str) {
        self.reads.with_label_values(&[outcome]).inc();
    }
}

impl Replica {
    fn rests(&self) -> bool {
        let until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether it has replayed the primary's log up to `written`.
    async fn has(&self, written: &str) -> Result<bool, String> {
        for attempt in 1.. {
            let question = sqlx::query_scalar(REPLAYED).bind(written).fetch_optional(&self.pool);
            match timeout(QUESTION, question).await {
                Ok(Ok(Some(true))) => return Ok(true),
                Ok(Ok(Some(false))) if attempt < TRIES => sleep(PAUSE).await,
                Ok(Ok(Some(false))) => break,
                Ok(Ok(None)) => return Err("it is no replica".into()),
                Ok(Err(error)) => return Err(error.to_string()),
                Err(_) => return Err(format!("no answer within {QUESTION:?}")),
            }
        }
        Ok(false)
    }
}

impl Store {
    /// What `read` gives: on a replica that is as fresh as the primary, else, or if that one fails, on the primary.
    pub(crate) async fn read<T, F>(&self, read: impl Fn(PgPool) -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, sqlx::Error>> + Send,
    {
        if let Some(replicas) = &self.replicas
            && let Some(replica) = replicas.fresh(&self.pool).await
        {
            match self.within(read(replica.pool.clone())).await {
                Ok(answer) => {
                    replicas.count("replica");
                    return Ok(answer);
                }
                Err(error) => replicas.fails(replica, &error.to_string()),
            }
        }
        self.within(read(self.pool.clone())).await
    }

    /// The pool for a read that takes long and cannot be begun again.
    pub(super) async fn long_read(&self) -> PgPool {
        if let Some(replicas) = &self.replicas
            && let Some(replica) = replicas.fresh(&self.pool).await
        {
            replicas.count("replica");
            return replica.pool.clone();
        }
        self.pool.clone()
    }
}
