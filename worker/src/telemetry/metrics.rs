//! Metrics on the admin port. In: counts from every part; out: text for Prometheus. Labels come from closed sets: route
//! patterns, outcomes, configured names.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Seconds, from what a stub answers in to the longest turn.
const BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0,
];

/// Tokens a second, from a model that stutters to a stub.
const SPEEDS: [f64; 9] = [5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 1_000.0, 10_000.0];

/// The service's metrics. Clones share their values.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// HTTP answers by route pattern, method and status class.
    pub http_requests: IntCounterVec,
    /// Seconds from a request to the first text of its reply, by provider.
    pub first_token_seconds: HistogramVec,
    /// Tokens a second of replies from their first text on, by provider.
    pub tokens_per_second: HistogramVec,
    /// Seconds of a turn that were the worker's own before it asked a provider.
    pub overhead_seconds: Histogram,
    /// Seconds of whole turns by outcome: `completed`, `partial`, `failed`.
    pub turn_seconds: HistogramVec,
    /// Turns being answered now.
    pub turns_in_flight: IntGauge,
    /// Requests refused by a limit: `ip`, `key`, `user`, `worker`, `conversation`.
    pub refused: IntCounterVec,
    /// Calls to providers that ended, by provider and outcome: `ok`, `connect`, `rate_limited`, `server_error`, `refused`,
    /// `timeout`, `broken`, `cancelled`.
    pub provider_calls: IntCounterVec,
    /// Micro-dollars by provider, after the price list.
    pub provider_cost: IntCounterVec,
    /// Where the breaker of a provider stands: 0 closed, 1 half open, 2 open.
    pub provider_breaker: IntGaugeVec,
    /// Tokens by provider and kind: `prompt`, `completion`, `cached`.
    pub provider_tokens: IntCounterVec,
    /// Looks for a reply that was made already, by outcome: `hit`, `shared` (with a request that ran), `miss`, `spoilt`.
    pub reply_cache: IntCounterVec,
    /// Operations that went on without a part: `redis`, `postgres`, `embedder`.
    pub degraded: IntCounterVec,
    /// Reads that a replica may answer, by where they were: `replica`, or the primary because that was `late` or `away`.
    pub database_reads: IntCounterVec,
    /// Memories put into prompts.
    pub memories_recalled: IntCounter,
    /// Seconds that recall took.
    pub recall_seconds: Histogram,
    /// Jobs by task and outcome: `ok`, `failed`.
    pub jobs: IntCounterVec,
    /// Turns that ended while PostgreSQL was away, by outcome: `kept`, then `stored`, `erased` or `lost`.
    pub unsettled: IntCounterVec,
    /// Jobs that wait or run, of all workers.
    pub jobs_waiting: IntGauge,
    /// Whether Redis answered when it was last asked: 0 or 1.
    pub redis_up: IntGauge,
    /// Facts found in messages by outcome: `stored`, `duplicate`, `refused`.
    pub facts: IntCounterVec,
    /// What was decided of messages and replies, by side, label and route.
    pub decisions: IntCounterVec,
    /// Messages that no model answered, by route: `refusal`, `hard_refusal`.
    pub declined: IntCounterVec,
    /// Looks of the judge at a message, by outcome: `judged`, `cached`, `unreadable`, `failed`, `late`.
    pub judged: IntCounterVec,
    /// Messages by what they sound like.
    pub moods: IntCounterVec,
    /// Users who were active today (UTC), over all workers.
    pub active_users: IntGauge,
    /// Open connections to PostgreSQL.
    pub pool_open: IntGauge,
    /// Connections to PostgreSQL in use.
    pub pool_in_use: IntGauge,
}

