//! The way to Redis, one server or many: one connection that many requests share, a budget of 50 ms for each operation, and no second try.
//! In: an operation; out: its answer, or nothing, and the caller goes on without Redis.
//!
//! The first operation that fails takes the connection away, so a Redis that hangs costs no request after it a thing; a
//! task of its own then looks for a Redis that answers within the budget and puts the connection back. The same task
//! watches how full Redis is: what can be done without is not written into the last third, which gates and leases need.

mod connection;
mod server;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use companion_crds::config::env;
use companion_crds::redis::RedisMode;
use prometheus::IntCounter;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{sleep, timeout};

use crate::config::ConfigError;

pub use connection::Connection;
pub use server::Server;

/// Longest an operation may take.
const BUDGET: Duration = Duration::from_millis(50);
/// Longest a new connection may take.
const CONNECT: Duration = Duration::from_secs(1);
/// Pause between two looks for a Redis that answers.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// Pause between two looks at how full Redis is.
const MEASURE: Duration = Duration::from_secs(2);
/// Per cent of `maxmemory` above which only what must be written is.
const CROWDED: u64 = 70;

/// The way to Redis. Clones share the connection.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    server: Server,
    state: RwLock<State>,
    crowded: AtomicBool,
    degraded: IntCounter,
}

/// `generation` tells a failure on the present connection from a late one on its predecessor.
struct State {
    connection: Option<Connection>,
    generation: u64,
}

impl Link {
    /// A link to the Redis at `url`, run as `mode` says, which is looked for from now on. `degraded` counts operations that
    /// went without.
    ///
    /// # Errors
    /// The URL is no Redis URL; the text names the variable, never the value.
    pub fn new(url: &SecretString, mode: RedisMode, degraded: IntCounter) -> Result<Self, ConfigError> {
        let server =
            Server::new(url.expose_secret(), mode).map_err(|problem| ConfigError::setting(env::REDIS_URL, problem))?;
        let state = RwLock::new(State {
            connection: None,
            generation: 0,
        });
        let link = Self {
            shared: Arc::new(Shared {
                server,
                state,
                crowded: AtomicBool::new(false),
                degraded,
            }),
        };
        tokio::spawn(Arc::clone(&link.shared).look());
        tokio::spawn(measure(Arc::downgrade(&link.shared)));
        Ok(link)
    }

    /// Whether Redis answered when it was last asked.
    pub fn is_up(&self) -> bool {
        let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
        state.connection.is_some()
    }

    /// Whether Redis is so full that only gates, leases and sessions may be written.
    pub fn is_crowded(&self) -> bool {
        self.shared.crowded.load(Ordering::Relaxed)
    }

    /// What `operation` answers within the budget, or nothing.
    pub async fn ask<T, F>(&self, operation: impl FnOnce(Connection) -> F) -> Option<T>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let (connection, generation) = {
            let state = self.shared.state.read().unwrap_or_else(PoisonError::into_inner);
            (state.connection.clone(), state.generation)
        };
        let Some(connection) = connection else {
            self.shared.degraded.inc();
            return None;
        };
        let cause = match timeout(BUDGET, operation(connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) if is_of_the_connection(&error) => error.to_string(),
            Ok(Err(error)) => {
                tracing::error!(%error, "redis refused an operation");
                self.shared.degraded.inc();
                return None;
            }
            Err(_) => format!("no answer within {} ms", BUDGET.as_millis()),
        };
        self.shared.degraded.inc();
        self.shared.lose(generation, &cause);
        None
    }
}

impl Shared {
    fn lose(self: &Arc<Self>, generation: u64, cause: &str) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.generation != generation || state.connection.take().is_none() {
            return;
        }
        state.generation += 1;
        tracing::warn!(cause, "redis is away; requests go on without it");
        tokio::spawn(Arc::clone(self).look());
    }

    async fn look(self: Arc<Self>) {
        loop {
            if let Some(connection) = self.connect().await {
                self.state.write().unwrap_or_else(PoisonError::into_inner).connection = Some(connection);
                tracing::info!("redis answers");
                return;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn connect(&self) -> Option<Connection> {
        let mut connection = self.server.connect(CONNECT).await.ok()?;
        // In a cluster every primary must answer.
        let ping = async { redis::cmd("PING").query_async::<()>(&mut connection).await };
        timeout(BUDGET, ping).await.ok()?.ok()?;
        Some(connection)
    }
}

/// Keeps an eye on how full Redis is, for as long as anyone uses it.
async fn measure(shared: Weak<Shared>) {
    loop {
        sleep(MEASURE).await;
        let Some(shared) = shared.upgrade() else { return };
        let link = Link { shared };
        let info = link.ask(async |mut connection| connection.info("memory").await).await;
        let crowded = info.is_some_and(|servers| servers.iter().any(|info| is_crowded(info)));
        if link.shared.crowded.swap(crowded, Ordering::Relaxed) != crowded {
            tracing::warn!(
                crowded,
                "redis: more than {CROWDED} % of maxmemory is used, or no longer"
            );
        }
    }
}

/// Reads `INFO memory`. Without a `maxmemory` there is no limit to come near.
fn is_crowded(info: &str) -> bool {
    let number = |name: &str| -> Option<u64> {
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().parse().ok()
    };
    match (number("used_memory"), number("maxmemory")) {
        (Some(used), Some(most)) if most > 0 => used > most / 100 * CROWDED,
        _ => false,
    }
}

/// Whether another connection may do better: this one is broken, or leads to a server that cannot serve now, such as a
/// primary that became a replica.
fn is_of_the_connection(error: &RedisError) -> bool {
    let server = matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ReadOnly
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown
        )
    );
    server
        || error.is_timeout()
        || error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redis_is_crowded_above_seventy_per_cent_of_its_limit() {
        let info = |used: u64, most: u64| format!("# Memory\r\nused_memory:{used}\r\nmaxmemory:{most}\r\n");
        assert!(is_crowded(&info(71_000, 100_000)));
        assert!(!is_crowded(&info(69_000, 100_000)));
        assert!(!is_crowded(&info(69_000, 0)), "no limit");
        assert!(!is_crowded("nonsense"));
    }
}
