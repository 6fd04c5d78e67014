//! A PostgreSQL database per test, with the two roles of production: one that owns the schema, one that only works in
//! it. Both are made by the superuser of the shared server; what a test breaks from outside, it breaks through that one.

use reqwest::Url;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A database of its own.
pub struct TestDatabase {
    /// Its name; roles are called `<name>_owner` and `<name>_worker`.
    pub name: String,
    /// URL of the role that owns the schema.
    pub owner_url: String,
    /// URL of the role that may not change it.
    pub worker_url: String,
    superuser: PgPool,
}

impl TestDatabase {
    /// Makes the database, both roles and the vector extension.
    pub async fn create() -> Self {
        crate::install_tls();
        let server = crate::environment::required("COMPANION_TEST_DATABASE_URL");
        let name = crate::unique("t").replace('-', "_");
        let mut connection = PgConnection::connect(&server)
            .await
            .unwrap_or_else(|error| panic!("COMPANION_TEST_DATABASE_URL: {error}"));
        for statement in [
            format!("CREATE ROLE {name}_owner LOGIN PASSWORD '{name}'"),
            format!("CREATE ROLE {name}_worker LOGIN PASSWORD '{name}'"),
            format!("CREATE DATABASE {name} OWNER {name}_owner"),
        ] {
            sqlx::raw_sql(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .expect("the superuser may do this");
        }
        let superuser = PgPoolOptions::new()
            .max_connections(1)
            .connect(&url(&server, &name, None))
            .await
            .expect("the new database can be reached");
        let database = Self {
            owner_url: url(&server, &name, Some("owner")),
            worker_url: url(&server, &name, Some("worker")),
            name,
            superuser,
        };
        database.execute("CREATE EXTENSION vector").await;
        database
    }

    /// URL of the role that may not change the schema, at another `address` (`host:port`): a pooler, or a replica.
    pub fn worker_url_at(&self, address: &str) -> String {
        let mut url = Url::parse(&self.worker_url).expect("the database's URL is one");
        let (host, port) = address.rsplit_once(':').expect("host and port");
        url.set_host(Some(host)).expect("a host can be set");
        url.set_port(port.parse().ok()).expect("a port can be set");
        url.into()
    }

    /// Runs statements as the superuser.
    pub async fn execute(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
            .execute(&self.superuser)
            .await
            .unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    /// The one text that a query gives to the superuser. Other types are cast in the query.
    pub async fn ask(&self, query: &str) -> String {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_one(&self.superuser)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    /// The first column of each row that a query gives to the superuser, as text.
    pub async fn list(&self, query: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
            .fetch_all(&self.superuser)
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }
}

/// `server` with another database and, where a role is named, that role and its password.
fn url(server: &str, database: &str, role: Option<&str>) -> String {
    let mut url = Url::parse(server).expect("COMPANION_TEST_DATABASE_URL is a URL");
    url.set_path(database);
    if let Some(role) = role {
        url.set_username(&format!("{database}_{role}"))
            .expect("the URL can have a user");
        url.set_password(Some(database)).expect("the URL can have a password");
    }
    url.into()
}
