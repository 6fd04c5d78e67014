//! The language models. In: a prompt and a route; out: the reply as it comes, then what it cost. Deadlines and tries are
//! kept here, so that no caller waits longer than the configuration says, all tries together.

mod openai;
mod prompt;
mod provider;
mod simulated;
mod transport;
mod usage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use companion_crds::config::{ProviderKind, WorkerConfig};
use companion_crds::llm::{Route, Timeouts};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::time::{Instant, timeout, timeout_at};

use crate::config::{ConfigError, Secrets};
use crate::telemetry::Metrics;

use openai::OpenAi;
pub use prompt::{MEMORY_CLOSE, MEMORY_OPEN, Prompt, PromptMessage, Role};
use provider::Provider;
pub use usage::Usage;

/// First pause before another try; it doubles, with jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

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

/// Why a provider gave no whole reply. No text of these errors holds a prompt, a reply or a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// Not reached, or the connection broke.
    #[error("the provider could not be reached")]
    Connect,
    /// It answered with an error.
    #[error("the provider answered with status {0}")]
    Status(u16),
    /// Nothing came in time.
    #[error("the provider sent nothing for {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// The reply ended before it was complete, or was no reply.
    #[error("the provider's reply broke off")]
    Broken,
}

impl LlmError {
    /// The outcome as a metric's label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Status(429) => "rate_limited",
            Self::Status(500..) => "server_error",
            Self::Status(_) => "refused",
            Self::Timeout(_) => "timeout",
            Self::Broken => "broken",
        }
    }

    /// Whether the same question may be answered by asking again.
    fn is_transient(&self) -> bool {
        matches!(self, Self::Connect | Self::Status(408 | 409 | 429 | 500..))
    }
}

/// What the client asks of the sampling. Everything else is the route's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// Temperature, 0 to 2.
    pub temperature: Option<f32>,
    /// Longest answer in tokens. The route's limit, if there is one, stands above it.
    pub max_tokens: Option<u32>,
}

/// All providers, by the names that routes use.
pub struct Models {
    providers: BTreeMap<String, Arc<Provider>>,
    timeouts: Timeouts,
    tries_after_the_first: usize,
    metrics: Metrics,
}

/// A reply that has begun.
pub struct Reply {
    pieces: BoxStream<'static, Result<Piece, LlmError>>,
    first: Option<Piece>,
    idle: Duration,
}

impl Models {
    /// The providers of `config`.
    ///
    /// # Errors
    /// A provider's API key is not set, or its URL is none.
    pub fn new(config: &WorkerConfig, secrets: &Secrets, metrics: &Metrics) -> Result<Self, ConfigError> {
        let mut providers = BTreeMap::new();
        for provider in &config.llm.providers {
            let built = match &provider.kind {
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
            providers.insert(provider.name.clone(), Arc::new(built));
        }
        Ok(Self {
            providers,
            timeouts: config.llm.timeouts.clone(),
            tries_after_the_first: config.llm.retries.max as usize,
            metrics: metrics.clone(),
        })
    }

    /// Whether `provider` is the stand-in.
    pub fn is_simulated(&self, provider: &str) -> bool {
        self.providers
            .get(provider)
            .is_some_and(|provider| matches!(**provider, Provider::Simulated))
    }

    /// Asks for a reply and waits for its first piece; tries again as long as none came and the time for it lasts.
    ///
    /// # Errors
    /// The last try's.
    pub async fn ask(&self, route: &Route, prompt: &Prompt, sampling: &Sampling) -> Result<Reply, LlmError> {
        let patience = self.timeouts.first_token.duration();
        let deadline = Instant::now() + patience;
        let once = || async {
            let begun = timeout_at(deadline, self.begin(route, prompt, sampling)).await;
            let begun = begun.unwrap_or(Err(LlmError::Timeout(patience)));
            let outcome = begun.as_ref().map_or_else(LlmError::label, |_| "ok");
            self.metrics
                .provider_calls
                .with_label_values(&[route.provider.as_str(), outcome])
                .inc();
            begun
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(self.tries_after_the_first)
            .with_jitter();
        let tries = once
            .retry(pauses)
            .when(|error: &LlmError| error.is_transient() && Instant::now() < deadline);
        tries.await
    }

    async fn begin(&self, route: &Route, prompt: &Prompt, sampling: &Sampling) -> Result<Reply, LlmError> {
        let provider = self.providers.get(&route.provider).ok_or(LlmError::Connect)?;
        let mut pieces = provider.stream(route, prompt, sampling).await?;
        let first = pieces.next().await.ok_or(LlmError::Broken)??;
        Ok(Reply {
            pieces,
            first: Some(first),
            idle: self.timeouts.idle.duration(),
        })
    }
}

impl Reply {
    /// The next piece; nothing after [`Piece::End`] and the usage that may follow it.
    ///
    /// # Errors
    /// The reply broke off.
    pub async fn next(&mut self) -> Option<Result<Piece, LlmError>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        timeout(self.idle, self.pieces.next())
            .await
            .unwrap_or(Some(Err(LlmError::Timeout(self.idle))))
    }
}
