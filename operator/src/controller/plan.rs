//! Puts the decisions of `crate::plan` together for one resource. In: what it wants and what was found. Out: which Jobs
//! start, whether workers may change and into what, and what the conditions will say. No client, and the time is an
//! argument.

mod in_use;
mod jobs;
mod jobs_pods;
mod workers;

use companion_crds::report::PreflightReport;
use companion_crds::status::{CompanionDeploymentStatus, Preflight};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::ResourceExt as _;

use super::build::deployment::BASELINE_ANNOTATION;
use super::build::labels::Component;
use super::build::{config_map, jobs_deployment, server};
use super::dereference::{Found, Trouble};
use super::validate::Validated;
use crate::plan::attempts::{self, Outcome, Step};
use crate::plan::autoscaling::Bounds;
use crate::plan::connections::{self, Budget, Misfit};
use crate::plan::migration::{self, Gate};
use crate::plan::rollout::{self, Pools, SecretsMark};

pub use in_use::InUse;
pub use workers::wanted_replicas;

/// A report is believed for so long.
const PREFLIGHT_VALID: SignedDuration = SignedDuration::from_hours(6);
/// Failures of preflight that are retried within seconds: what it looks at may only just have started.
const QUICK_RETRIES: u32 = 3;
/// Pods that are waited for are looked at again so soon: they are not watched.
const PODS_GO: SignedDuration = SignedDuration::from_secs(2);

/// A Job that belongs to the way of a rollout.
#[derive(Clone, Debug)]
pub struct JobStep {
    /// Hash of what it is for.
    pub inputs: String,
    /// The attempt to start now.
    pub start: Option<u32>,
}

/// What the last preflight found.
#[derive(Clone, Debug)]
pub enum Finding {
    /// Its report.
    Report(PreflightReport),
    /// It left none; why.
    None(String),
}

/// Workers may change, into this.
#[derive(Clone, Debug)]
pub struct Serving {
    /// For their configuration.
    pub pools: Pools,
    /// Workers that a rollout adds.
    pub max_surge: u32,
    /// For their pods' annotation.
    pub mark: SecretsMark,
    /// Bounds of their autoscaler.
    pub autoscaler: Option<Bounds>,
    /// The number that is always there.
    pub least_workers: u32,
    /// The number that may be there.
    pub most_workers: u32,
    /// Who works on jobs.
    pub jobs: JobsServing,
}

/// Who works on jobs, workers or pods that do nothing else.
#[derive(Clone, Debug)]
pub struct JobsServing {
    /// Workers leave jobs to others.
    pub workers_leave: bool,
    /// Pods that do nothing but jobs; with none their Deployment goes.
    pub pods: u32,
    /// For those pods' annotation.
    pub mark: SecretsMark,
}

/// A managed server as it is to run.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// Its image: the one it was made with, since an upgrade of the operator alone restarts nothing.
    pub image: String,
    /// For its pod's annotation.
    pub mark: SecretsMark,
}

/// All decisions about one resource.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Nothing runs on request.
    pub suspended: bool,
    /// Managed servers that do not serve yet.
    pub servers_down: Vec<Component>,
    /// Managed Redis.
    pub redis: ServerPlan,
    /// Managed PostgreSQL.
    pub postgres: ServerPlan,
    /// The preflight Job, where one can run.
    pub preflight: Option<JobStep>,
    /// What the last one found.
    pub finding: Option<Finding>,
    /// What one found that was content, for the present inputs.
    pub proven: Option<Preflight>,
    /// The migrate Job, where one can run.
    pub migration: Option<JobStep>,
    /// Where the schema stands.
    pub gate: Option<Gate>,
    /// The cause of the last migration's failure, if it failed.
    pub migration_failure: Option<String>,
    /// The schema's version after the last migration.
    pub schema_version: Option<i64>,
    /// What the pod of a running Job waits for.
    pub job_trouble: Option<Trouble>,
    /// The connection budget.
    pub budget: Option<Result<Budget, Misfit>>,
    /// Workers may change.
    pub serving: Option<Serving>,
    /// The number of workers, where it is ours to say.
    pub replicas: Option<u32>,
    /// The number of pods for jobs, where there are to be any or were some.
    pub jobs_replicas: Option<u32>,
    /// What pods refer to.
    pub in_use: InUse,
    /// Jobs that have told all they know.
    pub old_jobs: Vec<String>,
    /// Time until something is due.
    pub due_in: Option<SignedDuration>,
}

