//! What the operator tells about itself: JSON logs, metrics, and the admin port with `/healthz`, `/readyz`, `/metrics`.
//! No log line and no label holds a secret's value; labels come from closed sets.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts, Registry};
use tracing_subscriber::EnvFilter;

/// JSON logs to standard output, as verbose as `RUST_LOG` says.
pub fn start_logs() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_span_list(false)
        .with_env_filter(filter)
        .init();
}

/// How one pass over an object ended.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Something was written.
    Changed,
    /// All was as it should be.
    Unchanged,
    /// It failed and is tried again.
    Error,
}

/// Every metric, and whether the watches run.
pub struct Metrics {
    registry: Registry,
    reconciles: IntCounterVec,
    duration: Histogram,
    writes: IntCounterVec,
    /// 1 in the replica that leads.
    pub leader: IntGauge,
    /// Resources that are watched.
    pub objects: IntGauge,
    /// 1 while the cluster does not serve the kind.
    pub crd_missing: IntGauge,
    started: AtomicBool,
}

impl Metrics {
    /// Registers every metric.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, label: &str| IntCounterVec::new(Opts::new(name, help), &[label]);
        let metrics = Self {
            reconciles: counter(
                "companion_operator_reconciles_total",
                "Passes over a resource, by outcome.",
                "outcome",
            )?,
            duration: Histogram::with_opts(
                HistogramOpts::new("companion_operator_reconcile_duration_seconds", "Duration of one pass.")
                    .buckets(vec![0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0]),
            )?,
            writes: counter(
                "companion_operator_writes_total",
                "Writes to the API server, by verb.",
                "verb",
            )?,
            leader: IntGauge::new("companion_operator_leader", "1 in the replica that leads.")?,
            objects: IntGauge::new("companion_operator_objects", "CompanionDeployments that are watched.")?,
            crd_missing: IntGauge::new(
                "companion_operator_crd_missing",
                "1 while the cluster does not serve CompanionDeployment.",
            )?,
            started: AtomicBool::new(false),
            registry,
        };
        let registry = &metrics.registry;
        registry.register(Box::new(metrics.reconciles.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        registry.register(Box::new(metrics.writes.clone()))?;
        registry.register(Box::new(metrics.leader.clone()))?;
        registry.register(Box::new(metrics.objects.clone()))?;
        registry.register(Box::new(metrics.crd_missing.clone()))?;
        Ok(metrics)
    }

    /// Counts one pass.
    pub fn reconciled(&self, outcome: Outcome, took: Duration) {
        let outcome = match outcome {
            Outcome::Changed => "changed",
            Outcome::Unchanged => "unchanged",
            Outcome::Error => "error",
        };
        self.reconciles.with_label_values(&[outcome]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts one write: `create`, `patch`, `delete`, `status` or `event`.
    pub fn wrote(&self, verb: &'static str) {
        self.writes.with_label_values(&[verb]).inc();
    }

    /// The replica has what it needs: it leads, or stands by.
    pub fn set_started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Why the replica is not ready.
    pub fn not_ready(&self) -> Option<&'static str> {
        if self.crd_missing.get() == 1 {
            Some(
                "waiting for the CustomResourceDefinition companiondeployments.companion.dev: install the chart companion-crds\n",
            )
        } else if !self.started.load(Ordering::Acquire) {
            Some("starting\n")
        } else {
            None
        }
    }

    /// Everything in the text format of Prometheus.
    pub fn text(&self) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_default()
    }
}
