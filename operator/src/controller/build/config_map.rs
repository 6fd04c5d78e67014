//! The worker's configuration file in an immutable ConfigMap whose name follows its content, so that every generation of
//! pods keeps the file it was started with.

use companion_crds::MIN_POOL_SIZE;
use companion_crds::config::{
    AuthConfig, DatabaseConfig, EmbeddingsConfig, JwtConfig, Listen, LlmConfig, ProviderConfig, ProviderKind, WorkerConfig,
};
use companion_crds::memory::{Memory, Sessions};
use companion_crds::serving::Limits;
use k8s_openapi::api::core::v1::ConfigMap;

use super::labels::{self, Component};
use crate::controller::validate::{Identity, Validated};
use crate::plan::rollout::Pools;
use crate::secret_hash::short;

/// The file's name, within the ConfigMap and its mount.
pub const CONFIG_KEY: &str = "config.yaml";

/// The file could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the worker's configuration as YAML: {0}")]
pub struct Error(#[from] serde_saphyr::ser::Error);

/// What workers are told.
pub fn worker_config(from: &Validated, pools: Pools) -> WorkerConfig {
    let spec = &from.spec;
    WorkerConfig {
        environment: spec.environment,
        tenant: from.tenant.clone(),
        listen: Listen::default(),
        database: DatabaseConfig {
            pool_size: pools.per_worker,
            max_workers: pools.max_workers,
            pooled: spec.database.external.as_ref().is_some_and(|external| external.pooled),
        },
        llm: LlmConfig {
            providers: spec.llm.providers.iter().map(provider).collect(),
            routes: spec.llm.routes.clone(),
            timeouts: spec.llm.timeouts.clone(),
            retries: spec.llm.retries.clone(),
        },
        embeddings: EmbeddingsConfig::default(),
        auth: AuthConfig {
            jwt: JwtConfig { issuer: spec.auth.jwt.issuer.clone(), audience: spec.auth.jwt.audience.clone() },
        },
        memory: spec.memory.clone(),
        sessions: spec.sessions.clone(),
        limits: spec.limits.clone(),
        drain: spec.drain.clone(),
    }
}

/// What preflight and migrations are told: nothing that follows from their own report, and nothing they do not look at,
/// so that they run again only when it matters.
pub fn job_config(from: &Validated) -> WorkerConfig {
    WorkerConfig {
        memory: Memory::default(),
        sessions: Sessions::default(),
        limits: Limits::default(),
        ..worker_config(from, Pools { per_worker: MIN_POOL_SIZE, max_workers: 1 })
    }
}

fn provider(provider: &companion_crds::llm::Provider) -> ProviderConfig {
    ProviderConfig {
        name: provider.name.clone(),
        kind: match &provider.base_url {
            Some(base_url) => ProviderKind::OpenAi { base_url: base_url.clone(), keyed: provider.api_key_secret_ref.is_some() },
            None => ProviderKind::Simulated {},
        },
    }
}

/// `config` as a ConfigMap.
pub fn config_map(identity: &Identity, config: &WorkerConfig) -> Result<ConfigMap, Error> {
    let text = serde_saphyr::to_string(config)?;
    let name = format!("{}-config-{}", identity.name, short(&[&text]));
    Ok(ConfigMap {
        metadata: labels::owned(identity, name, Component::Worker),
        data: Some([(CONFIG_KEY.to_owned(), text)].into()),
        immutable: Some(true),
        ..ConfigMap::default()
    })
}