impl Metrics {
    /// A fresh set, registered.
    ///
    /// # Errors
    /// Two metrics share a name, which is a bug that the first start shows.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let r = &registry;
        Ok(Self {
            http_requests: counters(r, "http_requests_total", "HTTP answers", &["route", "method", "status"])?,
            first_token_seconds: histograms(
                r,
                "first_token_seconds",
                "Time to the first text of a reply",
                "provider",
            )?,
            tokens_per_second: registered(
                r,
                HistogramVec::new(
                    HistogramOpts::from(options("tokens_per_second", "Tokens a second of replies"))
                        .buckets(SPEEDS.to_vec()),
                    &["provider"],
                )?,
            )?,
            overhead_seconds: histogram(
                r,
                "turn_overhead_seconds",
                "Time from a request until the provider is asked",
            )?,
            turn_seconds: histograms(r, "turn_seconds", "Duration of turns", "outcome")?,
            turns_in_flight: gauge(r, "turns_in_flight", "Turns being answered now")?,
            refused: counters(r, "refused_total", "Requests refused by a limit", &["limit"])?,
            provider_calls: counters(
                r,
                "provider_calls_total",
                "Calls to providers",
                &["provider", "outcome"],
            )?,
            provider_cost: counters(
                r,
                "provider_cost_microdollars_total",
                "Cost of providers in millionths of a dollar",
                &["provider"],
            )?,
            provider_breaker: registered(
                r,
                IntGaugeVec::new(
                    options(
                        "provider_breaker",
                        "Breaker of a provider: 0 closed, 1 half open, 2 open",
                    ),
                    &["provider"],
                )?,
            )?,
            provider_tokens: counters(r, "provider_tokens_total", "Tokens of providers", &["provider", "kind"])?,
            reply_cache: counters(
                r,
                "reply_cache_total",
                "Looks for a reply that was made already",
                &["outcome"],
            )?,
            degraded: counters(r, "degraded_total", "Operations that went on without a part", &["part"])?,
            database_reads: counters(
                r,
                "database_reads_total",
                "Reads that a replica may answer",
                &["outcome"],
            )?,
            memories_recalled: registered(
                r,
                IntCounter::with_opts(options("memories_recalled_total", "Memories put into prompts"))?,
            )?,
            recall_seconds: histogram(r, "recall_seconds", "Duration of recall")?,
            jobs: counters(r, "jobs_total", "Background jobs", &["task", "outcome"])?,
            jobs_waiting: gauge(
                r,
                "jobs_waiting",
                "Jobs that wait or run, of all workers: take the maximum",
            )?,
            redis_up: gauge(r, "redis_up", "Whether Redis answered when it was last asked")?,
            unsettled: counters(
                r,
                "unsettled_turns_total",
                "Turns that ended while PostgreSQL was away",
                &["outcome"],
            )?,
            facts: counters(r, "facts_total", "Facts found in messages", &["outcome"])?,
            decisions: counters(
                r,
                "safety_decisions_total",
                "What was decided of messages and replies",
                &["side", "label", "route"],
            )?,
            declined: counters(r, "declined_total", "Messages that no model answered", &["route"])?,
            judged: counters(r, "judged_total", "Looks of the judge at a message", &["outcome"])?,
            moods: counters(r, "moods_total", "Messages by what they sound like", &["emotion"])?,
            active_users: gauge(r, "active_users", "Users who were active today (UTC), over all workers")?,
            pool_open: gauge(r, "database_connections_open", "Open connections to PostgreSQL")?,
            pool_in_use: gauge(r, "database_connections_in_use", "Connections to PostgreSQL in use")?,
            registry,
        })
    }

    /// Everything in Prometheus' text format.
    ///
    /// # Errors
    /// A metric cannot be written, which no value of ours causes.
    pub fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn options(name: &str, help: &str) -> Opts {
    Opts::new(name, help).namespace("companion")
}

fn histogram_options(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::from(options(name, help)).buckets(BUCKETS.to_vec())
}

fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(options(name, help), labels)?)
}

fn histograms(registry: &Registry, name: &str, help: &str, label: &str) -> prometheus::Result<HistogramVec> {
    registered(registry, HistogramVec::new(histogram_options(name, help), &[label])?)
}

fn histogram(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Histogram> {
    registered(registry, Histogram::with_opts(histogram_options(name, help))?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    registered(registry, IntGauge::with_opts(options(name, help))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_own_name_and_is_written() {
        let metrics = Metrics::new().unwrap();
        metrics.refused.with_label_values(&["ip"]).inc();
        let text = metrics.text().unwrap();
        assert!(text.contains("companion_refused_total{limit=\"ip\"} 1"), "{text}");
    }
}
