//! What workers may change into: their pools by the budget, their number, and the mark of their secrets, seen against
//! what runs.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt as _;

use super::in_use::{config_name, pod_spec};
use super::{Serving, jobs_pods};
use crate::controller::build::deployment::{BASELINE_ANNOTATION, SECRETS_ANNOTATION};
use crate::controller::build::labels::Component;
use crate::controller::dereference::Found;
use crate::controller::validate::Validated;
use crate::plan::autoscaling::{self, Live};
use crate::plan::connections::{Budget, Demand, Workers};
use crate::plan::rollout::{self, JobsPods, Pools, Running, SecretsMark};

/// What is asked of a server that gives `server` connections. Behind a pooler only the share counts: preflight sees the
/// server's own limit, past the pooler.
pub fn demand(from: &Validated, server: u32) -> Demand {
    let database = &from.spec.database;
    let pooled = database.external.as_ref().is_some_and(|external| external.pooled);
    Demand {
        server: match database.max_connections {
            Some(share) if pooled => share,
            Some(share) => share.min(server),
            None => server,
        },
        reserved: database.reserved_connections,
        workers: workers(from),
        max_surge: from.spec.rollout.max_surge,
        pool_size: database.pool_size,
        jobs_pods: from.spec.jobs.pods(),
    }
}

/// Into what workers may change now, and the number of them where it is ours to say.
pub fn serving(
    from: &Validated,
    found: &Found,
    deployment: Option<&Deployment>,
    jobs_deployment: Option<&Deployment>,
    budget: &Budget,
    jobs_pods: JobsPods,
) -> (Serving, Option<u32>) {
    let target = Pools {
        per_worker: budget.connections.per_worker,
        max_workers: budget.connections.max_workers,
    };
    let transition = rollout::transition(
        deployment.and_then(|deployment| running(found, deployment)),
        target,
        from.spec.rollout.max_surge,
        jobs_pods,
    );
    let workers = match workers(from) {
        Workers::Between { min, max } => Workers::Between {
            min,
            max: max.min(target.max_workers),
        },
        fixed => fixed,
    };
    let live = Live {
        replicas: deployment.map(wanted_replicas),
    };
    let decision = autoscaling::decide(workers, transition.hold_at, live);

    let least_workers = decision
        .autoscaler
        .map(|bounds| bounds.min)
        .or(decision.replicas)
        .unwrap_or_default();
    (
        Serving {
            pools: transition.pools,
            max_surge: transition.max_surge,
            mark: mark(deployment, &from.hashes.worker),
            autoscaler: decision.autoscaler,
            least_workers,
            most_workers: workers.most(),
            jobs: jobs_pods::serving(from, found, deployment, jobs_deployment, transition.jobs_pods),
        },
        decision.replicas,
    )
}

/// Which hash of the secrets the pods of a Deployment carry, where the values' hash is `current`.
pub fn mark(deployment: Option<&Deployment>, current: &str) -> SecretsMark {
    let template = deployment.and_then(|deployment| secrets_of(&deployment.spec.as_ref()?.template));
    let baseline = deployment.and_then(|deployment| deployment.annotations().get(BASELINE_ANNOTATION));
    rollout::secrets_mark(template, baseline.map(String::as_str), current)
}

/// The hash of the secrets that pods of `template` carry.
pub fn secrets_of(template: &PodTemplateSpec) -> Option<&str> {
    let annotations = template.metadata.as_ref()?.annotations.as_ref()?;
    annotations.get(SECRETS_ANNOTATION).map(String::as_str)
}

fn workers(from: &Validated) -> Workers {
    match &from.spec.autoscaling {
        Some(wish) => Workers::Between {
            min: wish.min_replicas,
            max: wish.max_replicas,
        },
        None => Workers::Fixed(from.spec.replicas.unwrap_or(1)),
    }
}

/// The number that a Deployment asks for.
pub fn wanted_replicas(deployment: &Deployment) -> u32 {
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    u32::try_from(replicas).unwrap_or_default()
}

/// What runs, by the configurations that generations of pods refer to.
fn running(found: &Found, deployment: &Deployment) -> Option<Running> {
    let config = found.worker_config(&config_name(pod_spec(deployment)?)?)?;
    let configured = Pools {
        per_worker: config.database.pool_size,
        max_workers: config.database.max_workers,
    };
    let largest_pool = found
        .generations(Component::Worker)
        .filter(|set| set.status.as_ref().is_some_and(|status| status.replicas > 0))
        .filter_map(|set| found.worker_config(&config_name(set.spec.as_ref()?.template.as_ref()?.spec.as_ref()?)?))
        .map(|config| config.database.pool_size)
        .max()
        .unwrap_or_default();
    let pods = deployment
        .status
        .as_ref()
        .and_then(|status| status.replicas)
        .unwrap_or_default();
    Some(Running {
        max_surge: surge(deployment),
        configured,
        largest_pool,
        wanted: wanted_replicas(deployment),
        pods: u32::try_from(pods).unwrap_or_default(),
    })
}

/// The workers that a rollout may add now; none is known where somebody wrote a share instead of a number.
fn surge(deployment: &Deployment) -> u32 {
    let strategy = deployment.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
    let surge = strategy.and_then(|strategy| strategy.rolling_update.as_ref()?.max_surge.as_ref());
    match surge {
        Some(IntOrString::Int(count)) => u32::try_from(*count).unwrap_or(u32::MAX),
        _ => u32::MAX,
    }
}
