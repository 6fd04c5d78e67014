//! The configuration of the worker that `dev` serves with: Development, one worker, this machine alone. What is decided
//! elsewhere goes in; nothing is read here but whether a port is free.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use anyhow::anyhow;
use companion_crds::Environment;
use companion_crds::auth::Cors;
use companion_crds::config::{
    AuthConfig, DatabaseConfig, EmbeddingsConfig, JwtConfig, Listen, LlmConfig, LocalModel, ProviderConfig,
    RedisConfig, WorkerConfig,
};
use companion_crds::content::Content;
use companion_crds::llm::{Retries, Route, Routes, Timeouts};
use companion_crds::memory::{Memory, Sessions};
use companion_crds::serving::{Cache, ChatPage, Drain, Limits, OnDisconnect};
use companion_crds::text::Span;

use super::provider::Provider;

/// Part of every user's identity: another one would make what was said somebody else's.
const TENANT: &str = "dev";

/// What turns may take after Ctrl-C, the five seconds of the preStop hook that is not here included.
const GRACE: Span = Span::seconds(20);

/// Connections to PostgreSQL.
const POOL: u32 = 8;

/// The configuration.
pub fn make(provider: &Provider, model_dir: &Path, port: u16, admin_port: u16) -> WorkerConfig {
    let (kind, model) = provider.kind();
    WorkerConfig {
        environment: Environment::Development,
        tenant: TENANT.into(),
        listen: Listen {
            serving: address(port).to_string(),
            admin: address(admin_port).to_string(),
        },
        database: DatabaseConfig {
            pool_size: POOL,
            max_workers: 1,
            pooled: false,
            replicas: 0,
        },
        redis: RedisConfig::default(),
        llm: LlmConfig {
            providers: vec![ProviderConfig {
                name: super::provider::NAME.into(),
                kind,
            }],
            routes: Routes {
                normal: Route {
                    provider: super::provider::NAME.into(),
                    model,
                    temperature: None,
                    max_tokens: None,
                    timeout: None,
                    fallback: Vec::new(),
                },
                romance: None,
                explicit: None,
                fetish: None,
                detection: None,
            },
            timeouts: Timeouts::default(),
            retries: Retries::default(),
            prices: Vec::new(),
        },
        embeddings: EmbeddingsConfig {
            local: LocalModel {
                path: model_dir.to_string_lossy().into_owned(),
            },
        },
        auth: AuthConfig {
            jwt: JwtConfig {
                issuer: "companion-dev".into(),
                audience: "companion".into(),
                jwks_url: None,
            },
            api_keys: None,
            forwarded_user_header: String::new(),
            trusted_proxies: Vec::new(),
            cors: Cors::default(),
        },
        content: Content::default(),
        memory: Memory::default(),
        sessions: Sessions::default(),
        cache: Cache::default(),
        limits: Limits::default(),
        on_disconnect: OnDisconnect::default(),
        chat_page: ChatPage::Enabled,
        drain: Drain { grace_period: GRACE },
    }
}

/// Whether `port` is free, asked before anything is started.
///
/// # Errors
/// It is not; `option` gives another.
pub fn check_port(option: &str, port: u16) -> anyhow::Result<()> {
    if port == 0 {
        return Err(anyhow!("{option}: 0 is no port that clients could find"));
    }
    match TcpListener::bind(address(port)) {
        Ok(_) => Ok(()),
        Err(error) => Err(anyhow!(
            "{option}: failed to listen on {}: {error}; give another port",
            address(port)
        )),
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Secrets, Settings};

    #[test]
    fn it_is_one_that_workers_accept() {
        for provider in [
            Provider::Simulated { own: false },
            Provider::OpenAi {
                base_url: "http://127.0.0.1:11434/v1".into(),
                key: None,
                model: "llama3".into(),
            },
        ] {
            let config = make(&provider, "/models/minilm".as_ref(), 8080, 8081);
            let settings = Settings::checked(config, Secrets::default()).unwrap();
            assert_eq!(settings.config.listen.serving, "127.0.0.1:8080");
        }
    }
}
