//! The PostgreSQL of `dev`: one that is named by its URL, or one of its own. That one listens on a socket in a folder of its
//! user's alone, so it needs no password and no port; its roles are those of production, one that owns the schema and one
//! that only works in it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use reqwest::Url;
use rustix::process::Signal;
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use tokio::time::{sleep, timeout};

use super::folder::{Account, Folder};
use super::pieces::{self, Installation};
use super::server::{Server, run, run_as};
use crate::commands::preflight;

/// Longest making of a cluster.
const INITDB: Duration = Duration::from_secs(120);
/// Longest start: after a crash it reads what it had written.
const START: Duration = Duration::from_secs(120);
/// Longest end of one that an earlier `dev` left behind.
const LEFT: Duration = Duration::from_secs(40);
/// Longest statement of ours.
const STATEMENT: Duration = Duration::from_secs(30);
/// Pause between two tries to connect.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Longest path of a socket.
const SOCKET: usize = 107;

const OPTION: &str = "--database-url";
const OWNER: &str = "companion_owner";
const WORKER: &str = "companion_worker";
const DATABASE: &str = "companion";

/// Where the database comes from.
pub enum Source {
    /// It runs.
    Given(SecretString),
    /// We run it.
    Ours(Ours),
}

/// One of our own.
pub struct Ours {
    installation: Installation,
    folder: PathBuf,
    log: PathBuf,
    account: Option<Account>,
}

/// The database as each role reaches it.
pub struct Database {
    /// Who owns the schema.
    pub owner: Role,
    /// Who works in it.
    pub worker: Role,
}

/// A way to the database.
#[derive(Clone)]
pub struct Role {
    /// Its URL.
    pub url: SecretString,
}

impl Role {
    /// The URL's meaning.
    ///
    /// # Errors
    /// It is none.
    pub fn options(&self) -> anyhow::Result<PgConnectOptions> {
        preflight::database::options(&self.url, OPTION).map_err(|problem| anyhow!(problem))
    }

    /// The role's name.
    ///
    /// # Errors
    /// The URL is none.
    pub fn user(&self) -> anyhow::Result<String> {
        Ok(self.options()?.get_username().to_owned())
    }
}

/// The server at `url`, else one of our own in `folder`.
///
/// # Errors
/// The URL is none, or something that we need is missing here.
pub fn source(url: Option<&SecretString>, folder: &Folder) -> anyhow::Result<Source> {
    if let Some(url) = url {
        preflight::database::options(url, OPTION).map_err(|problem| anyhow!(problem))?;
        return Ok(Source::Given(url.clone()));
    }
    let within = folder.path().join("postgres");
    let socket = within.join(".s.PGSQL.5432");
    if socket.as_os_str().len() > SOCKET {
        return Err(anyhow!(
            "--data-dir: the path of the socket {} has {} bytes, at most {SOCKET} are possible: take a shorter one",
            socket.display(),
            socket.as_os_str().len()
        ));
    }
    let made_by = std::fs::read_to_string(within.join("cluster/PG_VERSION"))
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let installation = pieces::postgres(made_by)?;
    let account = folder.account()?;
    Ok(Source::Ours(Ours {
        installation,
        folder: folder.within("postgres", account)?,
        log: folder.path().join("postgres.log"),
        account,
    }))
}

impl Source {
    /// The database, and what it is in words, once it runs and can be used.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn ready(&self, servers: &mut Vec<Server>) -> anyhow::Result<(Database, String)> {
        let (database, setting, place) = match self {
            Self::Given(url) => {
                let role = Role { url: url.clone() };
                let database = Database {
                    owner: role.clone(),
                    worker: role,
                };
                (database, OPTION, "the one of --database-url")
            }
            Self::Ours(ours) => (ours.start(servers).await?, "PostgreSQL", "started here"),
        };
        let (owner, worker) = (database.owner.options()?, database.worker.user()?);
        let found = preflight::within(preflight::database::check_one(&owner, setting, &worker)).await;
        let found = found.map_err(|problem| anyhow!(problem))?;
        let words = format!("{} with pgvector {}, {place}", found.version, found.pgvector);
        Ok((database, words))
    }
}