/// Decides everything about `from`.
pub fn plan(
    from: &Validated,
    status: Option<&CompanionDeploymentStatus>,
    found: &Found,
    now: Timestamp,
) -> Result<Plan, config_map::Error> {
    let deployment = found.deployment(&from.identity.name);
    let jobs_deployment = found.deployment(&jobs_deployment::name(&from.identity));
    let servers_down = servers_down(from, found);
    let clear = from.problems.is_empty() && from.generate.is_empty() && !from.spec.suspend;
    let may_run_jobs = clear && servers_down.is_empty();
    let mut due_in: Option<SignedDuration> = None;
    let mut step_of = |step: Step, inputs: String| {
        if let Step::Wait { due_in: time } = step {
            due_in = Some(due_in.map_or(time, |known| known.min(time)));
        }
        let start = match step {
            Step::Start { number } => Some(number),
            _ => None,
        };
        JobStep { inputs, start }
    };

    let inputs = jobs::preflight_inputs(from)?;
    let checks = jobs::runs(found, Component::Preflight, &inputs);
    let proven = jobs::proven(&checks, &inputs, status);
    let preflight = may_run_jobs.then(|| {
        let mut step = attempts::next(&jobs::attempts_of(&checks), now, QUICK_RETRIES, Some(PREFLIGHT_VALID));
        if let (Step::Wait { .. }, None, Some(last)) = (step, &proven, checks.last())
            && matches!(last.attempt.outcome, Outcome::Succeeded(_))
        {
            // It succeeded, but its report is gone with its pod.
            step = Step::Start {
                number: last.attempt.number + 1,
            };
        }
        step_of(step, inputs.clone())
    });

    let migration_inputs = jobs::migration_inputs(from, found);
    let migrations = jobs::runs(found, Component::Migrate, &migration_inputs);
    let gate = (clear && proven.is_some()).then(|| {
        let approved = from.approved_image.as_deref();
        migration::gate(
            from.spec.migrations.approval,
            approved,
            &from.image,
            &jobs::attempts_of(&migrations),
            now,
        )
    });
    let migration = match gate {
        Some(Gate::Closed(step)) if may_run_jobs => Some(step_of(step, migration_inputs)),
        _ => None,
    };

    let budget = proven
        .as_ref()
        .map(|proven| connections::budget(&workers::demand(from, proven.server_connections)));
    let serving = match (&gate, &budget) {
        (Some(Gate::Open), Some(Ok(budget))) => {
            let jobs_pods = jobs_pods::as_they_are(from, found, jobs_deployment);
            if jobs_pods.too_many() {
                due_in = Some(due_in.map_or(PODS_GO, |known| known.min(PODS_GO)));
            }
            Some(workers::serving(
                from,
                found,
                deployment,
                jobs_deployment,
                budget,
                jobs_pods,
            ))
        }
        _ => None,
    };
    let none_if_suspended = |deployment: Option<&Deployment>| deployment.filter(|_| from.spec.suspend).map(|_| 0);
    let (serving, replicas, jobs_replicas) = match serving {
        Some((serving, replicas)) => {
            let pods = serving.jobs.pods;
            (Some(serving), replicas, (pods > 0).then_some(pods))
        }
        None => (None, none_if_suspended(deployment), none_if_suspended(jobs_deployment)),
    };
    Ok(Plan {
        suspended: from.spec.suspend,
        redis: server_plan(from, found, Component::Redis),
        postgres: server_plan(from, found, Component::Postgres),
        servers_down,
        finding: jobs::finding(&checks, proven.as_ref()),
        job_trouble: checks
            .iter()
            .chain(&migrations)
            .filter(|run| run.is_running())
            .find_map(|run| run.trouble.clone()),
        proven,
        preflight,
        migration_failure: jobs::migration_failure(&migrations),
        schema_version: jobs::schema_version(found),
        migration,
        gate,
        budget,
        serving,
        replicas,
        jobs_replicas,
        in_use: in_use::in_use(
            found,
            &[deployment, jobs_deployment].into_iter().flatten().collect::<Vec<_>>(),
        ),
        old_jobs: jobs::old_jobs(found, &inputs),
        due_in,
    })
}

fn servers_down(from: &Validated, found: &Found) -> Vec<Component> {
    let wanted = [
        (from.spec.database.managed.is_some(), Component::Postgres),
        (from.spec.redis.managed.is_some(), Component::Redis),
    ];
    let is_down = |component| {
        let set = found.stateful_set(&server::name(&from.identity.name, component));
        set.and_then(|set| set.status.as_ref()?.ready_replicas)
            .unwrap_or_default()
            < 1
    };
    wanted
        .into_iter()
        .filter(|(wanted, component)| *wanted && is_down(*component))
        .map(|(_, component)| component)
        .collect()
}

fn server_plan(from: &Validated, found: &Found, component: Component) -> ServerPlan {
    let set: Option<&StatefulSet> = found.stateful_set(&server::name(&from.identity.name, component));
    let template = set.and_then(|set| Some(&set.spec.as_ref()?.template));
    let annotation = template.and_then(workers::secrets_of);
    let baseline = set.and_then(|set| set.annotations().get(BASELINE_ANNOTATION));
    let (image, hash) = match component {
        Component::Redis => (&from.images.redis, &from.hashes.redis),
        _ => (&from.images.postgres, &from.hashes.postgres),
    };
    let made_with = set.and_then(|set| set.annotations().get(server::IMAGE_ANNOTATION).cloned());
    let running = template.and_then(|template| template.spec.as_ref()?.containers.first()?.image.clone());
    ServerPlan {
        image: made_with.or(running).unwrap_or_else(|| image.clone()),
        mark: rollout::secrets_mark(annotation, baseline.map(String::as_str), hash),
    }
}
