//! The worker's configuration file in an immutable ConfigMap whose name follows its content, so that every generation of
//! pods keeps the file it was started with.

use companion_crds::auth::Cors;
use companion_crds::config::{
    ApiKeysConfig, AuthConfig, DatabaseConfig, EmbeddingsConfig, JwtConfig, Listen, LlmConfig, ProviderConfig,
    ProviderKind, RedisConfig, WorkerConfig,
};
use companion_crds::content::Content;
use companion_crds::memory::{Memory, Sessions};
use companion_crds::redis::RedisMode;
use companion_crds::serving::{Cache, ChatPage, Limits, OnDisconnect};
use companion_crds::{API_KEYS_PATH, JOBS_POOL_SIZE, MIN_POOL_SIZE};
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;

use super::labels::{self, Component};
use crate::controller::validate::{Identity, Validated};
use crate::plan::rollout::Pools;
use crate::secret_hash::short;

/// The file's name, within the ConfigMap and its mount.
pub const CONFIG_KEY: &str = "config.yaml";

/// The file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// As YAML.
    #[error("failed to write the worker's configuration as YAML: {0}")]
    Yaml(#[from] serde_saphyr::ser::Error),
    /// As a JSON value.
    #[error("failed to write the worker's configuration as a JSON value: {0}")]
    Json(#[from] serde_json::Error),
}

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
            replicas: spec
                .database
                .external
                .as_ref()
                .map_or(0, |external| external.replicas.len()),
            pooled: spec.database.external.as_ref().is_some_and(|external| external.pooled),
        },
        redis: RedisConfig {
            mode: spec
                .redis
                .external
                .as_ref()
                .map_or_else(RedisMode::default, |external| external.mode),
        },
        llm: LlmConfig {
            providers: spec.llm.providers.iter().map(provider).collect(),
            routes: spec.llm.routes.clone(),
            timeouts: spec.llm.timeouts.clone(),
            retries: spec.llm.retries.clone(),
            prices: spec.llm.prices.clone(),
        },
        embeddings: EmbeddingsConfig::default(),
        auth: AuthConfig {
            jwt: JwtConfig {
                issuer: spec.auth.jwt.issuer.clone(),
                audience: spec.auth.jwt.audience.clone(),
                jwks_url: spec.auth.jwt.jwks_url.clone(),
            },
            api_keys: spec.auth.api_keys.as_ref().map(|_| ApiKeysConfig {
                path: API_KEYS_PATH.into(),
            }),
            forwarded_user_header: spec.auth.forwarded_user_header.clone(),
            trusted_proxies: spec.auth.trusted_proxies.clone(),
            cors: spec.auth.cors.clone(),
        },
        content: spec.content.clone(),
        memory: spec.memory.clone(),
        sessions: spec.sessions.clone(),
        cache: spec.cache.clone(),
        limits: spec.limits.clone(),
        on_disconnect: spec.on_disconnect,
        chat_page: spec.chat_page,
        drain: spec.drain.clone(),
    }
}

/// What pods for jobs are told: the same as workers but for the pool, so that another number of workers replaces none of
/// them. Of the limits of clients, which the number of workers is for, they have no share.
pub fn jobs_pod_config(from: &Validated) -> WorkerConfig {
    worker_config(
        from,
        Pools {
            per_worker: JOBS_POOL_SIZE,
            max_workers: 1,
        },
    )
}

/// What preflight and migrations are told: nothing that follows from their own report, and nothing they do not look at,
/// so that they run again only when it matters.
pub fn job_config(from: &Validated) -> WorkerConfig {
    let whole = worker_config(
        from,
        Pools {
            per_worker: MIN_POOL_SIZE,
            max_workers: 1,
        },
    );
    WorkerConfig {
        auth: AuthConfig {
            api_keys: None,
            forwarded_user_header: String::new(),
            trusted_proxies: Vec::new(),
            cors: Cors::default(),
            ..whole.auth
        },
        // Where it fails, the primary is read.
        database: DatabaseConfig {
            replicas: 0,
            ..whole.database
        },
        llm: LlmConfig {
            prices: Vec::new(),
            ..whole.llm
        },
        content: Content::default(),
        memory: Memory::default(),
        sessions: Sessions::default(),
        cache: Cache::default(),
        limits: Limits::default(),
        on_disconnect: OnDisconnect::default(),
        chat_page: ChatPage::default(),
        ..whole
    }
}

fn provider(provider: &companion_crds::llm::Provider) -> ProviderConfig {
    ProviderConfig {
        name: provider.name.clone(),
        kind: match &provider.base_url {
            Some(base_url) => ProviderKind::OpenAi {
                base_url: base_url.clone(),
                keyed: provider.api_key_secret_ref.is_some(),
            },
            None => ProviderKind::Simulated {},
        },
    }
}

/// `config` as a ConfigMap.
pub fn config_map(identity: &Identity, config: &WorkerConfig) -> Result<ConfigMap, Error> {
    let mut value = serde_json::to_value(config)?;
    drop_defaults(config, &mut value, &mut Vec::new());
    let text = serde_saphyr::to_string(&value)?;
    let name = format!("{}-config-{}", identity.name, short(&[&text]));
    Ok(ConfigMap {
        metadata: labels::owned(identity, name, Component::Worker),
        data: Some([(CONFIG_KEY.to_owned(), text)].into()),
        immutable: Some(true),
        ..ConfigMap::default()
    })
}

/// Takes out of `whole`, below `path`, what a worker would fill in by itself. A setting that a later release adds thus
/// changes no file as long as nobody sets it: upgrading the operator restarts no worker, and older workers, which refuse
/// unknown settings, can read the file.
fn drop_defaults(config: &WorkerConfig, whole: &mut Value, path: &mut Vec<String>) {
    let Some(Value::Object(here)) = at(whole, path) else {
        return;
    };
    for name in here.keys().cloned().collect::<Vec<_>>() {
        let Some(Value::Object(here)) = at(whole, path) else {
            return;
        };
        let Some(taken) = here.remove(&name) else { continue };
        if serde_json::from_value::<WorkerConfig>(whole.clone()).is_ok_and(|read| read == *config) {
            continue;
        }
        if let Some(Value::Object(here)) = at(whole, path) {
            here.insert(name.clone(), taken);
        }
        path.push(name);
        drop_defaults(config, whole, path);
        path.pop();
    }
}

fn at<'a>(whole: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(whole, |value, name| value.get_mut(name))
}
