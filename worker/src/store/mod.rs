//! PostgreSQL: one pool per worker, one file per concern. Every function takes the user whose rows it touches, every
//! operation has a deadline, and its errors tell a database that is away from a bug ([`StoreError`]).

pub mod conversations;
mod decisions;
pub mod erase;
pub mod error;
pub mod export;
pub mod messages;
mod moods;
pub mod perceived;
mod preferences;
mod replicas;
pub mod schema;
mod standing;
mod summaries;
pub mod turns;
pub mod usage;

use std::future::Future;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use prometheus::IntCounterVec;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

pub use conversations::{Conversation, Edited, Message};
pub use decisions::DayDecisions;
pub use erase::Receipt;
pub use error::StoreError;
pub use messages::{Place, Role, StoredMessage};
pub use moods::StoredMood;
pub use perceived::Perceived;
pub use preferences::Preferences;
pub use schema::{REQUIRED_SCHEMA, SchemaState, WORKER_LEVEL};
pub use standing::{AgeStanding, Verified};
pub use summaries::Unsummarised;
pub use turns::{NewTurn, Settled, StoredTurn};
pub use usage::{DayUsage, Spent};

use replicas::Replicas;

/// Longest wait for a connection, and for the server to accept a new one.
const ACQUIRE: Duration = Duration::from_secs(2);

/// Longest run of one statement; the server enforces it, so that an abandoned query stops working too.
const STATEMENT: &str = "3s";

/// Longest wait for a lock.
const LOCK: &str = "2s";

/// Longest operation, connection and statement together. Also holds where a pooler takes no session settings.
const OPERATION: Duration = Duration::from_secs(5);

/// Connections of a worker that got SIGTERM: enough to settle the turns that still stream.
const DRAINING: u32 = companion_crds::DRAINING_CONNECTIONS;

/// The worker's connections to PostgreSQL.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    size: u32,
    replicas: Option<Arc<Replicas>>,
}

impl Store {
    /// A pool of at most `pool_size` connections, opened as needed. With `pooled` the URL leads through PgBouncer in
    /// transaction mode (1.21 or newer, which keeps prepared statements): no session setting is sent.
    pub fn connect_lazy(url: &SecretString, pool_size: u32, pooled: bool) -> Result<Self, StoreError> {
        Ok(Self {
            pool: pool(url, pool_size, pooled)?,
            size: pool_size,
            replicas: None,
        })
    }

    /// The same with read replicas at `urls`, each with a pool of the same size; `reads` counts where is read.
    pub fn with_replicas(self, urls: &[&SecretString], pooled: bool, reads: IntCounterVec) -> Result<Self, StoreError> {
        let pools: Vec<PgPool> = (urls.iter())
            .map(|url| pool(url, self.size, pooled))
            .collect::<Result<_, _>>()?;
        let replicas = (!pools.is_empty()).then(|| Arc::new(Replicas::new(pools, reads)));
        Ok(Self { replicas, ..self })
    }

    /// From now on at most [`companion_crds::DRAINING_CONNECTIONS`] are used on each server: the pod that takes over needs
    /// the others. Returns at once; connections in use are given up as they come back.
    pub fn shrink(&self) {
        let replicas = self.replicas.iter().flat_map(|replicas| replicas.pools());
        for pool in replicas.chain([&self.pool]) {
            tokio::spawn(give_up(pool.clone(), self.size.saturating_sub(DRAINING)));
        }
    }

    /// Connections that are open, and those of them in use.
    pub fn pool_usage(&self) -> (u32, u32) {
        let open = self.pool.size();
        (open, open.saturating_sub(self.pool.num_idle() as u32))
    }

    /// The pool, for what runs statements of its own beside this module.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Runs one operation within its deadline.
    pub(crate) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>> + Send,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(OPERATION, work).await {
            Ok(result) => result.map_err(StoreError::from),
            Err(_) => Err(StoreError::Unavailable(format!("no answer within {OPERATION:?}"))),
        }
    }
}

fn pool(url: &SecretString, size: u32, pooled: bool) -> Result<PgPool, StoreError> {
    let mut options = PgConnectOptions::from_str(url.expose_secret())
        .map_err(|_| StoreError::Url)?
        .application_name("companion-worker");
    options = if pooled {
        options.extra_float_digits(None)
    } else {
        options.options([
            ("statement_timeout", STATEMENT),
            ("lock_timeout", LOCK),
            ("idle_in_transaction_session_timeout", STATEMENT),
        ])
    };
    let pool = PgPoolOptions::new().max_connections(size).acquire_timeout(ACQUIRE);
    Ok(pool.connect_lazy_with(options))
}

/// Gives `surplus` connections up as they come back.
async fn give_up(pool: PgPool, surplus: u32) {
    let mut given = 0;
    while given < surplus {
        // A leaked connection's slot is never used again, so the pool cannot grow back.
        match pool.acquire().await {
            Ok(connection) => {
                drop(connection.leak().close().await);
                given += 1;
            }
            // All are in use, or the database is away: later.
            Err(sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)) => tokio::time::sleep(ACQUIRE).await,
            Err(error) => return tracing::warn!(%error, "could not give up a database connection"),
        }
    }
}

/// PostgreSQL's text cannot hold NUL, JSON's can.
pub(crate) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
