//! Preflight of PostgreSQL: both URLs lead to it, it is new enough, it has pgvector, and how many connections it has to give.

use std::str::FromStr;
use std::time::Duration;

use companion_crds::report::DatabaseReport;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::at_least;
use crate::config::Settings;

/// Older releases get no fixes from PostgreSQL any more.
pub const OLDEST_SERVER: i32 = 14;

/// The first pgvector with `halfvec`, which vectors are stored as.
pub const OLDEST_PGVECTOR: (u32, u32) = (0, 7);

/// Where the URLs come from: the variable, and the setting behind it.
const DIRECT: &str = "COMPANION_DATABASE_DIRECT_URL (database.external.directUrlSecretRef)";
const WORKERS: &str = "COMPANION_DATABASE_URL (database.external.urlSecretRef)";

/// The smallest of what the server, the role and the database allow. `reserved_connections` exists since PostgreSQL 16. A
/// role that only a pooler knows has no limit here.
const CONNECTIONS: &str = "
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = $1),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()))";

const PGVECTOR: &str = "
SELECT coalesce((SELECT extversion FROM pg_extension WHERE extname = 'vector'),
                (SELECT default_version FROM pg_available_extensions WHERE name = 'vector'))";

/// A pooler that lets a statement wait for so long has no second connection to the server.
const SECOND_CONNECTION: Duration = Duration::from_secs(1);

/// Looks at the server through both URLs.
pub async fn check(settings: &Settings) -> Result<DatabaseReport, String> {
    let secrets = &settings.secrets;
    let direct = options(
        secrets.database_direct_url().map_err(|error| error.to_string())?,
        DIRECT,
    )?;
    // A pooler refuses this session setting, which sqlx sends otherwise.
    let workers =
        options(secrets.database_url().map_err(|error| error.to_string())?, WORKERS)?.extra_float_digits(None);

    let mut connection = connect(&workers, WORKERS).await?;
    connection
        .ping()
        .await
        .map_err(|error| format!("{WORKERS}: connected, but it does not answer: {error}"))?;
    if settings.config.database.pooled {
        keeps_statements(&mut connection, &workers).await?;
    }
    drop(connection.close().await);

    check_one(&direct, DIRECT, workers.get_username()).await
}

/// Looks at the server that `options` lead to, which come from `setting`, for workers of the role `worker`.
pub async fn check_one(options: &PgConnectOptions, setting: &str, worker: &str) -> Result<DatabaseReport, String> {
    let mut connection = connect(options, setting).await?;
    let report = look(&mut connection, setting, worker).await;
    drop(connection.close().await);
    report
}

/// Whether a statement that was prepared on one connection of the pooler can be run on the next: workers prepare theirs once.
async fn keeps_statements(one: &mut PgConnection, workers: &PgConnectOptions) -> Result<(), String> {
    let lost = |error: sqlx::Error| {
        format!(
            "{WORKERS}: a prepared statement does not outlive its transaction ({error}): use PgBouncer 1.21 or newer with max_prepared_statements above 0"
        )
    };
    // Both clients' first statement has the same name, and most likely the same connection to the server.
    prepared(one, "SELECT 1").await.map_err(lost)?;
    let mut other = connect(workers, WORKERS).await?;
    let mut held = other.begin().await.map_err(lost)?;
    prepared(&mut held, "SELECT 2").await.map_err(lost)?;
    // The other client holds that connection now.
    let answer = tokio::time::timeout(SECOND_CONNECTION, prepared(one, "SELECT 1")).await;
    drop(held.rollback().await);
    drop(other.close().await);
    answer.unwrap_or(Ok(())).map_err(lost)
}

async fn prepared(connection: &mut PgConnection, statement: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(statement).execute(connection).await.map(drop)
}

async fn look(connection: &mut PgConnection, setting: &str, worker: &str) -> Result<DatabaseReport, String> {
    let failed = |error: sqlx::Error| format!("{setting}: failed to look at the server: {error}");
    let version: String = sqlx::query_scalar("SHOW server_version")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let number: i32 = sqlx::query_scalar("SELECT current_setting('server_version_num')::int")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if number / 10_000 < OLDEST_SERVER {
        return Err(format!(
            "the database server is PostgreSQL {version}, {OLDEST_SERVER} or newer is needed (older ones get no fixes any more): upgrade it"
        ));
    }
    let read_only: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()")
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if read_only {
        return Err(format!(
            "{setting}: leads to a read-only standby: give the URL of the primary"
        ));
    }
    let pgvector: Option<String> = sqlx::query_scalar(PGVECTOR)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let pgvector = pgvector.ok_or("the database server has no pgvector: install version 0.7 or newer on it")?;
    if !at_least(&pgvector, OLDEST_PGVECTOR) {
        return Err(format!(
            "the database has pgvector {pgvector}, 0.7 or newer is needed (halfvec): upgrade it, then run ALTER EXTENSION vector UPDATE"
        ));
    }
    let connections: i32 = sqlx::query_scalar(CONNECTIONS)
        .bind(worker)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    Ok(DatabaseReport {
        version: version.split_whitespace().next().unwrap_or_default().to_owned(),
        pgvector,
        connections: connections.max(0) as u32,
    })
}

/// What `url`, which comes from `setting`, says.
pub fn options(url: &SecretString, setting: &str) -> Result<PgConnectOptions, String> {
    let url = url.expose_secret();
    // sqlx takes any scheme for its own.
    let ours = url.starts_with("postgres://") || url.starts_with("postgresql://");
    let options = PgConnectOptions::from_str(url).ok().filter(|_| ours);
    options
        .map(|options| options.application_name("companion-preflight"))
        .ok_or_else(|| format!("{setting}: not a PostgreSQL URL: write postgres://user:password@host:port/database"))
}

async fn connect(options: &PgConnectOptions, setting: &str) -> Result<PgConnection, String> {
    options.connect().await.map_err(|error| {
        format!(
            "{setting}: failed to connect to {}:{}: {error}",
            options.get_host(),
            options.get_port()
        )
    })
}
