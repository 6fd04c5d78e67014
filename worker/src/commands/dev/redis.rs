//! The Redis of `dev`: one that is named by its URL, or one of its own on a socket in a folder of ours. It writes nothing to
//! disk: Redis may lose everything at any moment without losing a stored message, so there is nothing to keep.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use companion_crds::redis::RedisMode;
use redis::Client;
use reqwest::Url;
use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{sleep, timeout};

use super::folder::Folder;
use super::pieces;
use super::server::Server;
use crate::commands::preflight;
use crate::link;

/// Longest start, and longest end of one that was left behind.
const START: Duration = Duration::from_secs(10);
/// Pause between two tries to connect.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Most memory. What is full refuses writes, as in production: nothing is thrown out silently.
const MEMORY: &str = "256mb";

const OPTION: &str = "--redis-url";
/// How it is run.
const MODE: RedisMode = RedisMode::Standalone;

/// Where Redis comes from.
pub enum Source {
    /// It runs.
    Given(SecretString),
    /// We run it.
    Ours {
        /// The server.
        program: PathBuf,
        /// Its folder.
        folder: PathBuf,
        /// Its log.
        log: PathBuf,
    },
}

/// The server at `url`, else one of our own in `folder`.
///
/// # Errors
/// The URL is none, or there is no server to start.
pub fn source(url: Option<&SecretString>, folder: &Folder) -> anyhow::Result<Source> {
    let Some(url) = url else {
        return Ok(Source::Ours {
            program: pieces::redis()?,
            folder: folder.within("redis", None)?,
            log: folder.path().join("redis.log"),
        });
    };
    link::Server::new(url.expose_secret(), MODE).map_err(|problem| anyhow!("{OPTION}: {problem}"))?;
    Ok(Source::Given(url.clone()))
}

impl Source {
    /// Its URL, and what it is in words, once it runs and can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn ready(&self, servers: &mut Vec<Server>) -> anyhow::Result<(SecretString, String)> {
        let (url, setting, place) = match self {
            Self::Given(url) => (url.clone(), OPTION, "the one of --redis-url"),
            Self::Ours { program, folder, log } => {
                let socket = folder.join("redis.sock");
                let url = socket_url(&socket)?;
                end_what_was_left(&url).await?;
                servers.push(Server::start("Redis", program, Signal::TERM, log.clone(), |command| {
                    command
                        .args(["--port", "0", "--unixsocketperm", "700", "--unixsocket"])
                        .arg(&socket);
                    command.args(["--save", "", "--appendonly", "no", "--maxmemory", MEMORY]);
                    command.args(["--maxmemory-policy", "noeviction", "--dir"]).arg(folder);
                })?);
                let server = servers.last_mut().context("it was pushed")?;
                until_it_answers(&url, server).await?;
                (url, "Redis", "started here, nothing of it on disk")
            }
        };
        let found = preflight::within(preflight::redis::check_one(&url, MODE, setting)).await;
        let found = found.map_err(|problem| anyhow!(problem))?;
        Ok((url, format!("{}, {place}", found.version)))
    }
}

async fn until_it_answers(url: &SecretString, server: &mut Server) -> anyhow::Result<()> {
    let begin = Instant::now();
    while !answers(url).await {
        server.check()?;
        if begin.elapsed() > START {
            return Err(anyhow!("Redis does not answer within {START:?}"));
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

/// One that a killed `dev` left takes the socket with it when it ends: that must be before ours has one of the same name.
async fn end_what_was_left(url: &SecretString) -> anyhow::Result<()> {
    let begin = Instant::now();
    while answers(url).await {
        if begin.elapsed() > START {
            return Err(anyhow!(
                "a Redis of an earlier `dev` does not end: {}",
                url.expose_secret()
            ));
        }
        let client = Client::open(url.expose_secret())?;
        if let Ok(Ok(mut connection)) = timeout(START, client.get_multiplexed_async_connection()).await {
            // It closes the connection instead of answering.
            let mut shutdown = redis::cmd("SHUTDOWN");
            drop(timeout(START, shutdown.arg("NOSAVE").exec_async(&mut connection)).await);
        }
        sleep(LOOK_AGAIN).await;
    }
    Ok(())
}

async fn answers(url: &SecretString) -> bool {
    let Ok(client) = Client::open(url.expose_secret()) else {
        return false;
    };
    matches!(
        timeout(START, client.get_multiplexed_async_connection()).await,
        Ok(Ok(_))
    )
}

fn socket_url(socket: &std::path::Path) -> anyhow::Result<SecretString> {
    let file = Url::from_file_path(socket).map_err(|()| anyhow!("{} is no absolute path", socket.display()))?;
    Ok(format!("unix://{}", file.path()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_reached_whatever_its_folder_is_called() {
        let url = socket_url("/home/ada lovelace/50%/redis.sock".as_ref()).unwrap();
        let client = Client::open(url.expose_secret()).unwrap();
        let place = client.get_connection_info().addr().to_string();
        assert_eq!(place, "/home/ada lovelace/50%/redis.sock");
    }
}
