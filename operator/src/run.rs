//! The life of one replica: it opens its admin port, waits for its kind to be served and for leadership, then watches
//! and reconciles. It ends well on SIGTERM, and badly, on purpose, when it loses its leadership.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::future::join_all;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::Store;
use kube::{Client, Config, ResourceExt as _};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::backoff::Backoff;
use crate::context::Context;
use crate::controller::{self, Guarded};
use crate::leader::Leader;
use crate::secret_hash::SecretHasher;
use crate::settings::Settings;
use crate::telemetry::Metrics;
use crate::{admin, discovery};

const CONNECT: Duration = Duration::from_secs(5);
const LOAD_KEY: Duration = Duration::from_secs(20);
/// Passes under way get so long to end.
const SHUTDOWN: Duration = Duration::from_secs(10);
/// The resources are counted so often.
const COUNT: Duration = Duration::from_secs(10);

/// Runs until SIGTERM or the loss of leadership.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    // Which provider is linked in depends on other crates' features; only the first installation counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let metrics = Arc::new(Metrics::new()?);
    let listener = TcpListener::bind(settings.admin_address)
        .await
        .with_context(|| format!("failed to listen on --admin-address {}", settings.admin_address))?;
    tokio::spawn(admin::serve(listener, Arc::clone(&metrics)));

    let mut config = Config::infer()
        .await
        .context("found neither a service account nor a kubeconfig")?;
    config.connect_timeout = Some(CONNECT);
    let client = Client::try_from(config)?;
    let leader = Leader::new(client.clone(), &settings.pod_namespace, settings.pod_name.clone());

    let stop = stop_on_signal()?;

    let stand_by = async {
        discovery::wait_for_crd(&client, &metrics).await;
        metrics.set_started();
        leader.acquire().await
    };
    let lease = tokio::select! {
        lease = stand_by => lease,
        () = stop.cancelled() => return Ok(()),
    };
    metrics.leader.set(1);
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(SHUTDOWN).await;
    };
    tokio::select! {
        result = work(&settings, &client, &metrics, stop.clone()) => result?,
        () = overdue => {}
        () = leader.hold(lease) => {
            metrics.leader.set(0);
            bail!("lost the lease: another replica may lead now");
        }
    }
    leader.release().await;
    info!("stopped");
    Ok(())
}

/// Cancelled at SIGTERM or SIGINT.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        signalled.cancel();
    });
    Ok(stop)
}

/// What a leader does until `stop`.
async fn work(
    settings: &Settings,
    client: &Client,
    metrics: &Arc<Metrics>,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let hasher = tokio::time::timeout(LOAD_KEY, SecretHasher::load(client.clone(), &settings.pod_namespace));
    let hasher = hasher
        .await
        .context("the API server did not answer about the key of the secrets' hashes")??;
    let reporter = Reporter {
        controller: "companion-operator".into(),
        instance: Some(settings.pod_name.clone()),
    };
    let context = Arc::new(Context {
        client: client.clone(),
        recorder: Recorder::new(client.clone(), reporter),
        metrics: Arc::clone(metrics),
        images: settings.images.clone(),
        hasher,
        backoff: Backoff::default(),
    });
    watch(settings, context, stop).await;
    Ok(())
}

/// Watches every namespace, or each of the named ones.
async fn watch(settings: &Settings, context: Arc<Context>, stop: CancellationToken) {
    let watched = settings.watched();
    let scopes: Vec<Option<&str>> = if watched.is_empty() {
        vec![None]
    } else {
        watched.into_iter().map(Some).collect()
    };
    let (stores, controllers): (Vec<_>, Vec<_>) = scopes
        .into_iter()
        .map(|scope| controller::watch(Arc::clone(&context), scope, stop.clone()))
        .unzip();
    let counting = count(&context, &stores);
    let controllers = join_all(controllers);
    tokio::select! {
        () = counting => {}
        _ = controllers => {}
    }
}

async fn count(context: &Context, stores: &[Store<Guarded>]) {
    let mut tick = tokio::time::interval(COUNT);
    loop {
        tick.tick().await;
        let known: HashSet<String> = stores
            .iter()
            .flat_map(Store::state)
            .filter_map(|object| object.uid())
            .collect();
        context
            .metrics
            .objects
            .set(i64::try_from(known.len()).unwrap_or(i64::MAX));
        context.backoff.retain(|uid| known.contains(uid));
    }
}
