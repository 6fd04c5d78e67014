//! Whom to ask, how often and how long. A provider is tried again as long as it has sent no text, has time left and does not
//! ask for more of it; then the route's fallbacks follow in order, each with its own time for a first token, all of them
//! within the route's. Who is known to be failing is passed over at once.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use companion_crds::llm::Route;
use tokio::time::{Instant, sleep, timeout_at};

use super::call::Call;
use super::{LlmError, Models, Prompt, Question, Reply, Sampling, Target, reply};

/// First pause before another try; it doubles, with jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Until when one provider may take its time, and how long that is.
#[derive(Clone, Copy)]
struct Times {
    patience: Duration,
    first_token: Instant,
    idle: Duration,
    whole: Instant,
}

impl Models {
    /// Asks for a reply and waits for its first text.
    ///
    /// # Errors
    /// The last one's that was really asked.
    pub async fn ask(&self, route: &Route, prompt: &Prompt, sampling: &Sampling) -> Result<Reply, LlmError> {
        let whole = (route.timeout).map_or(self.timeouts.turn, |timeout| timeout.min(self.timeouts.turn));
        let deadline = Instant::now() + whole.duration();
        let temperature = route.temperature.as_ref().and_then(|value| value.value().ok());
        let mut failure = None;
        for target in self.targets(route) {
            let question = Question {
                model: &target.model,
                prompt,
                sampling: Sampling {
                    temperature: sampling.temperature.or(temperature),
                    max_tokens: [sampling.max_tokens, route.max_tokens].into_iter().flatten().min(),
                    ..sampling.clone()
                },
            };
            match self.ask_one(&target, &question, deadline).await {
                Ok(reply) => return Ok(reply),
                Err(error) if failure.is_some() && matches!(error, LlmError::Unavailable(_)) => {}
                Err(error) => failure = Some(error),
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        Err(failure.unwrap_or(LlmError::Connect))
    }

    async fn ask_one(&self, target: &Target, question: &Question<'_>, deadline: Instant) -> Result<Reply, LlmError> {
        let now = Instant::now();
        let first_token = deadline.min(now + self.timeouts.first_token.duration());
        let times = Times {
            patience: first_token - now,
            first_token,
            idle: self.timeouts.idle.duration(),
            whole: deadline,
        };
        let mut pauses = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(self.tries_after_the_first)
            .with_jitter()
            .build();
        let mut failure = None;
        loop {
            let call = match Call::begin(target, question.prompt.chars(), &self.metrics) {
                Ok(call) => call,
                // It opened between two tries: why says more than that it did.
                Err(open) => return Err(failure.unwrap_or(open)),
            };
            let error = match self.try_once(call, question, times).await {
                Ok(reply) => return Ok(reply),
                Err(error) => error,
            };
            let provider = target.service.name.as_str();
            tracing::warn!(provider, cause = ?error, "a provider gives no reply");
            let Some(pause) = pauses.next().filter(|_| error.is_transient()) else {
                return Err(error);
            };
            let pause = error.after().unwrap_or(Duration::ZERO).max(pause);
            if Instant::now() + pause >= first_token {
                return Err(error);
            }
            failure = Some(error);
            sleep(pause).await;
        }
    }

    async fn try_once(&self, mut call: Call, question: &Question<'_>, times: Times) -> Result<Reply, LlmError> {
        let service = Arc::clone(&call.target().service);
        let begun = timeout_at(times.first_token, async {
            let mut pieces = service.kind.stream(question).await?;
            let first = reply::first_text(&mut pieces).await?;
            Ok((pieces, first))
        });
        match begun.await.unwrap_or(Err(LlmError::Timeout(times.patience))) {
            Ok((pieces, first)) => Ok(Reply::new(pieces, first, call, times.idle, times.whole)),
            Err(error) => {
                call.failed(&error);
                Err(error)
            }
        }
    }
}
