//! What happens after the reply. A settled turn leaves a row in `companion.outbox`; [`relay`] moves such rows to the job
//! queue in batches; [`queue`] runs them: facts are extracted from what the user wrote, vectors are added where they are
//! missing, what is too old for a prompt is summed up. [`unsettled`] stores turns that ended while
//! PostgreSQL was away. All tasks may be repeated at any point without doing anything twice.

pub mod backlog;
pub mod dead;
mod extract;
mod queue;
mod relay;
mod summarise;
pub mod unsettled;
mod vectors;

use tokio_util::sync::CancellationToken;

use crate::memory::Memories;
use crate::store::Store;
use crate::telemetry::Metrics;

pub use queue::GRACE;
pub use summarise::Summaries;

/// Name of the task that extracts facts from a message, in the outbox and in the queue.
pub const EXTRACT: &str = "extract";

/// Name of the task that sums up what is too old for a prompt.
pub const SUMMARISE: &str = "summarise";

/// Name of the task that adds the vectors that a user's memories lack.
pub const VECTORS: &str = "vectors";

/// Relays and runs jobs until `shutdown`; then waits a few seconds for those that run. Where the database is away it
/// tries again, ever slower: no error ends it.
pub async fn run(
    store: Store,
    memories: Memories,
    summaries: Option<Summaries>,
    metrics: Metrics,
    shutdown: CancellationToken,
) {
    let work = queue::Work {
        store: store.clone(),
        memories,
        summaries,
        metrics,
    };
    tokio::join!(
        relay::run(store.clone(), shutdown.clone()),
        queue::run(store, work, shutdown)
    );
}
