//! Pods that do nothing but jobs: how many there are and may be, and who works on jobs next, by what runs.

use companion_crds::jobs::JobsMode;
use companion_crds::{DRAINING_CONNECTIONS, JOBS_POOL_SIZE};
use k8s_openapi::api::apps::v1::Deployment;

use super::JobsServing;
use super::in_use::pod_spec;
use super::workers::{mark, wanted_replicas};
use crate::controller::build::deployment::leaves_jobs;
use crate::controller::build::labels::Component;
use crate::controller::dereference::Found;
use crate::controller::validate::Validated;
use crate::plan::connections::share_of_jobs_pods;
use crate::plan::hand_over::{self, Now};
use crate::plan::rollout::JobsPods;

/// How many there are, by their `deployment` and the connections that they may hold.
pub fn as_they_are(from: &Validated, found: &Found, deployment: Option<&Deployment>) -> JobsPods {
    let target = from.spec.jobs.pods();
    let held = found
        .pods(Component::Jobs)
        .map(|pod| match pod.metadata.deletion_timestamp {
            Some(_) => DRAINING_CONNECTIONS,
            None => JOBS_POOL_SIZE,
        });
    JobsPods {
        held: held.sum(),
        share: share_of_jobs_pods(target),
        wanted: deployment.map(wanted_replicas).unwrap_or_default(),
        target,
    }
}

/// Who works on jobs next, where `fits` pods for jobs may run beside the workers.
pub fn serving(
    from: &Validated,
    found: &Found,
    workers: Option<&Deployment>,
    deployment: Option<&Deployment>,
    fits: u32,
) -> JobsServing {
    let leave = |deployment| pod_spec(deployment).is_some_and(leaves_jobs);
    let leaving_run = found.generations(Component::Worker).any(|set| {
        let runs = set.status.as_ref().is_some_and(|status| status.replicas > 0);
        let template = set.spec.as_ref().and_then(|spec| spec.template.as_ref()?.spec.as_ref());
        runs && template.is_some_and(leaves_jobs)
    });
    let now = Now {
        workers_leave: workers.map(leave),
        leaving_run,
        ready: deployment.map(ready).unwrap_or_default(),
        wanted: deployment.map(wanted_replicas).unwrap_or_default(),
    };
    let next = hand_over::hand_over(from.spec.jobs.mode == JobsMode::Separate, now, fits);
    JobsServing {
        workers_leave: next.workers_leave,
        pods: next.pods,
        mark: mark(deployment, &from.hashes.worker),
    }
}

fn ready(deployment: &Deployment) -> u32 {
    let status = deployment.status.as_ref();
    let ready = status.and_then(|status| status.available_replicas).unwrap_or_default();
    u32::try_from(ready).unwrap_or_default()
}
