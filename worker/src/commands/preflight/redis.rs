//! Preflight of Redis: reachable with the URL's credentials, and new enough.

use std::time::Duration;

use companion_crds::report::RedisReport;
use redis::{AsyncConnectionConfig, Client, ErrorKind, InfoDict};
use secrecy::{ExposeSecret, SecretString};

use super::at_least;
use crate::config::Secrets;

/// The oldest line that still gets security fixes.
const OLDEST: (u32, u32) = (6, 2);

/// Where the URL comes from: the variable, and the setting behind it.
const SETTING: &str = "COMPANION_REDIS_URL (redis.external.urlSecretRef)";

const ANSWER: Duration = Duration::from_secs(3);

/// Looks at the server.
pub async fn check(secrets: &Secrets) -> Result<RedisReport, String> {
    let url = secrets.redis_url().map_err(|error| error.to_string())?;
    check_one(url, SETTING).await
}

/// Looks at the server that `url` leads to, which comes from `setting`.
pub async fn check_one(url: &SecretString, setting: &str) -> Result<RedisReport, String> {
    let client = Client::open(url.expose_secret())
        .map_err(|_| format!("{setting}: not a Redis URL: write redis://[user:password@]host:port[/database]"))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(ANSWER));
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .map_err(|error| problem(&error, setting))?;
    let info: InfoDict = redis::cmd("INFO")
        .arg("server")
        .query_async(&mut connection)
        .await
        .map_err(|error| problem(&error, setting))?;
    let version: String = info
        .get("redis_version")
        .ok_or_else(|| format!("{setting}: the server does not tell its version"))?;
    if !at_least(&version, OLDEST) {
        return Err(format!(
            "the Redis server has version {version}, 6.2 or newer is needed: upgrade it"
        ));
    }
    Ok(RedisReport { version })
}

fn problem(error: &redis::RedisError, setting: &str) -> String {
    let refused = error.kind() == ErrorKind::AuthenticationFailed
        || matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"));
    if refused {
        return format!("{setting}: the server refuses the user and password of the URL: {error}");
    }
    format!("{setting}: failed to connect: {error}")
}
