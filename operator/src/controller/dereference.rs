//! The only step that reads. In: a resource. Out: everything that the steps after it decide by: the Secrets it names,
//! its children as they are, and what its Jobs left behind.

mod jobs;

use std::collections::BTreeMap;

use companion_crds::CompanionDeployment;
use companion_crds::config::WorkerConfig;
use futures::future::try_join_all;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::build::config_map::CONFIG_KEY;
use super::build::labels::{self, Component};
use super::validate::{named_secrets, postgres_claim};
use crate::api_error::words;

pub use jobs::{JobRun, Trouble};

/// The reading failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("failed to read {what}: {}", words(source))]
pub struct Error {
    what: String,
    source: kube::Error,
}

/// Children as they are.
#[derive(Debug, Default)]
pub struct Children {
    /// Of the workers.
    pub service_accounts: Vec<ServiceAccount>,
    /// Configurations and start scripts.
    pub config_maps: Vec<ConfigMap>,
    /// Of the workers and managed servers.
    pub services: Vec<Service>,
    /// Managed servers.
    pub stateful_sets: Vec<StatefulSet>,
    /// Workers, and pods for jobs.
    pub deployments: Vec<Deployment>,
    /// Generations of both.
    pub replica_sets: Vec<ReplicaSet>,
    /// Preflight and migrations.
    pub jobs: Vec<Job>,
    /// Pods of all of them, also those that are going.
    pub pods: Vec<Pod>,
    /// The workers' autoscaler.
    pub autoscalers: Vec<HorizontalPodAutoscaler>,
    /// The workers' disruption budget.
    pub disruption_budgets: Vec<PodDisruptionBudget>,
}

/// Everything that was found.
#[derive(Default)]
pub struct Found {
    /// Those that exist of the named Secrets.
    pub secrets: BTreeMap<String, Secret>,
    /// The uid of managed PostgreSQL's volume claim, if there is one.
    pub postgres_claim_uid: Option<String>,
    /// Children.
    pub children: Children,
    /// Preflight and migrate Jobs of this very resource, oldest first.
    pub job_runs: Vec<JobRun>,
}

impl Found {
    /// The workers, or the pods for jobs.
    pub fn deployment(&self, name: &str) -> Option<&Deployment> {
        self.children
            .deployments
            .iter()
            .find(|deployment| deployment.name_any() == name)
    }

    /// Generations of one component.
    pub fn generations(&self, component: Component) -> impl Iterator<Item = &ReplicaSet> {
        let sets = self.children.replica_sets.iter();
        sets.filter(move |set| labels::is_of(component, set.labels()))
    }

    /// Pods of one component that run, are about to, or are going.
    pub fn pods(&self, component: Component) -> impl Iterator<Item = &Pod> {
        self.children.pods.iter().filter(move |pod| {
            let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
            labels::is_of(component, pod.labels()) && !matches!(phase, Some("Succeeded" | "Failed"))
        })
    }

    /// A managed server.
    pub fn stateful_set(&self, name: &str) -> Option<&StatefulSet> {
        self.children.stateful_sets.iter().find(|set| set.name_any() == name)
    }

    /// The configuration in the ConfigMap called `name`.
    pub fn worker_config(&self, name: &str) -> Option<WorkerConfig> {
        let map = self.children.config_maps.iter().find(|map| map.name_any() == name)?;
        serde_saphyr::from_str(map.data.as_ref()?.get(CONFIG_KEY)?).ok()
    }
}

/// `known` as the API server has it now, unless it is gone.
pub async fn current(client: &Client, known: &CompanionDeployment) -> Result<Option<CompanionDeployment>, Error> {
    let name = known.name_any();
    let api: Api<CompanionDeployment> = Api::namespaced(client.clone(), &known.namespace().unwrap_or_default());
    api.get_opt(&name).await.map_err(|source| Error {
        what: format!("the resource {name:?}"),
        source,
    })
}

/// Reads everything about `resource`.
pub async fn dereference(client: &Client, resource: &CompanionDeployment) -> Result<Found, Error> {
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(client.clone(), &namespace);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &namespace);
    let selector = labels::children_selector(&name);
    let claim = postgres_claim(&name);
    let named = named_secrets(resource);
    let secrets = try_join_all(named.iter().map(async |name| {
        secrets.get_opt(name).await.map_err(|source| Error {
            what: format!("secret {name:?}"),
            source,
        })
    }));

    let (
        secrets,
        claim,
        service_accounts,
        config_maps,
        services,
        stateful_sets,
        deployments,
        replica_sets,
        (jobs, pods),
        autoscalers,
        disruption_budgets,
    ) = tokio::try_join!(
        secrets,
        async {
            claims.get_opt(&claim).await.map_err(|source| Error {
                what: format!("volume claim {claim:?}"),
                source,
            })
        },
        list(client, &namespace, &selector),
        list(client, &namespace, &selector),
        list(client, &namespace, &selector),
        list(client, &namespace, &selector),
        list(client, &namespace, &selector),
        list(client, &namespace, &selector),
        async {
            // In this order: a Job that ended after the Pods were read would seem to have left no report.
            let jobs = list::<Job>(client, &namespace, &selector).await?;
            Ok((jobs, list::<Pod>(client, &namespace, &selector).await?))
        },
        list(client, &namespace, &selector),
        list(client, &namespace, &selector),
    )?;

    let uid = resource.uid().unwrap_or_default();
    Ok(Found {
        secrets: secrets
            .into_iter()
            .flatten()
            .map(|secret| (secret.name_any(), secret))
            .collect(),
        postgres_claim_uid: claim
            .filter(|claim| claim.metadata.deletion_timestamp.is_none())
            .and_then(|claim| claim.metadata.uid),
        job_runs: jobs::runs(&jobs, &pods, &uid),
        children: Children {
            service_accounts: of_this_life(service_accounts, &uid),
            config_maps: of_this_life(config_maps, &uid),
            services: of_this_life(services, &uid),
            stateful_sets: of_this_life(stateful_sets, &uid),
            deployments: of_this_life(deployments, &uid),
            replica_sets,
            jobs: of_this_life(jobs, &uid),
            pods,
            autoscalers: of_this_life(autoscalers, &uid),
            disruption_budgets: of_this_life(disruption_budgets, &uid),
        },
    })
}

/// Without the children of a deleted resource of this name, which are only still there.
fn of_this_life<K: Resource>(mut children: Vec<K>, uid: &str) -> Vec<K> {
    children.retain(|child| {
        let owners = child.owner_references();
        owners
            .iter()
            .all(|owner| owner.controller != Some(true) || owner.uid == uid)
    });
    children
}

async fn list<K>(client: &Client, namespace: &str, selector: &str) -> Result<Vec<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let list = Api::<K>::namespaced(client.clone(), namespace)
        .list(&ListParams::default().labels(selector))
        .await;
    list.map(|list| list.items).map_err(|source| Error {
        what: format!("this resource's {}", K::plural(&())),
        source,
    })
}
