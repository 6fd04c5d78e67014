//! A Redis of a test's own, for what must not be done to the shared one: made a replica, filled up, paused, emptied, killed.
//! Debian's `redis-tools` has the server under the name of one of its tools.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::process::{Child, Command};

use crate::process::free_port;
use crate::{eventually, unique};

/// A Redis server, which ends with the test.
pub struct RedisServer {
    /// How it is reached.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    folder: PathBuf,
    process: Child,
}

impl RedisServer {
    /// An empty server that keeps nothing on disk.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same, with further `settings`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let plain = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"];
        Self::launch(free_port(), &[&plain, settings].concat()).await
    }

    /// A sentinel that watches `primary` under the name `companion`, believes itself, and looks every moment.
    pub async fn start_sentinel(primary: &Self) -> Self {
        let address = free_port();
        let folder = std::env::temp_dir().join(unique("companion-sentinel"));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let file = folder.join("sentinel.conf");
        let settings = format!(
            "sentinel monitor companion {} {} 1\nsentinel down-after-milliseconds companion 1000\n\
             sentinel failover-timeout companion 3000\n",
            primary.address.ip(),
            primary.address.port(),
        );
        std::fs::write(&file, settings).expect("a file can be written");
        Self::launch(address, &[&file.to_string_lossy(), "--sentinel"]).await
    }

    async fn launch(address: SocketAddr, arguments: &[&str]) -> Self {
        let folder = std::env::temp_dir().join(unique("companion-redis"));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let process = Command::new("redis-check-rdb")
            .arg0("redis-server")
            .args(arguments)
            .args(["--port", &address.port().to_string(), "--bind", "127.0.0.1"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("Redis can be run: Debian's package redis-tools");
        let server = Self {
            url: format!("redis://{address}"),
            address,
            folder,
            process,
        };
        eventually("Redis answers", Duration::from_secs(10), || async {
            server.connection().await.map(drop).map_err(|error| error.to_string())
        })
        .await;
        server
    }

    /// Gives it a command and expects it to agree.
    pub async fn command(&self, words: &[&str]) {
        let _: redis::Value = self.ask(words).await;
    }

    /// What it answers to a command.
    pub async fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let done = self.try_ask(words).await;
        done.unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    /// The same of one that may be changing its role, which ends connections.
    pub async fn try_ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let mut connection = self.connection().await?;
        let mut command = redis::Cmd::new();
        command.arg(words);
        command.query_async(&mut connection).await
    }

    /// Kills it, as a node that fails does.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("Redis still ran");
    }

    async fn connection(&self) -> redis::RedisResult<MultiplexedConnection> {
        let client = redis::Client::open(self.url.as_str())?;
        client.get_multiplexed_async_connection().await
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
