//! The language models. In: a prompt and a route; out: the reply as it comes, then what it cost. Deadlines, tries, fallbacks
//! and breakers are kept here, so that no caller waits longer than the configuration says, all of them together.

mod ask;
mod breaker;
mod call;
mod chunk;
mod error;
mod events;
mod openai;
mod prices;
mod prompt;
mod provider;
mod reply;
mod simulated;
mod transport;
mod usage;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use companion_crds::config::{ProviderKind, WorkerConfig};
use companion_crds::llm::{Route, Timeouts};
use serde::Serialize;

use crate::config::{ConfigError, Secrets};
use crate::telemetry::Metrics;

use breaker::{Breaker, Position};
pub use error::LlmError;
use openai::OpenAi;
pub use prices::Prices;
pub use prompt::{MEMORY_CLOSE, MEMORY_OPEN, Prompt, PromptMessage, Role, USER_CLOSE, USER_OPEN, as_data};
use provider::Provider;
pub use reply::Reply;
pub use usage::{Usage, most_tokens};

/// A piece of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Some of its text, never empty.
    Text(String),
    /// What it cost, as the provider counts.
    Usage(Usage),
    /// It is complete, for this reason (`stop`, `length`, `content_filter`).
    End(String),
}

/// What the client asks of the sampling, as the OpenAI API writes it. Everything else is the route's.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sampling {
    /// Temperature, 0 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Share of the likeliest tokens that are considered, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Against words that were used often, -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frequency_penalty: Option<f32>,
    /// Against words that were used at all, -2 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub presence_penalty: Option<f32>,
    /// The same seed gives the same reply, where the provider can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Texts that end the reply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// Longest answer in tokens. The route's limit, if there is one, stands above it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
}

/// All that one provider is asked.
struct Question<'a> {
    model: &'a str,
    prompt: &'a Prompt,
    sampling: Sampling,
}

/// A provider, and how it has been.
struct Service {
    name: String,
    kind: Provider,
    breaker: Mutex<Breaker>,
}

/// A model of a provider.
#[derive(Clone)]
pub struct Target {
    service: Arc<Service>,
    /// The model's name at the provider.
    pub model: String,
    prices: Arc<Prices>,
}

impl Target {
    /// The provider's name.
    pub fn provider(&self) -> &str {
        &self.service.name
    }

    /// Whether it is the stand-in.
    pub fn is_simulated(&self) -> bool {
        matches!(self.service.kind, Provider::Simulated)
    }
}

/// All providers, by the names that routes use.
pub struct Models {
    services: BTreeMap<String, Arc<Service>>,
    prices: Arc<Prices>,
    timeouts: Timeouts,
    tries_after_the_first: usize,
    metrics: Metrics,
}

impl Models {
    /// The providers of `config`.
    ///
    /// # Errors
    /// A provider's API key is not set, or a price is none.
    pub fn new(config: &WorkerConfig, secrets: &Secrets, metrics: &Metrics) -> Result<Self, ConfigError> {
        let mut services = BTreeMap::new();
        for provider in &config.llm.providers {
            let kind = match &provider.kind {
                ProviderKind::Simulated {} => Provider::Simulated,
                ProviderKind::OpenAi { base_url, keyed } => {
                    let key = if *keyed {
                        Some(secrets.provider_key(&provider.name)?)
                    } else {
                        None
                    };
                    let built = OpenAi::new(base_url, key).map_err(|error| {
                        ConfigError::setting(format!("llm.providers[{}]", provider.name), error.to_string())
                    })?;
                    Provider::OpenAi(Box::new(built))
                }
            };
            let service = Service {
                name: provider.name.clone(),
                kind,
                breaker: Mutex::default(),
            };
            service.show_breaker(metrics, Position::Closed);
            services.insert(provider.name.clone(), Arc::new(service));
        }
        Ok(Self {
            services,
            prices: Arc::new(Prices::new(&config.llm.prices)?),
            timeouts: config.llm.timeouts.clone(),
            tries_after_the_first: config.llm.retries.max as usize,
            metrics: metrics.clone(),
        })
    }

    /// Whether `provider` is the stand-in.
    pub fn is_simulated(&self, provider: &str) -> bool {
        (self.services.get(provider)).is_some_and(|service| matches!(service.kind, Provider::Simulated))
    }

    /// Whom to ask on `route`, in this order.
    fn targets(&self, route: &Route) -> Vec<Target> {
        let fallbacks = (route.fallback.iter()).map(|fallback| (&fallback.provider, &fallback.model));
        std::iter::once((&route.provider, &route.model))
            .chain(fallbacks)
            .filter_map(|(provider, model)| {
                Some(Target {
                    service: Arc::clone(self.services.get(provider)?),
                    model: model.clone(),
                    prices: Arc::clone(&self.prices),
                })
            })
            .collect()
    }
}
