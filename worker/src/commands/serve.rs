//! `serve`: the service, from the first look at the configuration to the last settled turn. The admin port answers first,
//! so that whoever waits for the worker sees why it is not ready; the serving port opens once the embedding model is loaded
//! and the schema is there.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::config::{ConfigError, Settings};
use crate::descriptors;
use crate::http::auth::Auth;
use crate::http::{Bound, Readiness, TrustedProxies, admin_router, router};
use crate::jobs;
use crate::link::Link;
use crate::llm::Models;
use crate::memory::{EmbedError, Embedder, Memories};
use crate::mind::emotion;
use crate::reply_cache::ReplyCache;
use crate::safety::Classifier;
use crate::safety::config::policy;
use crate::safety::judge::Judge;
use crate::session::Sessions;
use crate::shutdown::{Lifecycle, Signals, time_for_turns};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;

/// Threads that embed: a sentence takes 10 ms of one, and the runtime needs the processor too.
const EMBEDDING_THREADS: usize = 2;
/// Pause between two looks for the schema.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Between cutting a turn and leaving it behind: time to store what was said.
const AFTER_CUT: Duration = Duration::from_secs(3);

/// Who works on what comes after replies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Jobs {
    /// This worker, beside its turns.
    #[default]
    On,
    /// Others: this worker only serves.
    Off,
    /// This worker, and it does nothing else: its serving port stays closed.
    Only,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A setting or a secret.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The embedding model.
    #[error(transparent)]
    Embedder(#[from] EmbedError),
    /// The database URL.
    #[error("COMPANION_DATABASE_URL: {0}")]
    Store(#[from] StoreError),
    /// A port or a signal.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The metrics, which is a bug.
    #[error("failed to make the metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// What works on jobs ended by itself, which is a bug.
    #[error("nobody works on jobs any more: {0:?}")]
    Jobs(Option<tokio::task::JoinError>),
    /// A thread that loads the model broke.
    #[error("failed to load the embedding model: {0}")]
    Loading(#[from] tokio::task::JoinError),
}

/// Serves, works on jobs, or both, until a signal to end; and then until the turns that stream are finished. Calls `ready`
/// once it does.
///
/// # Errors
/// It cannot start; the text names the setting.
pub async fn run(settings: Settings, jobs: Jobs, mut signals: Signals, ready: impl FnOnce()) -> Result<(), ServeError> {
    let Settings { config, secrets } = &settings;
    descriptors::take_all();
    let metrics = Metrics::new()?;
    let lifecycle = Lifecycle::default();
    let readiness = Arc::new(Readiness::default());
    let turns = TaskTracker::new();
    let auth = Auth::new(config, secrets)?;
    let proxies = TrustedProxies::new(&config.auth.trusted_proxies)?;
    let store = Store::connect_lazy(
        secrets.database_url()?,
        config.database.pool_size,
        config.database.pooled,
    )?
    .with_replicas(
        &secrets.database_replica_urls()?,
        config.database.pooled,
        metrics.database_reads.clone(),
    )?;
    let link = Link::new(
        secrets.redis_url()?,
        config.redis.mode,
        metrics.degraded.with_label_values(&["redis"]),
    )?;
    let sessions = Sessions::new(link.clone(), config, &metrics);
    let replies = ReplyCache::new(link.clone(), config, &metrics);
    let models = Arc::new(Models::new(config, secrets, &metrics)?);
    let judge = Judge::new(Arc::clone(&models), link, config, &metrics);

    let admin = Bound::bind(&config.listen.admin).await?;
    let admin_routes = admin_router(
        Arc::clone(&readiness),
        lifecycle.clone(),
        metrics.clone(),
        store.clone(),
        sessions.clone(),
        turns.clone(),
    );
    tokio::spawn(admin.serve(admin_routes, std::future::pending(), Duration::ZERO));

    let path = settings.model_path();
    let (embedder, classifier) = tokio::task::spawn_blocking(move || {
        // Lexicons are read once, and not by the first message.
        emotion::detect("");
        (Embedder::load(&path, EMBEDDING_THREADS), Classifier::default())
    })
    .await?;
    let embedder = embedder?;
    readiness.embedder.store(true, Ordering::Release);
    tokio::select! {
        () = until_schema_fits(&store) => readiness.schema.store(true, Ordering::Release),
        () = signals.received() => return Ok(()),
    }

    let memories = Memories::new(store.clone(), embedder);
    let work = jobs::run(
        store.clone(),
        memories.clone(),
        Some(jobs::Summaries::new(Arc::clone(&models), config)),
        metrics.clone(),
        lifecycle.draining_token(),
    );
    let late = jobs::unsettled::run(
        store.clone(),
        sessions.clone(),
        metrics.clone(),
        lifecycle.draining_token(),
    );
    let mut working = tokio::spawn(async move {
        if jobs != Jobs::Off {
            tokio::join!(work, late);
        }
    });
    let app = Arc::new(App {
        slots: Arc::new(Semaphore::new(config.limits.turns_in_flight_per_worker as usize)),
        config: config.clone(),
        auth,
        proxies,
        sessions,
        store,
        memories,
        models,
        classifier,
        judge,
        policy: policy(config),
        replies,
        metrics,
        lifecycle,
        turns,
    });
    let (admin, tenant) = (&config.listen.admin, &config.tenant);
    if jobs == Jobs::Only {
        tracing::info!(admin, tenant, "ready, for jobs alone");
        ready();
        tokio::select! {
            () = signals.received() => {
                // At once, for the pod that takes over is no longer counted beside this one.
                app.store.shrink();
                app.lifecycle.drain();
            }
            // It goes on for ever; if it does not, another pod must.
            ended = &mut working => return Err(ServeError::Jobs(ended.err())),
        }
    } else {
        let serving = Bound::bind(&config.listen.serving).await?;
        tracing::info!(serving = config.listen.serving, admin, tenant, "ready");
        ready();
        serve_until_signalled(&app, serving, &mut signals).await;
    }
    // Where no stream ends meanwhile, jobs get the time that they need to end or to be given back.
    let time_for_jobs = if jobs == Jobs::Only {
        jobs::GRACE + AFTER_CUT
    } else {
        AFTER_CUT
    };
    if timeout(time_for_jobs, working).await.is_err() {
        tracing::warn!("jobs were still running at the end; another worker takes them up");
    }
    tracing::info!("gone");
    Ok(())
}

async fn serve_until_signalled(app: &Arc<App>, serving: Bound, signals: &mut Signals) {
    let grace = time_for_turns(app.config.drain.grace_period.duration());
    let stop = app.lifecycle.draining_token().cancelled_owned();
    let served = tokio::spawn(serving.serve(router(Arc::clone(app)), stop, grace));
    let ends = signals.leaving().await;
    // At once, for the pod that takes over is no longer counted beside this one.
    app.store.shrink();
    if !ends {
        signals.received().await;
    }
    app.lifecycle.drain();
    app.turns.close();
    tracing::info!(
        turns = app.turns.len(),
        grace_seconds = grace.as_secs(),
        "going: turns that stream are finished"
    );
    let finished = async {
        let _ = served.await;
        app.turns.wait().await;
    };
    let mut finished = std::pin::pin!(finished);
    if timeout(grace.saturating_sub(AFTER_CUT), &mut finished).await.is_err() {
        tracing::warn!(turns = app.turns.len(), "the grace period ends: turns are cut");
        app.lifecycle.cut();
        let _ = timeout(AFTER_CUT, finished).await;
    }
}

/// Waits for the schema. What it waits for is logged when it changes, not each time.
async fn until_schema_fits(store: &Store) {
    let mut said = String::new();
    loop {
        let problem = match store.schema().await.and_then(|state| state.check()) {
            Ok(()) => return,
            Err(error) => error.to_string(),
        };
        if problem != said {
            tracing::warn!(problem, "not ready");
            said = problem;
        }
        sleep(LOOK_AGAIN).await;
    }
}
