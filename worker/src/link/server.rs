//! Where Redis is: one server, the primary that sentinels name, or a cluster. In: its URL and how it is run; out:
//! connections to what may be written to now.

use std::time::Duration;

use companion_crds::redis::RedisMode;
use companion_crds::redis_url::{RedisUrl, Sentinel};
use redis::cluster::ClusterClient;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, TlsMode, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Connection;

/// A node that moved is looked for so often.
const REDIRECTIONS: u32 = 3;
/// Pause between two of them, in milliseconds: the whole operation has 50.
const PAUSE: u64 = 2;

/// A Redis that connections can be made to.
pub enum Server {
    /// One server.
    Standalone(Box<Client>),
    /// The primary that these sentinels name.
    Sentinel(Box<Mutex<SentinelClient>>),
    /// The nodes of a cluster.
    Cluster(Box<ClusterClient>),
}

impl Server {
    /// The Redis at `url`, which is run as `mode` says.
    ///
    /// # Errors
    /// The URL is none, and why, without any of it.
    pub fn new(url: &str, mode: RedisMode) -> Result<Self, String> {
        let unusable = |_| format!("cannot be used: write {}", companion_crds::redis_url::form(mode));
        // On one machine, as `dev` has it. No Secret of a cluster can mean one.
        if mode == RedisMode::Standalone && url.starts_with("unix://") {
            return Client::open(url)
                .map(|client| Self::Standalone(Box::new(client)))
                .map_err(unusable);
        }
        let read = RedisUrl::parse(url, mode)?;
        match (mode, &read.sentinel) {
            (RedisMode::Cluster, _) => cluster(&read).map(|client| Self::Cluster(Box::new(client))),
            (_, Some(asked)) => sentinel(&read, asked).map(|client| Self::Sentinel(Box::new(Mutex::new(client)))),
            (_, None) => Client::open(url).map(|client| Self::Standalone(Box::new(client))),
        }
        .map_err(unusable)
    }

    /// A new connection, made and answered within `deadline`, to what may be written to.
    ///
    /// # Errors
    /// There is none, or what is there is a replica.
    pub async fn connect(&self, deadline: Duration) -> RedisResult<Connection> {
        let late = |_| RedisError::from((ErrorKind::Io, "no answer in time"));
        timeout(deadline, self.connected(deadline)).await.map_err(late)?
    }

    async fn connected(&self, deadline: Duration) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(deadline))
            .set_response_timeout(Some(deadline));
        let mut connection = match self {
            Self::Standalone(client) => {
                Connection::Server(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Sentinel(client) => {
                Connection::Server(client.lock().await.get_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => return client.get_async_connection().await.map(Connection::Cluster),
        };
        match redis::cmd("ROLE").query_async::<Vec<Value>>(&mut connection).await {
            // What was the primary before a failover: every write would fail.
            Ok(role) if role.first().is_some_and(is_replica) => {
                Err(RedisError::from((ErrorKind::Client, "the server is a replica")))
            }
            // Some services do not tell.
            _ => Ok(connection),
        }
    }
}

fn is_replica(role: &Value) -> bool {
    matches!(redis::from_redis_value_ref::<String>(role), Ok(role) if role == "slave")
}

fn cluster(url: &RedisUrl) -> RedisResult<ClusterClient> {
    ClusterClient::builder(url.hosts.iter().map(String::as_str))
        .retries(REDIRECTIONS)
        .min_retry_wait(PAUSE)
        .max_retry_wait(PAUSE)
        // All named nodes are waited for: one that is a black hole must leave time for the others.
        .connection_timeout(super::CONNECT / 3)
        .response_timeout(super::CONNECT / 3)
        .build()
}

fn sentinel(url: &RedisUrl, asked: &Sentinel) -> RedisResult<SentinelClient> {
    let hosts = (url.hosts.iter())
        .map(|host| host.as_str().into_connection_info())
        .collect::<RedisResult<Vec<_>>>()?;
    let encrypted = url.hosts.iter().any(|host| host.starts_with("rediss:"));
    let addresses = hosts.iter().map(|info| info.addr().clone());
    let mut builder = SentinelClientBuilder::new(addresses, &asked.master, SentinelServerType::Master)?
        .set_client_to_redis_db(url.database);
    if encrypted {
        builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
    }
    if let Some(user) = &url.user {
        builder = builder.set_client_to_redis_username(user);
    }
    if let Some(password) = &url.password {
        builder = builder.set_client_to_redis_password(password);
    }
    if let Some(user) = &asked.user {
        builder = builder.set_client_to_sentinel_username(user);
    }
    if let Some(password) = &asked.password {
        builder = builder.set_client_to_sentinel_password(password);
    }
    builder.build()
}
