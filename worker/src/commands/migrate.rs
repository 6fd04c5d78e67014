//! `companion-worker migrate`: brings the schema to what this release needs, as the role that owns it. One migration runs
//! at a time; a second one waits, then finds nothing to do. In: COMPANION_DATABASE_DIRECT_URL, and COMPANION_DATABASE_URL
//! for the worker's role; out: the schema, that role's rights, and a report for the operator.

mod grant;

use std::error::Error;
use std::str::FromStr;
use std::time::{Duration, Instant};

use companion_crds::report::MigrateReport;
use graphile_worker::WorkerUtils;
use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};

use super::termination;
use crate::config::{ConfigError, Settings};

/// Key of the advisory lock, a random number.
const LOCK: i64 = 0x6b1d_52c3_0f4a_97e8;

/// Longest wait for another migration.
const LOCK_WAIT: Duration = Duration::from_secs(120);

/// How often the lock is asked for. Waiting inside PostgreSQL would hold a snapshot, and an index built concurrently by
/// the other migration waits for snapshots: a deadlock.
const LOCK_POLL: Duration = Duration::from_millis(500);

/// Longest wait for the server.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest wait for a table's lock: everything that comes later queues behind the wait.
const TABLE_LOCK: &str = "10s";

/// Longest single statement.
const STATEMENT: &str = "10min";

/// Schema of the job queue.
pub(crate) const QUEUE_SCHEMA: &str = "graphile_worker";

/// Which folder is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Phase {
    /// What the new workers need; the old ones still serve.
    Expand,
    /// What no worker uses any more is dropped.
    Contract,
}

/// Why the schema is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A URL is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A URL cannot be read.
    #[error("{0}: not a PostgreSQL URL: write postgres://user:password@host:port/database")]
    Url(&'static str),
    /// The server does not let us in.
    #[error("failed to connect to the database of COMPANION_DATABASE_DIRECT_URL: {0}")]
    Connect(#[source] sqlx::Error),
    /// Another migration does not end.
    #[error(
        "another migration has held the lock for {LOCK_WAIT:?}: look for a session with an advisory lock in pg_locks"
    )]
    Locked,
    /// pgvector cannot be had.
    #[error("{0}")]
    Extension(String),
    /// The expand phase was never run here.
    #[error("there is no schema to contract: run `companion-worker migrate --phase expand` first")]
    NothingToContract,
    /// A file failed; what it did was rolled back.
    #[error("failed to migrate the schema companion")]
    Apply(#[from] sqlx::migrate::MigrateError),
    /// The job queue's own migrations failed.
    #[error("failed to migrate the schema {QUEUE_SCHEMA} of the job queue: {0}")]
    Queue(String),
    /// The worker's role cannot be given its rights.
    #[error("failed to grant the worker's role {role:?} its rights")]
    Grant {
        /// The user in COMPANION_DATABASE_URL.
        role: String,
        /// What the server says.
        source: sqlx::Error,
    },
    /// Something else failed in the database.
    #[error("failed to {doing}")]
    Database {
        /// What was tried.
        doing: &'static str,
        /// What the server says.
        source: sqlx::Error,
    },
}

/// Applies a phase and leaves a report for the operator.
///
/// # Errors
/// The cause, which is in the report too.
pub async fn run(settings: &Settings, phase: Phase) -> Result<(), MigrateError> {
    let result = migrate(settings, phase).await;
    termination::leave(&match &result {
        Ok(version) => MigrateReport::Migrated(*version),
        Err(error) => MigrateReport::Failed(termination::last_part(&causes(error))),
    });
    result.map(drop)
}

async fn migrate(settings: &Settings, phase: Phase) -> Result<i64, MigrateError> {
    let owner = options(settings.secrets.database_direct_url()?, "COMPANION_DATABASE_DIRECT_URL")?;
    let worker = options(settings.secrets.database_url()?, "COMPANION_DATABASE_URL")?;
    apply(owner, worker.get_username(), phase).await
}

