//! The worker's configuration file: the operator writes it into a ConfigMap, the worker reads it, nothing else does.
//!
//! Values of Secrets are not in it. They reach the worker as the environment variables named in [`env`].

pub mod env;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::auth::Cors;
use crate::content::Content;
use crate::llm::{Price, Retries, Routes, Timeouts};
use crate::memory::{Memory, Sessions};
use crate::redis::RedisMode;
use crate::serving::{Cache, ChatPage, Drain, Limits, OnDisconnect};

/// Everything a worker is told, but for secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkerConfig {
    /// Production refuses unsafe settings and development tokens.
    pub environment: Environment,
    /// Part of every user's identity and of every Redis key.
    pub tenant: String,
    /// Addresses it listens on.
    #[serde(default)]
    pub listen: Listen,
    /// Its share of the database's connections.
    pub database: DatabaseConfig,
    /// How Redis is run.
    #[serde(default)]
    pub redis: RedisConfig,
    /// Models and routes.
    pub llm: LlmConfig,
    /// The embedding model.
    #[serde(default)]
    pub embeddings: EmbeddingsConfig,
    /// Whom it believes.
    pub auth: AuthConfig,
    /// What may be said.
    #[serde(default)]
    pub content: Content,
    /// What is recalled.
    #[serde(default)]
    pub memory: Memory,
    /// The recent conversation.
    #[serde(default)]
    pub sessions: Sessions,
    /// Replies that are made once.
    #[serde(default)]
    pub cache: Cache,
    /// Bounds on what is asked.
    #[serde(default)]
    pub limits: Limits,
    /// What becomes of a turn whose client goes away.
    #[serde(default)]
    pub on_disconnect: OnDisconnect,
    /// Whether there is a page to chat with.
    #[serde(default)]
    pub chat_page: ChatPage,
    /// How it goes.
    #[serde(default)]
    pub drain: Drain,
}

/// Addresses a worker listens on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Listen {
    /// Chat and the companion API.
    pub serving: String,
    /// `/healthz`, `/readyz` and `/metrics`; never exposed to clients.
    pub admin: String,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            serving: "0.0.0.0:8080".into(),
            admin: "0.0.0.0:9090".into(),
        }
    }
}

/// A worker's share of the database's connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DatabaseConfig {
    /// Most connections of one worker.
    pub pool_size: u32,
    /// Most workers that run at once: where Redis is away, a worker enforces its share of the rate limits.
    pub max_workers: u32,
    /// The URL leads through PgBouncer in transaction mode.
    #[serde(default)]
    pub pooled: bool,
    /// How many read replicas there are; their URLs are in the environment variables [`env::database_replica_url`].
    #[serde(default)]
    pub replicas: usize,
}

/// How Redis is run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RedisConfig {
    /// One server, one that sentinels name, or a cluster.
    pub mode: RedisMode,
}

/// Models and routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LlmConfig {
    /// Services that speak the OpenAI API.
    pub providers: Vec<ProviderConfig>,
    /// Which of them serves which kind of message.
    pub routes: Routes,
    /// Deadlines of one answer.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Tries after the first.
    #[serde(default)]
    pub retries: Retries,
    /// What models cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Price>,
}

/// One provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderConfig {
    /// Name by which routes refer to it.
    pub name: String,
    /// Where and how it is reached.
    #[serde(flatten)]
    pub kind: ProviderKind,
}

/// Where and how a provider is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProviderKind {
    /// A service that speaks the OpenAI API.
    #[serde(rename_all = "camelCase")]
    OpenAi {
        /// Root of its API.
        #[serde(rename = "baseURL")]
        base_url: String,
        /// Its key is in the environment variable [`env::provider_api_key`].
        keyed: bool,
    },
    /// The deterministic stand-in.
    Simulated {},
}

/// The embedding model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EmbeddingsConfig {
    /// The model inside the worker.
    pub local: LocalModel,
}

impl Default for EmbeddingsConfig {
    fn default() -> Self {
        Self {
            local: LocalModel {
                path: "/usr/share/companion/model".into(),
            },
        }
    }
}

/// The model inside the worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LocalModel {
    /// Folder with `model.safetensors`, `tokenizer.json` and `config.json`.
    pub path: String,
}

/// Whom a worker believes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AuthConfig {
    /// Bearer tokens.
    pub jwt: JwtConfig,
    /// Keys for servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeysConfig>,
    /// A header that names the user, believed only with an API key that has `act-as`.
    #[serde(default)]
    pub forwarded_user_header: String,
    /// Networks whose `X-Forwarded-For` is believed.
    #[serde(default)]
    pub trusted_proxies: Vec<String>,
    /// Which web pages may call.
    #[serde(default)]
    pub cors: Cors,
}

/// API keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKeysConfig {
    /// Folder with one file for each key, [`crate::api_key::Entry`] in it.
    pub path: String,
}

/// Bearer tokens: signed with a key that the issuer publishes, or with the shared one in [`env::JWT_HS256_SECRET`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JwtConfig {
    /// The only accepted `iss`.
    pub issuer: String,
    /// The only accepted `aud`.
    pub audience: String,
    /// Where the issuer publishes its keys.
    #[serde(rename = "jwksURL", default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: &str = r#"{
        "environment": "Development", "tenant": "chat/demo",
        "database": { "poolSize": 8, "maxWorkers": 2 },
        "llm": {
            "providers": [
                { "name": "demo", "simulated": {} },
                { "name": "openai", "openAi": { "baseURL": "https://api.example/v1", "keyed": true } }
            ],
            "routes": { "normal": { "provider": "demo", "model": "demo" } }
        },
        "auth": { "jwt": { "issuer": "https://id.example", "audience": "companion" } }
    }"#;

    #[test]
    fn a_short_file_gets_every_default_and_reads_back() {
        let config: WorkerConfig = serde_json::from_str(SHORT).unwrap();
        assert_eq!(config.limits.per_user_per_minute, 30);
        assert_eq!(config.listen.serving, "0.0.0.0:8080");
        assert_eq!(config.llm.providers[1].name, "openai");
        let again: WorkerConfig = serde_json::from_value(serde_json::to_value(&config).unwrap()).unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let wrong = SHORT.replace("\"poolSize\"", "\"poolsize\"");
        assert!(
            serde_json::from_str::<WorkerConfig>(&wrong)
                .unwrap_err()
                .to_string()
                .contains("poolsize")
        );
    }
}
