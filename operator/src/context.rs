//! What every pass over a resource shares.

use std::sync::Arc;

use kube::Client;
use kube::runtime::events::Recorder;

use crate::backoff::Backoff;
use crate::secret_hash::SecretHasher;
use crate::settings::Images;
use crate::telemetry::Metrics;

/// Shared by all passes.
pub struct Context {
    /// To the API server.
    pub client: Client,
    /// For events.
    pub recorder: Recorder,
    /// Counted on.
    pub metrics: Arc<Metrics>,
    /// Images of this release.
    pub images: Images,
    /// For secrets' values.
    pub hasher: SecretHasher,
    /// Of resources that fail.
    pub backoff: Backoff,
}
