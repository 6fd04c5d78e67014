//! From decisions to children. One file per child, each a plain function from values to a Kubernetes object, so that a
//! snapshot shows what a resource becomes.

pub mod autoscaler;
pub mod config_map;
pub mod deployment;
pub mod disruption_budget;
pub mod job;
pub mod jobs_deployment;
pub mod labels;
pub mod migrate;
pub mod placement;
pub mod pod;
pub mod postgres;
pub mod preflight;
pub mod redis;
pub mod secret;
pub mod server;
pub mod service;
pub mod service_account;
mod traces;

use std::collections::BTreeSet;
use std::io;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::ResourceExt as _;

use super::plan::{JobStep, Plan, Serving};
use super::validate::{Part, Validated, postgres_secret, redis_secret};
use labels::Component;
use server::Server;

/// What is to become of a child.
#[derive(Clone, Debug)]
pub enum Wanted<T> {
    /// It is to be so.
    Apply(Box<T>),
    /// It stays as it is, whatever that is.
    Keep,
    /// It is to go.
    Absent,
}

impl<T> Wanted<T> {
    fn apply(child: T) -> Self {
        Self::Apply(Box::new(child))
    }

    fn when(wanted: bool, child: impl FnOnce() -> T) -> Self {
        if wanted { Self::apply(child()) } else { Self::Absent }
    }
}

/// Every child as it is to be. `apply` turns it into [`super::apply::Applied`].
#[derive(Debug)]
pub struct Prepared {
    /// Secrets to make.
    pub new_secrets: Vec<Secret>,
    /// Labels and owner of generated Secrets that are there.
    pub kept_secrets: Vec<Secret>,
    /// Of the workers.
    pub service_account: Wanted<ServiceAccount>,
    /// Managed Redis.
    pub redis: Wanted<Server>,
    /// Managed PostgreSQL.
    pub postgres: Wanted<Server>,
    /// Configurations that are used from now on.
    pub configs: Vec<ConfigMap>,
    /// Names of configurations that something refers to already.
    pub configs_in_use: BTreeSet<String>,
    /// Jobs to make.
    pub jobs: Vec<Job>,
    /// Names of Jobs that have told all they know.
    pub old_jobs: Vec<String>,
    /// Of the workers.
    pub service: Service,
    /// The workers.
    pub deployment: Wanted<Deployment>,
    /// The number of workers, where it is ours to say.
    pub replicas: Option<u32>,
    /// Pods that do nothing but jobs.
    pub jobs_deployment: Wanted<Deployment>,
    /// The number of those, where there are any.
    pub jobs_replicas: Option<u32>,
    /// Of the workers.
    pub autoscaler: Wanted<HorizontalPodAutoscaler>,
    /// Of the workers.
    pub disruption_budget: Wanted<PodDisruptionBudget>,
}

/// A child cannot be made from these values.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] config_map::Error),
    /// A password.
    #[error("failed to read random bytes for a password")]
    Random(#[from] io::Error),
}

