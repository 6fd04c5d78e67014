//! What pods depend on, and what therefore stays although nothing asks for it any more: configurations, Secrets and
//! ServiceAccounts of workers that run, that are going, or that may be started again.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use kube::ResourceExt as _;

use crate::controller::build::deployment::CONFIG_VOLUME;
use crate::controller::build::labels;
use crate::controller::dereference::Found;

/// Names of what pods refer to.
#[derive(Clone, Debug, Default)]
pub struct InUse {
    /// Of workers within the history limit, and of Jobs at work.
    pub configs: BTreeSet<String>,
    /// Of workers that run, are going, or are made again when they are lost.
    pub secrets: BTreeSet<String>,
    /// The same.
    pub service_accounts: BTreeSet<String>,
}

/// Collects it from what was found.
pub fn in_use(found: &Found, deployment: Option<&Deployment>) -> InUse {
    let alive = alive(found, deployment);
    InUse {
        configs: configs(found, deployment),
        secrets: alive.iter().flat_map(|pod| secrets(pod)).collect(),
        service_accounts: alive
            .iter()
            .filter_map(|pod| pod.service_account_name.clone())
            .collect(),
    }
}

/// The ConfigMap with the configuration of a worker's pod.
pub fn config_name(pod: &PodSpec) -> Option<String> {
    let volume = pod
        .volumes
        .iter()
        .flatten()
        .find(|volume| volume.name == CONFIG_VOLUME)?;
    Some(volume.config_map.as_ref()?.name.clone())
}

/// Workers of generations that are asked for, and those that still end their streams.
fn alive<'a>(found: &'a Found, deployment: Option<&'a Deployment>) -> Vec<&'a PodSpec> {
    let template = deployment.and_then(|deployment| deployment.spec.as_ref()?.template.spec.as_ref());
    let sets = found.children.replica_sets.iter().filter_map(|set| {
        let spec = set.spec.as_ref()?;
        let wanted = spec.replicas.unwrap_or_default() > 0;
        wanted.then_some(spec.template.as_ref()?.spec.as_ref()?)
    });
    let pods = found.children.pods.iter().filter_map(|pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        let counts = labels::is_worker(pod.labels()) && !matches!(phase, Some("Succeeded" | "Failed"));
        counts.then_some(pod.spec.as_ref()?)
    });
    template.into_iter().chain(sets).chain(pods).collect()
}

fn secrets(pod: &PodSpec) -> impl Iterator<Item = String> {
    pod.containers
        .iter()
        .flat_map(|container| container.env.iter().flatten())
        .filter_map(|variable| Some(variable.value_from.as_ref()?.secret_key_ref.as_ref()?.name.clone()))
}

fn configs(found: &Found, deployment: Option<&Deployment>) -> BTreeSet<String> {
    let uid = deployment.and_then(|deployment| deployment.metadata.uid.as_deref());
    let of_sets = found
        .children
        .replica_sets
        .iter()
        .filter(|set| {
            set.owner_references()
                .iter()
                .any(|owner| Some(owner.uid.as_str()) == uid)
        })
        .filter_map(|set| config_name(set.spec.as_ref()?.template.as_ref()?.spec.as_ref()?));
    let of_deployment =
        deployment.and_then(|deployment| config_name(deployment.spec.as_ref()?.template.spec.as_ref()?));
    let of_jobs = found
        .job_runs
        .iter()
        .filter(|run| run.is_running())
        .filter_map(|run| run.config_map.clone());
    of_sets.chain(of_deployment).chain(of_jobs).collect()
}
