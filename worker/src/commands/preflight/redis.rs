//! Preflight of Redis: reachable with the URL's credentials, and new enough.

use std::time::Duration;

use companion_crds::redis::RedisMode;
use companion_crds::report::RedisReport;
use redis::ErrorKind;
use secrecy::{ExposeSecret, SecretString};

use super::at_least;
use crate::config::Settings;
use crate::link::Server;

/// The oldest line that still gets security fixes.
const OLDEST: (u32, u32) = (6, 2);

/// Where the URL comes from: the variable, and the setting behind it.
const SETTING: &str = "COMPANION_REDIS_URL (redis.external.urlSecretRef)";

const ANSWER: Duration = Duration::from_secs(3);

/// Looks at the server, or at each primary of a cluster.
pub async fn check(settings: &Settings) -> Result<RedisReport, String> {
    let url = settings.secrets.redis_url().map_err(|error| error.to_string())?;
    check_one(url, settings.config.redis.mode, SETTING).await
}

/// Looks at what `url`, which comes from `setting`, leads to.
pub async fn check_one(url: &SecretString, mode: RedisMode, setting: &str) -> Result<RedisReport, String> {
    let server = Server::new(url.expose_secret(), mode).map_err(|problem| format!("{setting}: {problem}"))?;
    let failed = |error| problem(&error, setting);
    let mut connection = server.connect(ANSWER).await.map_err(failed)?;
    let servers = connection.info("server").await.map_err(failed)?;
    let versions: Vec<&str> = servers.iter().filter_map(|info| version(info)).collect();
    let too_old = versions.iter().find(|version| !at_least(version, OLDEST));
    if let Some(version) = too_old {
        return Err(format!(
            "the Redis server has version {version}, 6.2 or newer is needed: upgrade it"
        ));
    }
    let version = versions
        .first()
        .ok_or_else(|| format!("{setting}: the server does not tell its version"))?;
    let version = (*version).to_owned();
    Ok(RedisReport { version })
}

fn version(info: &str) -> Option<&str> {
    info.lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .map(str::trim)
}

fn problem(error: &redis::RedisError, setting: &str) -> String {
    let refused = error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
    if refused {
        return format!("{setting}: the server refuses the user and password of the URL: {error}");
    }
    format!("{setting}: failed to connect: {error}")
}