/// Builds every child of a resource.
pub fn build(from: &Validated, plan: &Plan) -> Result<Prepared, Error> {
    let identity = &from.identity;
    let job_config = config_map::config_map(identity, &config_map::job_config(from))?;
    let job_config_name = job_config.name_any();
    let start = |step: &Option<JobStep>, build: fn(&Validated, &str, &str, u32) -> Job| {
        step.as_ref()
            .and_then(|job| Some(build(from, &job_config_name, &job.inputs, job.start?)))
    };
    let jobs: Vec<Job> = [
        start(&plan.preflight, preflight::preflight),
        start(&plan.migration, migrate::migrate),
    ]
    .into_iter()
    .flatten()
    .collect();

    let mut configs = if jobs.is_empty() { vec![] } else { vec![job_config] };
    let jobs_deployment = match &plan.serving {
        Some(serving) if serving.jobs.pods > 0 => {
            let config = config_map::config_map(identity, &config_map::jobs_pod_config(from))?;
            let deployment = jobs_deployment::jobs_deployment(from, &config.name_any(), &serving.jobs.mark);
            configs.push(config);
            Wanted::apply(deployment)
        }
        Some(_) => Wanted::Absent,
        None => Wanted::Keep,
    };
    let (deployment, autoscaler, disruption_budget) = match &plan.serving {
        Some(serving) => {
            let config = config_map::config_map(identity, &config_map::worker_config(from, serving.pools))?;
            let deployment = deployment::deployment(from, &config.name_any(), serving);
            configs.push(config);
            let (autoscaler, budget) = around_workers(from, serving);
            (Wanted::apply(deployment), autoscaler, budget)
        }
        None if plan.suspended => (Wanted::Keep, Wanted::Absent, Wanted::Absent),
        None => (Wanted::Keep, Wanted::Keep, Wanted::Keep),
    };

    Ok(Prepared {
        new_secrets: from
            .generate
            .iter()
            .map(|kind| secret::generate(identity, *kind))
            .collect::<io::Result<_>>()?,
        kept_secrets: secret::kept(from),
        service_account: service_account(from, plan),
        redis: managed(from, plan, Part::Redis, from.spec.redis.managed.as_ref(), |wish| {
            redis::redis(from, &plan.redis, wish)
        }),
        postgres: managed(
            from,
            plan,
            Part::Database,
            from.spec.database.managed.as_ref(),
            |wish| postgres::postgres(from, &plan.postgres, wish),
        ),
        configs,
        configs_in_use: plan.in_use.configs.clone(),
        jobs,
        old_jobs: plan.old_jobs.clone(),
        service: service::workers(identity),
        deployment,
        replicas: plan.replicas,
        jobs_deployment,
        jobs_replicas: plan.jobs_replicas,
        autoscaler,
        disruption_budget,
    })
}

/// Ours stays, where another is named, for as long as pods run under it.
fn service_account(from: &Validated, plan: &Plan) -> Wanted<ServiceAccount> {
    let identity = &from.identity;
    if from.spec.service_account_name.is_empty() {
        Wanted::apply(service_account::service_account(identity))
    } else if plan.in_use.service_accounts.contains(&service_account::name(identity)) {
        Wanted::Keep
    } else {
        Wanted::Absent
    }
}

/// A managed server waits for its password, and is left as it is where there is a problem with that. One that nobody asks
/// for any more stays until the last worker that uses it is gone: workers of another are only just being rolled out.
fn managed<W>(
    from: &Validated,
    plan: &Plan,
    part: Part,
    wish: Option<&W>,
    build: impl FnOnce(&W) -> Server,
) -> Wanted<Server> {
    let Some(wish) = wish else {
        let name = &from.identity.name;
        let password = if part == Part::Redis {
            redis_secret(name)
        } else {
            postgres_secret(name)
        };
        return if plan.in_use.secrets.contains(&password) {
            Wanted::Keep
        } else {
            Wanted::Absent
        };
    };
    let component = if part == Part::Redis {
        Component::Redis
    } else {
        Component::Postgres
    };
    let password_is_new = from.generate.iter().any(|kind| kind.component() == component);
    let trouble = from.problems.iter().any(|problem| problem.part == part);
    if password_is_new || trouble {
        Wanted::Keep
    } else {
        Wanted::apply(build(wish))
    }
}

fn around_workers(
    from: &Validated,
    serving: &Serving,
) -> (Wanted<HorizontalPodAutoscaler>, Wanted<PodDisruptionBudget>) {
    let identity = &from.identity;
    let autoscaler = match (&from.spec.autoscaling, serving.autoscaler) {
        (Some(wish), Some(bounds)) => Wanted::apply(autoscaler::autoscaler(identity, wish, bounds)),
        _ => Wanted::Absent,
    };
    let budget = Wanted::when(serving.most_workers >= 2, || {
        disruption_budget::disruption_budget(identity)
    });
    (autoscaler, budget)
}

#[cfg(test)]
mod tests;
