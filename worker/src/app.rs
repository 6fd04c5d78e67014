//! What every request needs and no request owns: the parts of a running worker, put together once by `serve`.

use std::sync::Arc;

use companion_crds::config::WorkerConfig;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::http::TrustedProxies;
use crate::http::auth::Auth;
use crate::llm::Models;
use crate::memory::Memories;
use crate::reply_cache::ReplyCache;
use crate::safety::Classifier;
use crate::safety::course::Policy;
use crate::safety::judge::Judge;
use crate::session::Sessions;
use crate::shutdown::Lifecycle;
use crate::store::Store;
use crate::telemetry::Metrics;

/// The parts of a running worker.
pub struct App {
    /// The configuration file.
    pub config: WorkerConfig,
    /// Who is believed.
    pub auth: Auth,
    /// Which proxies say who called them.
    pub proxies: TrustedProxies,
    /// Redis.
    pub sessions: Sessions,
    /// PostgreSQL.
    pub store: Store,
    /// Long-term memory.
    pub memories: Memories,
    /// Language models.
    pub models: Arc<Models>,
    /// The pattern layers of safety.
    pub classifier: Classifier,
    /// Who is asked where they are unsure.
    pub judge: Judge,
    /// What the deployment allows.
    pub policy: Policy,
    /// Replies that were made already.
    pub replies: ReplyCache,
    /// Counts.
    pub metrics: Metrics,
    /// Whether the worker stays.
    pub lifecycle: Lifecycle,
    /// Room for turns.
    pub slots: Arc<Semaphore>,
    /// Turns that are being answered, whether their client still listens or not.
    pub turns: TaskTracker,
}
