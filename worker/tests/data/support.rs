//! A database of a test's own, owned by one role and used by another that may change no schema.

use std::future::Future;
use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use companion_worker::commands::migrate::{self, Phase};
use companion_worker::identity::UserId;
use companion_worker::llm::Usage;
use companion_worker::memory::{Embedder, Memories};
use companion_worker::store::{NewTurn, Perceived, Spent, Store};
use secrecy::SecretString;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use uuid::Uuid;

/// A configuration file for commands of the program itself.
pub const CONFIG: &str = "
environment: Development
tenant: tests
database: { poolSize: 8, maxWorkers: 2 }
llm:
  providers: [{ name: demo, simulated: {} }]
  routes: { normal: { provider: demo, model: demo-1 } }
auth: { jwt: { issuer: https://id.example, audience: companion } }
";

/// A database, its owner and its worker's role.
pub struct Database {
    pub name: String,
    pub admin: PgConnectOptions,
    pub owner: PgConnectOptions,
    pub worker: PgConnectOptions,
}

pub fn test_server() -> PgConnectOptions {
    let url = std::env::var("COMPANION_TEST_DATABASE_URL")
        .expect("COMPANION_TEST_DATABASE_URL must lead to a PostgreSQL with pgvector as a superuser: run make test");
    PgConnectOptions::from_str(&url).expect("COMPANION_TEST_DATABASE_URL: not a PostgreSQL URL")
}

impl Database {
    /// An empty database.
    pub async fn empty() -> Self {
        let server = test_server();
        let name = format!("t_{}", Uuid::new_v4().simple());
        let (owner, worker) = (format!("{name}_owner"), format!("{name}_worker"));
        let mut connection = server
            .connect()
            .await
            .expect("COMPANION_TEST_DATABASE_URL: no connection");
        for statement in [
            format!("CREATE ROLE {owner} LOGIN PASSWORD 'pw'"),
            format!("CREATE ROLE {worker} LOGIN PASSWORD 'pw'"),
            format!("CREATE DATABASE {name} OWNER {owner}"),
        ] {
            run(&mut connection, &statement).await;
        }
        connection.close().await.unwrap();
        let admin = server.database(&name);
        // A superuser installs the extension, as on most servers: an owner need not be allowed to.
        let mut connection = admin.connect().await.unwrap();
        run(&mut connection, "CREATE EXTENSION vector").await;
        connection.close().await.unwrap();
        Self {
            owner: admin.clone().username(&owner).password("pw"),
            worker: admin.clone().username(&worker).password("pw"),
            admin,
            name,
        }
    }

    /// A database with the schema.
    pub async fn migrated() -> Self {
        let database = Self::empty().await;
        database.migrate(Phase::Expand).await.unwrap();
        database
    }

    pub async fn migrate(&self, phase: Phase) -> Result<i64, migrate::MigrateError> {
        migrate::apply(self.owner.clone(), self.worker.get_username(), phase).await
    }

    /// The worker's store, as its own role.
    pub fn store(&self) -> Store {
        Store::connect_lazy(&url(&self.worker), 8, false).unwrap()
    }

    pub async fn as_owner(&self) -> PgConnection {
        self.owner.connect().await.unwrap()
    }

    pub async fn as_worker(&self) -> PgConnection {
        self.worker.connect().await.unwrap()
    }

    pub async fn count(&self, sql: &str) -> i64 {
        let mut connection = self.as_owner().await;
        sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
            .fetch_one(&mut connection)
            .await
            .unwrap()
    }

    /// Drops the database and its roles.
    pub async fn drop(self) {
        let mut connection = test_server().connect().await.unwrap();
        for statement in [
            format!("DROP DATABASE {} WITH (FORCE)", self.name),
            format!("DROP ROLE {}", self.owner.get_username()),
            format!("DROP ROLE {}", self.worker.get_username()),
        ] {
            run(&mut connection, &statement).await;
        }
    }
}

/// The URL of options made here, whose password is `pw`.
pub fn url(options: &PgConnectOptions) -> SecretString {
    let (user, host, port) = (options.get_username(), options.get_host(), options.get_port());
    format!("postgres://{user}:pw@{host}:{port}/{}", options.get_database().unwrap()).into()
}

pub async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// One model for all tests of this program.
pub fn embedder() -> Embedder {
    static EMBEDDER: OnceLock<Embedder> = OnceLock::new();
    let load = || {
        let path = std::env::var("COMPANION_MODEL_DIR")
            .expect("COMPANION_MODEL_DIR must name the folder of all-MiniLM-L6-v2: run make test");
        Embedder::load(Path::new(&path), 1).unwrap()
    };
    EMBEDDER.get_or_init(load).clone()
}

pub fn memories(store: &Store) -> Memories {
    Memories::new(store.clone(), embedder())
}

pub fn user(name: &str) -> UserId {
    UserId::derive("tests", "https://id.example", name)
}

pub fn turn(user: UserId, conversation: Uuid, text: &str) -> NewTurn {
    NewTurn {
        user,
        turn_id: Uuid::now_v7(),
        epoch: None,
        conversation,
        idempotency_key: None,
        request_hash: [1; 32],
        thread: None,
        user_text: text.into(),
        reply_text: format!("You said: {text}"),
        partial: false,
        finish: "stop".into(),
        spent: Spent {
            route: "normal".into(),
            provider: "demo".into(),
            model: "demo-1".into(),
            usage: Usage {
                prompt: 10,
                completion: 5,
                cached: 2,
            },
            cost: 7,
        },
        recalled: Vec::new(),
        perceived: Perceived::default(),
    }
}

/// Waits until `done` says so, or fails with `what` after 20 s.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut done: impl FnMut() -> F) {
    let begin = Instant::now();
    while !done().await {
        assert!(begin.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
