//! What the operator says about a resource. Nothing here moves with the clock: at rest it is written once.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The observed state of a `CompanionDeployment`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompanionDeploymentStatus {
    /// The generation of the spec that the rest of the status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The worker image in use. One that came from the operator's release stays until the spec names another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Workers that exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Workers that serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_replicas: Option<i32>,
    /// Label selector of the workers' pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Version of the database schema, from the last migration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<i64>,
    /// The connection budget.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<Connections>,
    /// What preflight found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preflight: Option<Preflight>,
    /// Where clients within the cluster reach the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Ready, Reconciling and Stalled, and one condition per part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 24))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
}

/// The budget over every connection to the database server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Connections {
    /// Connections the server gives to our role.
    pub server: u32,
    /// Left to others.
    pub reserved: u32,
    /// Held by the job queue, and by pods that do nothing but jobs.
    pub jobs: u32,
    /// Workers the budget is made for, without the surge.
    pub max_workers: u32,
    /// Held by workers that are draining.
    pub draining: u32,
    /// Pool of one worker.
    pub per_worker: u32,
}

/// What preflight found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Preflight {
    /// Version of the PostgreSQL server.
    pub postgres: String,
    /// Version of the pgvector extension.
    pub pgvector: String,
    /// Version of the Redis server.
    pub redis: String,
    /// Connections the server gives to our role.
    pub server_connections: u32,
    /// Hash of what was checked: image, settings that preflight reads, secrets.
    pub inputs: String,
}
