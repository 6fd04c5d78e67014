//! What the operator and the worker agree on: the `CompanionDeployment` API (one file per concern of its spec), the
//! worker's configuration file ([`config`]) and what its Jobs report back ([`report`]).
//!
//! No code here reads or writes anything: these are shapes, their defaults, and the rules the API server checks.

pub mod api_key;
pub mod auth;
pub mod config;
pub mod content;
pub mod database;
pub mod deployment;
pub mod jobs;
pub mod llm;
pub mod memory;
pub mod redis;
pub mod redis_url;
pub mod report;
pub mod secret;
pub mod serving;
pub mod status;
pub mod telemetry;
pub mod text;
pub mod workload;
pub mod yaml;

pub use deployment::{CompanionDeployment, CompanionDeploymentSpec, Environment};
pub use status::CompanionDeploymentStatus;

/// Seconds between a pod's removal from its Service and SIGTERM: endpoints need a moment to reach every proxy.
pub const PRE_STOP_SECONDS: u64 = 5;

/// Connections a worker keeps once its pod begins to go: enough to settle the turns that are still streaming.
pub const DRAINING_CONNECTIONS: u32 = 2;

/// Connections that are set aside for the job queue and for preflight and migrate Jobs, besides the workers' pools.
pub const JOB_CONNECTIONS: u32 = 4;

/// Fewest connections a worker can serve with.
pub const MIN_POOL_SIZE: u32 = 4;

/// Connections of a pod that does nothing but jobs: the two that it works on at once, the relay, and the queue.
pub const JOBS_POOL_SIZE: u32 = 4;

/// Where a worker finds its API keys: one file for each entry of the Secret.
pub const API_KEYS_PATH: &str = "/etc/companion-api-keys";
