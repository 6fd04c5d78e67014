//! Where long-term memory lives, and how many connections to it may be used.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::SecretKeyRef;

/// The PostgreSQL server with the pgvector extension, and the connections that this deployment may hold on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.external), has(self.managed)].filter(set, set).size() == 1")
        .message("set exactly one of database.external and database.managed"),
    validation = Rule::new("!has(self.external) || !self.external.pooled || has(self.maxConnections)")
        .message("database.maxConnections is required when database.external.pooled is true: a pooler hides the server's limit"),
    validation = Rule::new("!has(self.maxConnections) || self.maxConnections > self.reservedConnections")
        .message("database.maxConnections must be greater than database.reservedConnections"),
)]
pub struct Database {
    /// A server that exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalDatabase>,
    /// One instance run by the operator, for evaluation: no replica, no backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedDatabase>,
    /// Connections left to others on the same server.
    #[serde(default = "default_reserved")]
    #[schemars(range(min = 0, max = 100_000))]
    pub reserved_connections: u32,
    /// This deployment's share of the server's connections. Default: what preflight reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_connections: Option<u32>,
    /// Connections of one worker: `Auto`, or a number that is checked against the budget.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == 'Auto' || (self.matches('^[0-9]+$') && int(self) >= 4 && int(self) <= 1000)")
        .message("database.poolSize must be Auto or a number from 4 to 1000, in quotes"))]
    pub pool_size: PoolSize,
}

fn default_reserved() -> u32 {
    10
}

/// A PostgreSQL server that exists already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalDatabase {
    /// `postgres://user:password@host:port/database` for the workers; its role needs no right to change the schema.
    pub url_secret_ref: SecretKeyRef,
    /// The same for preflight and migrations, with a role that owns the schema. Default: `urlSecretRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct_url_secret_ref: Option<SecretKeyRef>,
    /// The workers' URL leads through PgBouncer in transaction mode.
    #[serde(default)]
    pub pooled: bool,
    /// Streaming replicas, from which lists, searches and exports are read. Each worker holds as many connections to each of
    /// them as to the primary, which a streaming replica always allows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5))]
    pub replicas: Vec<ReadReplica>,
}

/// A streaming replica.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReadReplica {
    /// `postgres://user:password@host:port/database` for the workers; pooled if the primary's is.
    pub url_secret_ref: SecretKeyRef,
}

/// One PostgreSQL instance run by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedDatabase {
    /// Size of its volume.
    #[serde(default = "default_storage")]
    #[schemars(schema_with = "crate::text::quantity")]
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("database.managed.storage cannot be changed: make a new resource and move the data"),
        validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('512Mi')) >= 0").message("database.managed.storage must be at least 512Mi"),
    )]
    pub storage: String,
}

fn default_storage() -> String {
    "5Gi".into()
}

/// Connections of one worker: `Auto` or a number in quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PoolSize {
    /// What the budget leaves each worker.
    #[default]
    Auto,
    /// A fixed number.
    Fixed(u32),
}

impl Serialize for PoolSize {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("Auto"),
            Self::Fixed(size) => serializer.collect_str(size),
        }
    }
}

impl<'de> Deserialize<'de> for PoolSize {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "Auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Fixed).map_err(|_| {
                serde::de::Error::custom(format!("{text:?} is no pool size: write Auto, or a number in quotes"))
            }),
        }
    }
}

impl JsonSchema for PoolSize {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PoolSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "maxLength": 4, "pattern": "^(Auto|[0-9]+)$" })
    }
}
