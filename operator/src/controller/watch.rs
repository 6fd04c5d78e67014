//! What starts a pass: a change of a resource but for its status, which is ours, or of one of its children. Children are
//! watched by our label; Secrets are not watched at all.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::BoxFuture;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{Config, Controller};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt as _, watcher};
use kube::{Api, Client, Resource};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use companion_crds::CompanionDeployment;

use super::build::labels::{MANAGED_BY, MANAGER};
use crate::context::Context;

/// A resource, or the reason why it cannot be read: one malformed object must not stop the watch of the others.
pub type Guarded = DeserializeGuard<CompanionDeployment>;

/// Passes at once.
const CONCURRENCY: u16 = 8;
/// Changes within so short a time are one.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// Watches one namespace, or all. Gives the resources it knows, and the work to be polled until `stop`.
pub fn watch(
    context: Arc<Context>,
    namespace: Option<&str>,
    stop: CancellationToken,
) -> (Store<Guarded>, BoxFuture<'static, ()>) {
    let client = &context.client;
    let children = || watcher::Config::default().labels(&format!("{MANAGED_BY}={MANAGER}"));
    let (store, writer) = reflector::store();
    let resources = watcher(scoped::<Guarded>(client, namespace), watcher::Config::default())
        .reflect(writer)
        .applied_objects()
        .predicate_filter(wishes, PredicateConfig::default());
    let controller = Controller::for_stream(resources, store.clone())
        .with_config(Config::default().concurrency(CONCURRENCY).debounce(DEBOUNCE))
        .owns(scoped::<ServiceAccount>(client, namespace), children())
        .owns(scoped::<ConfigMap>(client, namespace), children())
        .owns(scoped::<Service>(client, namespace), children())
        .owns(scoped::<StatefulSet>(client, namespace), children())
        .owns(scoped::<Job>(client, namespace), children())
        .owns(scoped::<Deployment>(client, namespace), children())
        .owns(scoped::<HorizontalPodAutoscaler>(client, namespace), children())
        .owns(scoped::<PodDisruptionBudget>(client, namespace), children())
        .graceful_shutdown_on(stop.cancelled_owned());
    let work = controller
        .run(super::reconcile, super::after_error, context)
        .for_each(|result| async move {
            if let Err(error) = result {
                debug!(%error, "the controller reports");
            }
        });
    (store, Box::pin(work))
}

/// A hash of what a pass depends on. The status is not in it: a pass that failed says so there, and must not wake itself.
fn wishes(guarded: &Guarded) -> Option<u64> {
    let meta = guarded.meta();
    let mut hasher = DefaultHasher::new();
    meta.generation.hash(&mut hasher);
    meta.annotations.hash(&mut hasher);
    meta.deletion_timestamp.is_some().hash(&mut hasher);
    // It can be a status written by somebody else that makes an object unreadable, or readable again.
    guarded.0.is_ok().hash(&mut hasher);
    Some(hasher.finish())
}

fn scoped<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
    client: &Client,
    namespace: Option<&str>,
) -> Api<K> {
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}
