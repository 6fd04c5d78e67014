//! A Redis of a test's own, for what must not be done to the shared one: made a replica, filled up, paused, emptied.
//! Debian's `redis-tools` has the server under the name of one of its tools.

use std::process::Stdio;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::process::{Child, Command};

use crate::eventually;
use crate::process::free_port;

/// A Redis server, which ends with the test.
pub struct RedisServer {
    /// How it is reached.
    pub url: String,
    _process: Child,
}

impl RedisServer {
    /// An empty server that keeps nothing on disk.
    pub async fn start() -> Self {
        let address = free_port();
        let process = Command::new("redis-check-rdb")
            .arg0("redis-server")
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"])
            .current_dir(std::env::temp_dir())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Redis can be run: Debian's package redis-tools");
        let server = Self {
            url: format!("redis://{address}"),
            _process: process,
        };
        eventually("Redis answers", Duration::from_secs(10), || async {
            server.connection().await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        server
    }

    /// Gives it a command and expects it to agree.
    pub async fn command(&self, words: &[&str]) {
        let mut connection = self.connection().await.expect("Redis answers");
        let mut command = redis::Cmd::new();
        command.arg(words);
        let done: redis::RedisResult<redis::Value> = command.query_async(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }

    async fn connection(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(self.url.as_str())?;
        client.get_multiplexed_async_connection().await
    }
}