impl Ours {
    async fn start(&self, servers: &mut Vec<Server>) -> anyhow::Result<Database> {
        if self.cluster().is_dir() {
            self.end_what_was_left().await;
        } else {
            self.make_cluster().await?;
        }
        let server = Server::start(
            "PostgreSQL",
            &self.program("postgres"),
            Signal::INT,
            self.log.clone(),
            |command| {
                command
                    .arg("-D")
                    .arg(self.cluster())
                    .args(["-p", "5432", "-h", "", "-k"])
                    .arg(&self.folder);
                command.args(["-c", "max_connections=40"]).current_dir(&self.folder);
                run_as(command, self.account);
            },
        )?;
        // Whatever comes of it, also while it is waited for, it runs from now on and must be ended.
        servers.push(server);
        let server = servers.last_mut().context("PostgreSQL was started")?;
        let mut connection = self.until_it_answers(server).await?;
        timeout(STATEMENT, self.make_database(&mut connection))
            .await
            .unwrap_or_else(|_| Err(anyhow!("PostgreSQL does not answer within {STATEMENT:?}")))
            .context("failed to make the database")?;
        Ok(Database {
            owner: self.role(OWNER)?,
            worker: self.role(WORKER)?,
        })
    }

    /// Beside its place, and moved there once it is whole: a crash half-way leaves nothing that looks finished.
    async fn make_cluster(&self) -> anyhow::Result<()> {
        let new = self.folder.join("cluster.new");
        if new.exists() {
            std::fs::remove_dir_all(&new).with_context(|| format!("failed to remove {}", new.display()))?;
        }
        let data = format!("--pgdata={}", new.display());
        let arguments = [
            data.as_str(),
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ];
        let made = run(&self.program("initdb"), &arguments, &self.folder, self.account, INITDB).await;
        made.with_context(|| match self.account {
            Some(_) => format!(
                "failed to make a cluster in {}, as the user postgres, who must be able to get there",
                self.folder.display()
            ),
            None => format!("failed to make a cluster in {}", self.folder.display()),
        })?;
        std::fs::rename(&new, self.cluster()).context("failed to move the cluster to its place")
    }

    /// A `dev` that was killed may have left its server, which ends but takes its time.
    async fn end_what_was_left(&self) {
        if !self.cluster().join("postmaster.pid").exists() {
            return;
        }
        let data = format!("--pgdata={}", self.cluster().display());
        let stop = ["stop", data.as_str(), "--mode=fast", "--wait", "--timeout=30"];
        // It fails where none runs any more, which is what we want; one that stays is told of by the next start.
        drop(run(&self.program("pg_ctl"), &stop, &self.folder, self.account, LEFT).await);
    }

    async fn until_it_answers(&self, server: &mut Server) -> anyhow::Result<PgConnection> {
        let options = self.superuser()?;
        let begin = Instant::now();
        loop {
            server.check()?;
            let error = match timeout(STATEMENT, options.connect()).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no answer".into(),
            };
            if begin.elapsed() > START {
                return Err(anyhow!(
                    "PostgreSQL does not answer within {START:?}: {error}; see {}",
                    self.log.display()
                ));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Roles, database and extension, each where it is missing.
    async fn make_database(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let role = "SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)";
        let database = "SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = $1)";
        for (missing, name, statement) in [
            (role, OWNER, "CREATE ROLE companion_owner LOGIN"),
            (role, WORKER, "CREATE ROLE companion_worker LOGIN"),
            (database, DATABASE, "CREATE DATABASE companion OWNER companion_owner"),
        ] {
            if sqlx::query_scalar(missing)
                .bind(name)
                .fetch_one(&mut *connection)
                .await?
            {
                sqlx::query(statement).execute(&mut *connection).await?;
            }
        }
        let mut within = self.superuser()?.database(DATABASE).connect().await?;
        sqlx::query("CREATE EXTENSION IF NOT EXISTS vector")
            .execute(&mut within)
            .await?;
        Ok(within.close().await?)
    }

    fn superuser(&self) -> anyhow::Result<PgConnectOptions> {
        Ok(self.role("postgres")?.options()?.database("postgres"))
    }

    /// Every part is said, since what is not would come from variables such as PGPORT.
    fn role(&self, user: &str) -> anyhow::Result<Role> {
        let mut url = Url::parse(&format!("postgres://{user}@localhost:5432/{DATABASE}"))?;
        url.query_pairs_mut()
            .append_pair("host", &self.folder.to_string_lossy())
            .append_pair("sslmode", "disable");
        Ok(Role {
            url: url.to_string().into(),
        })
    }

    fn cluster(&self) -> PathBuf {
        self.folder.join("cluster")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.installation.bin.join(name)
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_folder_with_spaces_is_one_way_to_the_database() {
        let ours = Ours {
            installation: Installation {
                bin: "/bin".into(),
                major: 17,
                pgvector: None,
            },
            folder: "/home/ada lovelace/50%/postgres".into(),
            log: "/log".into(),
            account: None,
        };
        let role = ours.role(OWNER).unwrap();
        let options = role.options().unwrap();
        assert_eq!(
            options.get_socket().unwrap(),
            &ours.folder,
            "{}",
            role.url.expose_secret()
        );
        assert_eq!((options.get_username(), options.get_port()), (OWNER, 5432));
    }
}
