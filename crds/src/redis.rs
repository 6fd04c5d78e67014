//! Where sessions, limits and stream replay live.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::SecretKeyRef;

/// The Redis server of the workers. It may lose everything at any moment without losing a stored message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.external), has(self.managed)].filter(set, set).size() == 1")
    .message("set exactly one of redis.external and redis.managed"))]
pub struct Redis {
    /// A server that exists already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalRedis>,
    /// One instance with an append-only file, run by the operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed: Option<ManagedRedis>,
}

/// A Redis server that exists already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalRedis {
    /// `redis://[user:password@]host:port[/database]`, or `rediss://` for TLS. For Sentinel the sentinels' hosts, separated by
    /// commas, and `?master=name`; for Cluster some of its nodes.
    pub url_secret_ref: SecretKeyRef,
    /// How it is run.
    #[serde(default)]
    pub mode: RedisMode,
}

/// How Redis is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RedisMode {
    /// One server, or one address behind which there is one.
    #[default]
    Standalone,
    /// A primary with replicas; sentinels say which it is.
    Sentinel,
    /// Several primaries that share the keys.
    Cluster,
}

/// One Redis instance run by the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedRedis {
    /// Memory of its container; `maxmemory` is 60 % of it.
    #[serde(default = "default_memory")]
    #[schemars(schema_with = "crate::text::quantity")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('64Mi')) >= 0").message("redis.managed.memory must be at least 64Mi"))]
    pub memory: String,
    /// Size of its volume.
    #[serde(default = "default_storage")]
    #[schemars(schema_with = "crate::text::quantity")]
    #[x_kube(
        validation = Rule::new("self == oldSelf").message("redis.managed.storage cannot be changed: make a new resource"),
        validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('128Mi')) >= 0").message("redis.managed.storage must be at least 128Mi"),
    )]
    pub storage: String,
}

fn default_memory() -> String {
    "256Mi".into()
}

fn default_storage() -> String {
    "1Gi".into()
}
