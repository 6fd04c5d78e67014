//! What preflight and migrate Jobs leave in their container's termination message, as JSON of less than 4 kB.

use serde::{Deserialize, Serialize};

/// Where Kubernetes reads a container's termination message.
pub const TERMINATION_LOG: &str = "/dev/termination-log";

/// Longest termination message that Kubernetes keeps, in bytes.
pub const MAX_BYTES: usize = 4096;

/// What preflight found. Each part is `Err` with a sentence that says what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreflightReport {
    /// The database server.
    pub database: Outcome<DatabaseReport>,
    /// The Redis server.
    pub redis: Outcome<RedisReport>,
}

/// A part that was found well, or the reason why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome<T> {
    /// As found.
    Ok(T),
    /// What is wrong, and what to do.
    Failed(String),
}

/// What preflight found of the database server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseReport {
    /// Version of the server.
    pub version: String,
    /// Version of the pgvector extension that is installed or would be.
    pub pgvector: String,
    /// The smallest of `max_connections` less every reserved slot, the role's limit and the database's limit.
    pub connections: u32,
}

/// What preflight found of the Redis server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RedisReport {
    /// Version of the server.
    pub version: String,
}

/// How a migration ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MigrateReport {
    /// The version the schema has now.
    Migrated(i64),
    /// The last lines of the cause.
    Failed(String),
}
