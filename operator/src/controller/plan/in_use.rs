//! What pods depend on, and what therefore stays although nothing asks for it any more: configurations, Secrets and
//! ServiceAccounts of workers that run, that are going, or that may be started again.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use kube::ResourceExt as _;

use crate::controller::build::deployment::CONFIG_VOLUME;
use crate::controller::build::labels::Component;
use crate::controller::dereference::Found;

/// Names of what pods refer to.
#[derive(Clone, Debug, Default)]
pub struct InUse {
    /// Of workers and pods for jobs within the history limit, and of Jobs at work.
    pub configs: BTreeSet<String>,
    /// Of those that run, are going, or are made again when they are lost.
    pub secrets: BTreeSet<String>,
    /// The same.
    pub service_accounts: BTreeSet<String>,
}

/// Collects it from what was found. `deployments` are those of the worker's image.
pub fn in_use(found: &Found, deployments: &[&Deployment]) -> InUse {
    let alive = alive(found, deployments);
    InUse {
        configs: configs(found, deployments),
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

/// Pods of generations that are asked for, and those that still end their work.
fn alive<'a>(found: &'a Found, deployments: &[&'a Deployment]) -> Vec<&'a PodSpec> {
    let templates = deployments.iter().filter_map(|deployment| pod_spec(deployment));
    let sets = found.children.replica_sets.iter().filter_map(|set| {
        let spec = set.spec.as_ref()?;
        let wanted = spec.replicas.unwrap_or_default() > 0;
        wanted.then_some(spec.template.as_ref()?.spec.as_ref()?)
    });
    let pods = found.pods(Component::Worker).chain(found.pods(Component::Jobs));
    templates
        .chain(sets)
        .chain(pods.filter_map(|pod| pod.spec.as_ref()))
        .collect()
}

/// The pods that a Deployment makes.
pub fn pod_spec(deployment: &Deployment) -> Option<&PodSpec> {
    deployment.spec.as_ref()?.template.spec.as_ref()
}

fn secrets(pod: &PodSpec) -> impl Iterator<Item = String> {
    pod.containers
        .iter()
        .flat_map(|container| container.env.iter().flatten())
        .filter_map(|variable| Some(variable.value_from.as_ref()?.secret_key_ref.as_ref()?.name.clone()))
}

fn configs(found: &Found, deployments: &[&Deployment]) -> BTreeSet<String> {
    let uids: Vec<&str> = deployments
        .iter()
        .filter_map(|deployment| deployment.metadata.uid.as_deref())
        .collect();
    let of_sets = found
        .children
        .replica_sets
        .iter()
        .filter(|set| {
            set.owner_references()
                .iter()
                .any(|owner| uids.contains(&owner.uid.as_str()))
        })
        .filter_map(|set| config_name(set.spec.as_ref()?.template.as_ref()?.spec.as_ref()?));
    let of_deployments = deployments
        .iter()
        .filter_map(|deployment| config_name(pod_spec(deployment)?));
    let of_jobs = found
        .job_runs
        .iter()
        .filter(|run| run.is_running())
        .filter_map(|run| run.config_map.clone());
    of_sets.chain(of_deployments).chain(of_jobs).collect()
}
