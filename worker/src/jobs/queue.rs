//! Runs jobs from the queue in PostgreSQL, on the worker's own connections. The migrate Job made the queue's tables; here
//! the library finds them up to date and changes nothing, which a role without CREATE could not do.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use graphile_worker::{Worker, WorkerContext, WorkerOptions};
use tokio_util::sync::CancellationToken;

use super::extract::Extract;
use super::summarise::{Summaries, Summarise};
use super::vectors::Vectors;
use crate::memory::Memories;
use crate::store::Store;
use crate::telemetry::Metrics;

/// Jobs at once: they share the pool and the embedder with the turns, and must not crowd them out.
const CONCURRENCY: usize = 2;

/// It polls: a listener would hold a connection of every worker for good, and none works behind a pooler.
const POLL: Duration = Duration::from_millis(500);

/// A worker says that it lives every so often.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// A worker silent for so long is dead, and others take its jobs over.
const DEAD_AFTER: Duration = Duration::from_secs(60);

/// A job whose worker is gone is taken up after this.
const TAKEN_UP_AFTER: Duration = Duration::from_secs(1);

/// How often each looks for dead ones.
const SWEEP: Duration = Duration::from_secs(30);

/// Jobs that run at shutdown may take so long; others take over what is left.
pub const GRACE: Duration = Duration::from_secs(5);

/// Longest wait before the queue is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What a task works with.
#[derive(Clone)]
pub struct Work {
    pub store: Store,
    pub memories: Memories,
    pub summaries: Option<Summaries>,
    pub metrics: Metrics,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

/// Runs jobs until `shutdown`; starts again when the database was away.
pub async fn run(store: Store, work: Work, shutdown: CancellationToken) {
    let mut wait = Duration::from_secs(1);
    while !shutdown.is_cancelled() {
        match start(&store, work.clone(), shutdown.clone()).await {
            Ok(worker) => {
                wait = Duration::from_secs(1);
                if let Err(error) = worker.run().await {
                    tracing::warn!(%error, "the job queue stopped");
                }
            }
            Err(error) => tracing::warn!(%error, "the job queue did not start"),
        }
        shutdown.run_until_cancelled(tokio::time::sleep(wait)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn start(
    store: &Store,
    work: Work,
    shutdown: CancellationToken,
) -> Result<Worker, graphile_worker::WorkerBuildError> {
    WorkerOptions::default()
        .pg_pool(store.pool().clone())
        .concurrency(CONCURRENCY)
        .poll_interval(POLL)
        .use_notification_delivery(false)
        .heartbeat_interval(HEARTBEAT)
        .sweep_threshold(DEAD_AFTER)
        .sweep_interval(SWEEP)
        .recovery_delay(TAKEN_UP_AFTER)
        .shutdown_interrupted_job_retry_delay(TAKEN_UP_AFTER)
        .listen_os_shutdown_signals(false)
        .shutdown_signal(async move { shutdown.cancelled().await })
        .shutdown_grace_period(GRACE)
        .add_extension(work)
        .define_job::<Extract>()
        .define_job::<Summarise>()
        .define_job::<Vectors>()
        .init()
        .await
}

/// Runs one task with what it works with, and counts how it ended. The error's text is kept beside the job in the queue.
pub async fn counted<F>(task: &str, context: &WorkerContext, run: impl FnOnce(Work) -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), String>>,
{
    let Some(work) = context.get_ext::<Work>().cloned() else {
        return Err("the runner was started without what its tasks work with".into());
    };
    let jobs = work.metrics.jobs.clone();
    let result = run(work).await;
    jobs.with_label_values(&[task, if result.is_ok() { "ok" } else { "failed" }])
        .inc();
    result
}
