//! What the operator is told when it starts: flags, or the environment variables that the chart sets.

use std::net::SocketAddr;

use clap::Args;

/// Flags of `run`.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Namespaces to watch, separated by commas; none for all.
    #[arg(long, env = "COMPANION_WATCH_NAMESPACES", value_delimiter = ',')]
    pub namespaces: Vec<String>,
    /// Images of what it runs.
    #[command(flatten)]
    pub images: Images,
    /// Namespace of the operator itself: its lease and its key are there.
    #[arg(long, env = "POD_NAMESPACE")]
    pub pod_namespace: String,
    /// Name of this replica.
    #[arg(long, env = "POD_NAME")]
    pub pod_name: String,
    /// Address of /healthz, /readyz and /metrics.
    #[arg(long, env = "COMPANION_ADMIN_ADDRESS", default_value = "0.0.0.0:9090")]
    pub admin_address: SocketAddr,
}

/// Images of this release.
#[derive(Args, Clone, Debug, Default)]
pub struct Images {
    /// Image of workers, unless a resource names another.
    #[arg(long = "worker-image", env = "COMPANION_WORKER_IMAGE")]
    pub worker: String,
    /// Image of managed PostgreSQL, with pgvector.
    #[arg(long = "postgres-image", env = "COMPANION_POSTGRES_IMAGE")]
    pub postgres: String,
    /// Image of managed Redis.
    #[arg(long = "redis-image", env = "COMPANION_REDIS_IMAGE")]
    pub redis: String,
}

impl Settings {
    /// The namespaces to watch; none for all of them.
    pub fn watched(&self) -> Vec<&str> {
        self.namespaces
            .iter()
            .map(|name| name.trim())
            .filter(|name| !name.is_empty())
            .collect()
    }
}
