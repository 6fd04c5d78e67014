//! One call to a provider, from leave to make it until its end, whichever that is. The breaker hears how it went, and its
//! outcome, tokens and cost are counted when it is dropped: so they are for a reply that the client left, too.

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use crate::telemetry::Metrics;

use super::breaker::{Breaker, Pass, Position};
use super::{LlmError, Service, Target, Usage};

/// A call that is under way.
pub struct Call {
    target: Target,
    metrics: Metrics,
    pass: Pass,
    prompt_chars: usize,
    reply_chars: usize,
    counted: Option<Usage>,
    outcome: Option<&'static str>,
    costs: bool,
    /// When the reply's first text came.
    spoke: Option<Instant>,
}

impl Call {
    /// Leave to ask `target` a question of so many characters.
    ///
    /// # Errors
    /// The provider is left alone for a moment.
    pub fn begin(target: &Target, prompt_chars: usize, metrics: &Metrics) -> Result<Self, LlmError> {
        let pass = (target.service)
            .with_breaker(metrics, |breaker| breaker.pass(Instant::now()))
            .map_err(LlmError::Unavailable)?;
        Ok(Self {
            target: target.clone(),
            metrics: metrics.clone(),
            pass,
            prompt_chars,
            reply_chars: 0,
            counted: None,
            outcome: None,
            costs: true,
            spoke: None,
        })
    }

    /// Who is asked.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Some of the reply came.
    pub fn said(&mut self, text: &str) {
        if self.reply_chars == 0 {
            self.spoke = Some(Instant::now());
            self.with_breaker(|breaker, pass, _| breaker.began(pass));
        }
        self.reply_chars += text.chars().count();
    }

    /// The provider counted.
    pub fn counted(&mut self, usage: Usage) {
        // Some servers send a count of nothing.
        self.counted = Some(usage).filter(|usage| *usage != Usage::default());
    }

    /// Tokens so far, as the provider counted or as an estimate.
    pub fn usage(&self) -> Usage {
        self.counted
            .unwrap_or_else(|| Usage::estimate(self.prompt_chars, self.reply_chars))
    }

    /// What they cost by the price list, in millionths of a dollar.
    pub fn cost(&self) -> u64 {
        self.target.prices.cost(&self.target.model, self.usage())
    }

    /// The reply is complete.
    pub fn completed(&mut self) {
        if self.outcome.replace("ok").is_none() {
            self.with_breaker(Breaker::answered);
        }
    }

    /// There is no reply, or no whole one.
    pub fn failed(&mut self, error: &LlmError) {
        if self.outcome.replace(error.label()).is_some() {
            return;
        }
        // Who was not reached, or refused, did not work on the question.
        self.costs = !matches!(error, LlmError::Connect | LlmError::Status { .. });
        if error.is_the_providers() {
            self.with_breaker(Breaker::failed);
        } else {
            self.with_breaker(Breaker::answered);
        }
    }

    fn with_breaker(&self, change: impl FnOnce(&mut Breaker, Pass, Instant)) {
        (self.target.service).with_breaker(&self.metrics, |breaker| change(breaker, self.pass, Instant::now()));
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.outcome.is_none() {
            self.with_breaker(Breaker::released);
        }
        let (provider, metrics) = (self.target.service.name.as_str(), &self.metrics);
        let outcome = self.outcome.unwrap_or("cancelled");
        metrics.provider_calls.with_label_values(&[provider, outcome]).inc();
        if !self.costs {
            return;
        }
        let usage = self.usage();
        for (kind, tokens) in [
            ("prompt", usage.prompt),
            ("completion", usage.completion),
            ("cached", usage.cached),
        ] {
            metrics
                .provider_tokens
                .with_label_values(&[provider, kind])
                .inc_by(tokens.into());
        }
        metrics.provider_cost.with_label_values(&[provider]).inc_by(self.cost());
        let seconds = self.spoke.map_or(0.0, |spoke| spoke.elapsed().as_secs_f64());
        // One piece has no speed, nor has a reply that was left.
        if seconds > 0.05 && outcome == "ok" {
            let speed = f64::from(usage.completion) / seconds;
            metrics.tokens_per_second.with_label_values(&[provider]).observe(speed);
        }
    }
}

impl Service {
    /// Changes the breaker and shows where it stands then.
    fn with_breaker<T>(&self, metrics: &Metrics, change: impl FnOnce(&mut Breaker) -> T) -> T {
        let mut breaker: MutexGuard<'_, Breaker> = self.breaker.lock().unwrap_or_else(PoisonError::into_inner);
        let before = breaker.position();
        let result = change(&mut breaker);
        let after = breaker.position();
        if before != after {
            tracing::warn!(provider = self.name, from = ?before, to = ?after, "the breaker of a provider moves");
            self.show_breaker(metrics, after);
        }
        result
    }

    /// Shows where the breaker stands.
    pub fn show_breaker(&self, metrics: &Metrics, position: Position) {
        let value = match position {
            Position::Closed => 0,
            Position::HalfOpen => 1,
            Position::Open => 2,
        };
        metrics
            .provider_breaker
            .with_label_values(&[self.name.as_str()])
            .set(value);
    }
}