/// Applies a phase as `owner`, then grants the role `worker` its rights. Returns the schema's version.
///
/// # Errors
/// The first thing that failed; the files before it stay applied.
pub async fn apply(owner: PgConnectOptions, worker: &str, phase: Phase) -> Result<i64, MigrateError> {
    let owner = owner.application_name("companion-migrate").options([
        ("lock_timeout", TABLE_LOCK),
        ("statement_timeout", STATEMENT),
        ("client_min_messages", "warning"),
    ]);
    let mut connection = tokio::time::timeout(CONNECT, owner.connect())
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
        .map_err(MigrateError::Connect)?;
    lock(&mut connection).await?;
    match phase {
        Phase::Expand => {
            create_extension(&mut connection).await?;
            let files = numbered(sqlx::migrate!("./migrations/expand"), "companion.migrations_expand");
            files.run_direct(None, &mut connection, false).await?;
            queue(owner).await?;
        }
        Phase::Contract => {
            let schema: Option<String> = sqlx::query_scalar("SELECT to_regclass('companion.schema_state')::text")
                .fetch_one(&mut connection)
                .await
                .map_err(database("look for the schema"))?;
            schema.ok_or(MigrateError::NothingToContract)?;
            let files = numbered(sqlx::migrate!("./migrations/contract"), "companion.migrations_contract");
            files.run_direct(None, &mut connection, false).await?;
        }
    }
    grant::to_worker(&mut connection, worker).await?;
    let version: i32 = sqlx::query_scalar("SELECT version FROM companion.schema_state")
        .fetch_one(&mut connection)
        .await
        .map_err(database("read the schema's version"))?;
    // Closing releases the lock.
    connection.close().await.map_err(database("close the connection"))?;
    Ok(version.into())
}

/// Our lock is held already; a file that an older release does not know is no reason to fail when that one returns.
fn numbered(mut files: Migrator, table: &'static str) -> Migrator {
    files.create_schema("companion");
    files.dangerous_set_table_name(table);
    files.set_locking(false);
    files.set_ignore_missing(true);
    files
}

async fn lock(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let begin = Instant::now();
    loop {
        let locked: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(LOCK)
            .fetch_one(&mut *connection)
            .await
            .map_err(database("ask for the migration lock"))?;
        if locked {
            return Ok(());
        }
        if begin.elapsed() > LOCK_WAIT {
            return Err(MigrateError::Locked);
        }
        tokio::time::sleep(LOCK_POLL).await;
    }
}

async fn create_extension(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let installed: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'vector')")
        .fetch_one(&mut *connection)
        .await
        .map_err(database("look for the extension vector"))?;
    if installed {
        return Ok(());
    }
    let created = sqlx::query("CREATE EXTENSION vector").execute(&mut *connection).await;
    created.map(drop).map_err(|error| {
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .unwrap_or_default()
            .into_owned();
        MigrateError::Extension(match code.as_str() {
            "42501" => "the role of COMPANION_DATABASE_DIRECT_URL may not create the extension vector: \
                        let a superuser run CREATE EXTENSION vector in this database"
                .into(),
            "0A000" | "58P01" => "the database server has no pgvector: install version 0.7 or newer on it".into(),
            _ => format!("failed to create the extension vector: {error}"),
        })
    })
}

/// The job queue's tables, by its own migrations.
async fn queue(owner: PgConnectOptions) -> Result<(), MigrateError> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT)
        .connect_lazy_with(owner);
    let migrated = WorkerUtils::new(pool.clone(), QUEUE_SCHEMA).migrate().await;
    pool.close().await;
    migrated.map_err(|error| MigrateError::Queue(error.to_string()))
}

fn options(url: &SecretString, variable: &'static str) -> Result<PgConnectOptions, MigrateError> {
    PgConnectOptions::from_str(url.expose_secret()).map_err(|_| MigrateError::Url(variable))
}

fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> MigrateError {
    move |source| MigrateError::Database { doing, source }
}

/// The error and what is behind it, one per line.
fn causes(error: &dyn Error) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let line = without_source_line(&cause.to_string()).to_owned();
        if !lines.iter().any(|known| known.contains(&line)) {
            lines.push(line);
        }
        next = cause.source();
    }
    lines.join("\n")
}

/// sqlx ends a database's error with the line of the server's C source that raised it, which reads like a line of ours.
fn without_source_line(text: &str) -> &str {
    match text.rsplit_once(" at line ") {
        Some((text, line)) if line.bytes().all(|byte| byte.is_ascii_digit()) => text,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once_and_without_the_servers_own_line() {
        let server = sqlx::Error::Protocol("relation \"users\" already exists at line 1204".into());
        let error = MigrateError::Apply(sqlx::migrate::MigrateError::ExecuteMigration(server, 1));
        let lines: Vec<String> = causes(&error).lines().map(str::to_owned).collect();
        assert_eq!(lines[0], "failed to migrate the schema companion");
        assert!(lines[1].ends_with("relation \"users\" already exists"), "{lines:?}");
        assert_eq!(lines.len(), 2, "{lines:?}");
    }
}
