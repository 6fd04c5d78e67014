//! The rules between settings that the file's types cannot say. The operator checks the same things before it writes the
//! file; a worker started by hand is told here.

mod identity;

use std::net::SocketAddr;

use companion_crds::config::{ProviderKind, WorkerConfig};
use companion_crds::content::{Adult, OutputGuard};
use companion_crds::llm::Route;
use companion_crds::serving::ChatPage;
use companion_crds::text::Span;
use companion_crds::{Environment, MIN_POOL_SIZE};

use super::ConfigError;
use crate::llm::Prices;
use crate::outbound::addresses;

/// Checks `config`.
///
/// # Errors
/// The first rule that is broken, with the setting's place in the file.
pub fn check(config: &WorkerConfig) -> Result<(), ConfigError> {
    not_empty("tenant", &config.tenant)?;
    not_empty("auth.jwt.issuer", &config.auth.jwt.issuer)?;
    not_empty("auth.jwt.audience", &config.auth.jwt.audience)?;
    identity::check(config)?;
    if config.environment == Environment::Production && config.chat_page == ChatPage::Enabled {
        let problem = "must be Disabled in Production: it is a page for trying things out";
        return Err(ConfigError::setting("chatPage", problem));
    }
    address("listen.serving", &config.listen.serving)?;
    address("listen.admin", &config.listen.admin)?;
    if config.database.pool_size < MIN_POOL_SIZE {
        let problem = format!(
            "{} is too small, a worker needs {MIN_POOL_SIZE}",
            config.database.pool_size
        );
        return Err(ConfigError::setting("database.poolSize", problem));
    }
    at_least_one("database.maxWorkers", config.database.max_workers)?;
    at_least_one("limits.perUserPerMinute", config.limits.per_user_per_minute)?;
    at_least_one("limits.perIPPerMinute", config.limits.per_ip_per_minute)?;
    at_least_one("limits.perKeyPerMinute", config.limits.per_key_per_minute)?;
    at_least_one(
        "limits.turnsInFlightPerWorker",
        config.limits.turns_in_flight_per_worker,
    )?;
    at_least_one("limits.bodyBytes", config.limits.body_bytes)?;
    at_least_one("limits.messageChars", config.limits.message_chars)?;
    longer_than_zero("sessions.ttl", config.sessions.ttl)?;
    longer_than_zero("drain.gracePeriod", config.drain.grace_period)?;
    longer_than_zero("llm.timeouts.firstToken", config.llm.timeouts.first_token)?;
    longer_than_zero("llm.timeouts.idle", config.llm.timeouts.idle)?;
    longer_than_zero("llm.timeouts.turn", config.llm.timeouts.turn)?;
    (config.memory.min_similarity.value()).map_err(|problem| ConfigError::setting("memory.minSimilarity", problem))?;
    for provider in &config.llm.providers {
        if let ProviderKind::OpenAi { base_url, .. } = &provider.kind {
            let setting = format!("llm.providers[{}].openAi.baseURL", provider.name);
            let url = reqwest::Url::parse(base_url)
                .map_err(|error| ConfigError::setting(setting.clone(), error.to_string()))?;
            if addresses::leads_to_forbidden(&url) {
                let problem =
                    "is an address of the cloud's metadata service, which is never called: give the provider's";
                return Err(ConfigError::setting(setting, problem));
            }
        }
    }
    Prices::new(&config.llm.prices)?;
    route(config, "llm.routes.normal", &config.llm.routes.normal)?;
    let routes = &config.llm.routes;
    for (setting, other) in [
        ("llm.routes.romance", &routes.romance),
        ("llm.routes.explicit", &routes.explicit),
        ("llm.routes.fetish", &routes.fetish),
        ("llm.routes.detection", &routes.detection),
    ] {
        if let Some(other) = other {
            route(config, setting, other)?;
        }
    }
    content(config)?;
    Ok(())
}

fn not_empty(setting: &str, value: &str) -> Result<(), ConfigError> {
    if value.is_empty() {
        return Err(ConfigError::setting(setting, "must not be empty"));
    }
    Ok(())
}

fn at_least_one(setting: &str, value: u32) -> Result<(), ConfigError> {
    if value == 0 {
        return Err(ConfigError::setting(setting, "must be at least 1"));
    }
    Ok(())
}

fn longer_than_zero(setting: &str, value: Span) -> Result<(), ConfigError> {
    if value.duration().is_zero() {
        return Err(ConfigError::setting(setting, "must be longer than zero, such as 30s"));
    }
    Ok(())
}

fn address(setting: &str, value: &str) -> Result<(), ConfigError> {
    value.parse::<SocketAddr>().map(|_| ()).map_err(|_| {
        ConfigError::setting(
            setting,
            format!("{value:?} is no address and port, such as 0.0.0.0:8080"),
        )
    })
}

fn content(config: &WorkerConfig) -> Result<(), ConfigError> {
    let (content, routes) = (&config.content, &config.llm.routes);
    (content.judge_below.value()).map_err(|problem| ConfigError::setting("content.judgeBelow", problem))?;
    if content.adult == Adult::AgeVerified && routes.explicit.is_none() && routes.fetish.is_none() {
        let problem = "needs llm.routes.explicit or llm.routes.fetish: no other route answers adult messages";
        return Err(ConfigError::setting("content.adult", problem));
    }
    if config.environment == Environment::Production && content.output_guard == OutputGuard::Disabled {
        return Err(ConfigError::setting(
            "content.outputGuard",
            "Production takes no unguarded replies: leave it Enabled",
        ));
    }
    Ok(())
}

fn route(config: &WorkerConfig, setting: &str, route: &Route) -> Result<(), ConfigError> {
    let names: Vec<&str> = config
        .llm
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect();
    let known = |setting: String, name: &str| {
        if names.contains(&name) {
            return Ok(());
        }
        let problem = format!("no provider is called {name:?} (found: {})", names.join(", "));
        Err(ConfigError::setting(setting, problem))
    };
    known(format!("{setting}.provider"), &route.provider)?;
    for (index, fallback) in route.fallback.iter().enumerate() {
        known(format!("{setting}.fallback[{index}].provider"), &fallback.provider)?;
    }
    if let Some(timeout) = route.timeout {
        longer_than_zero(&format!("{setting}.timeout"), timeout)?;
    }
    if let Some(temperature) = &route.temperature {
        temperature
            .value()
            .map_err(|problem| ConfigError::setting(format!("{setting}.temperature"), problem))?;
    }
    Ok(())
}
