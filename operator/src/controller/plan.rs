//! Puts the decisions of `crate::plan` together for one resource. In: what it wants and what was found. Out: which Jobs
//! start, whether workers may change and into what, and what the conditions will say. No client, and the time is an
//! argument.

use std::collections::BTreeSet;

use companion_crds::database::PoolSize;
use companion_crds::report::{MigrateReport, Outcome as Reported, PreflightReport};
use companion_crds::status::{CompanionDeploymentStatus, Preflight};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::PodSpec;
use kube::ResourceExt as _;

use super::build::deployment::{BASELINE_ANNOTATION, CONFIG_VOLUME, SECRETS_ANNOTATION};
use super::build::labels::Component;
use super::build::{config_map, migrate, server};
use super::dereference::{Found, JobRun};
use super::validate::Validated;
use crate::plan::attempts::{self, Attempt, Outcome, Step};
use crate::plan::autoscaling::{self, Bounds, Live};
use crate::plan::connections::{self, Budget, Demand, Misfit, Workers};
use crate::plan::migration::{self, Gate};
use crate::plan::rollout::{self, Pools, Running, SecretsMark};
use crate::secret_hash::short;

/// A report is believed for so long.
const PREFLIGHT_VALID: SignedDuration = SignedDuration::from_hours(6);
/// Failures of preflight that are retried within seconds: what it looks at may only just have started.
const QUICK_RETRIES: u32 = 3;

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
    /// For their pods' annotation.
    pub mark: SecretsMark,
    /// Bounds of their autoscaler.
    pub autoscaler: Option<Bounds>,
    /// The number that is always there.
    pub least_workers: u32,
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
    pub job_trouble: Option<String>,
    /// The connection budget.
    pub budget: Option<Result<Budget, Misfit>>,
    /// Workers may change.
    pub serving: Option<Serving>,
    /// The number of workers, where it is ours to say.
    pub replicas: Option<u32>,
    /// Configurations that something refers to.
    pub configs_in_use: BTreeSet<String>,
    /// Jobs that have told all they know.
    pub old_jobs: Vec<String>,
    /// Time until something is due.
    pub due_in: Option<SignedDuration>,
}

/// Decides everything about `from`.
pub fn plan(from: &Validated, status: Option<&CompanionDeploymentStatus>, found: &Found, now: Timestamp) -> Result<Plan, config_map::Error> {
    let deployment = found.deployment(&from.identity.name);
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

    let inputs = preflight_inputs(from)?;
    let checks = runs(found, Component::Preflight, &inputs);
    let proven = proven(&checks, &inputs, status);
    let preflight = may_run_jobs.then(|| {
        let mut step = attempts::next(&attempts_of(&checks), now, QUICK_RETRIES, Some(PREFLIGHT_VALID));
        if let (Step::Wait { .. }, None, Some(last)) = (step, &proven, checks.last())
            && matches!(last.attempt.outcome, Outcome::Succeeded(_))
        {
            // It succeeded, but its report is gone with its pod.
            step = Step::Start { number: last.attempt.number + 1 };
        }
        step_of(step, inputs.clone())
    });

    let inputs = migration_inputs(from, found);
    let migrations = runs(found, Component::Migrate, &inputs);
    let gate = (clear && proven.is_some()).then(|| {
        let approved = from.approved_image.as_deref();
        migration::gate(from.spec.migrations.approval, approved, &from.image, &attempts_of(&migrations), now)
    });
    let migration = match gate {
        Some(Gate::Closed(step)) if may_run_jobs => Some(step_of(step, inputs)),
        _ => None,
    };

    let budget = proven.as_ref().map(|proven| connections::budget(&demand(from, proven.server_connections)));
    let serving = match (&gate, &budget) {
        (Some(Gate::Open), Some(Ok(budget))) => Some(serving(from, found, deployment, budget)),
        _ => None,
    };
    let (serving, replicas) = match serving {
        Some((serving, replicas)) => (Some(serving), replicas),
        None if from.spec.suspend && deployment.is_some() => (None, Some(0)),
        None => (None, None),
    };
    Ok(Plan {
        suspended: from.spec.suspend,
        redis: server_plan(from, found, Component::Redis),
        postgres: server_plan(from, found, Component::Postgres),
        servers_down,
        finding: finding(&checks),
        job_trouble: checks.iter().chain(&migrations).filter(|run| run.is_running()).find_map(|run| run.trouble.clone()),
        proven,
        preflight,
        migration_failure: migration_failure(&migrations),
        schema_version: schema_version(found),
        migration,
        gate,
        budget,
        serving,
        replicas,
        configs_in_use: configs_in_use(found, deployment),
        old_jobs: old_jobs(found),
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
        set.and_then(|set| set.status.as_ref()?.ready_replicas).unwrap_or_default() < 1
    };
    wanted.into_iter().filter(|(wanted, component)| *wanted && is_down(*component)).map(|(_, component)| component).collect()
}

fn server_plan(from: &Validated, found: &Found, component: Component) -> ServerPlan {
    let set: Option<&StatefulSet> = found.stateful_set(&server::name(&from.identity.name, component));
    let template = set.and_then(|set| Some(&set.spec.as_ref()?.template));
    let annotation = template.and_then(|template| template.metadata.as_ref()?.annotations.as_ref()?.get(SECRETS_ANNOTATION));
    let baseline = set.and_then(|set| set.annotations().get(BASELINE_ANNOTATION));
    let (image, hash) = match component {
        Component::Redis => (&from.images.redis, &from.hashes.redis),
        _ => (&from.images.postgres, &from.hashes.postgres),
    };
    let running = template.and_then(|template| template.spec.as_ref()?.containers.first()?.image.clone());
    ServerPlan {
        image: running.unwrap_or_else(|| image.clone()),
        mark: rollout::secrets_mark(annotation.map(String::as_str), baseline.map(String::as_str), hash),
    }
}

fn runs(found: &Found, component: Component, inputs: &str) -> Vec<JobRun> {
    let of = |run: &&JobRun| run.component == component && run.inputs == inputs;
    found.job_runs.iter().filter(of).cloned().collect()
}

fn attempts_of(runs: &[JobRun]) -> Vec<Attempt> {
    runs.iter().map(|run| run.attempt.clone()).collect()
}

/// What preflight depends on. Another hash means another preflight before anything else changes.
fn preflight_inputs(from: &Validated) -> Result<String, config_map::Error> {
    let config = config_map::config_map(&from.identity, &config_map::job_config(from))?;
    Ok(short(&[&from.image, &config.name_any(), &from.hashes.preflight]))
}

/// What a migration depends on: image, phase, database, and the roles that reach it.
fn migration_inputs(from: &Validated, found: &Found) -> String {
    let database = found.postgres_claim_uid.as_deref().unwrap_or("external");
    short(&[&from.image, migrate::EXPAND, database, &from.hashes.database])
}

fn finding(checks: &[JobRun]) -> Option<Finding> {
    let last = checks.iter().rfind(|run| !run.is_running())?;
    Some(match last.preflight_report() {
        Some(report) => Finding::Report(report),
        None => Finding::None(without_report(last)),
    })
}

/// Why a Job that left no report failed: its last words, or what the Job's own condition says.
fn without_report(run: &JobRun) -> String {
    let words = run.message.as_deref().map(last_lines).filter(|words| !words.is_empty());
    words.or_else(|| run.trouble.clone()).unwrap_or_else(|| format!("the job {:?} left no message", run.name))
}

/// The end of a log, short enough for a condition.
fn last_lines(text: &str) -> String {
    const LONGEST: usize = 600;
    let text = text.trim();
    let start = text.len().saturating_sub(LONGEST);
    let start = (start..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(start);
    text.get(start..).unwrap_or_default().to_owned()
}

fn proven(checks: &[JobRun], inputs: &str, status: Option<&CompanionDeploymentStatus>) -> Option<Preflight> {
    let succeeded = checks.iter().rev().filter(|run| matches!(run.attempt.outcome, Outcome::Succeeded(_)));
    let reported = succeeded.filter_map(JobRun::preflight_report).find_map(|report| match (report.database, report.redis) {
        (Reported::Ok(database), Reported::Ok(redis)) => Some(Preflight {
            postgres: database.version,
            pgvector: database.pgvector,
            redis: redis.version,
            server_connections: database.connections,
            inputs: inputs.to_owned(),
        }),
        _ => None,
    });
    reported.or_else(|| status?.preflight.clone().filter(|known| known.inputs == inputs))
}

fn migration_failure(migrations: &[JobRun]) -> Option<String> {
    let last = migrations.iter().rfind(|run| !run.is_running())?;
    if !matches!(last.attempt.outcome, Outcome::Failed(_)) {
        return None;
    }
    match last.message.as_deref().map(serde_json::from_str) {
        Some(Ok(MigrateReport::Failed(cause))) => Some(last_lines(&cause)),
        _ => Some(without_report(last)),
    }
}

/// The version that the latest migration reported, for whatever image it was.
fn schema_version(found: &Found) -> Option<i64> {
    let finished = |run: &&JobRun| match run.attempt.outcome {
        Outcome::Succeeded(at) if run.component == Component::Migrate => Some(at),
        _ => None,
    };
    let latest = found.job_runs.iter().filter(|run| finished(run).is_some()).max_by_key(finished)?;
    match serde_json::from_str(latest.message.as_deref()?) {
        Ok(MigrateReport::Migrated(version)) => Some(version),
        _ => None,
    }
}

fn workers(from: &Validated) -> Workers {
    match &from.spec.autoscaling {
        Some(wish) => Workers::Between { min: wish.min_replicas, max: wish.max_replicas },
        None => Workers::Fixed(from.spec.replicas.unwrap_or(1)),
    }
}

fn demand(from: &Validated, server: u32) -> Demand {
    let database = &from.spec.database;
    let pool_size: PoolSize = database.pool_size;
    Demand {
        server: database.max_connections.map_or(server, |share| share.min(server)),
        reserved: database.reserved_connections,
        workers: workers(from),
        max_surge: from.spec.rollout.max_surge,
        pool_size,
    }
}

fn serving(from: &Validated, found: &Found, deployment: Option<&Deployment>, budget: &Budget) -> (Serving, Option<u32>) {
    let target = Pools { per_worker: budget.connections.per_worker, max_workers: budget.connections.max_workers };
    let transition = rollout::transition(deployment.and_then(|deployment| running(found, deployment)), target);
    let workers = match workers(from) {
        Workers::Between { min, max } => Workers::Between { min, max: max.min(target.max_workers) },
        fixed => fixed,
    };
    let live = Live { replicas: deployment.map(wanted_replicas) };
    let decision = autoscaling::decide(workers, transition.hold_at, live);

    let template = deployment.and_then(|deployment| deployment.spec.as_ref()?.template.metadata.as_ref()?.annotations.as_ref());
    let baseline = deployment.and_then(|deployment| deployment.annotations().get(BASELINE_ANNOTATION));
    let mark = rollout::secrets_mark(
        template.and_then(|annotations| annotations.get(SECRETS_ANNOTATION)).map(String::as_str),
        baseline.map(String::as_str),
        &from.hashes.worker,
    );
    let least_workers = decision.autoscaler.map(|bounds| bounds.min).or(decision.replicas).unwrap_or_default();
    (Serving { pools: transition.pools, mark, autoscaler: decision.autoscaler, least_workers }, decision.replicas)
}

/// The number that a Deployment asks for.
pub fn wanted_replicas(deployment: &Deployment) -> u32 {
    let replicas = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    u32::try_from(replicas).unwrap_or_default()
}

/// What runs, by the configurations that generations of pods refer to.
fn running(found: &Found, deployment: &Deployment) -> Option<Running> {
    let config = found.worker_config(&config_name(deployment.spec.as_ref()?.template.spec.as_ref()?)?)?;
    let configured = Pools { per_worker: config.database.pool_size, max_workers: config.database.max_workers };
    let largest_pool = found
        .children
        .replica_sets
        .iter()
        .filter(|set| set.status.as_ref().is_some_and(|status| status.replicas > 0))
        .filter_map(|set| found.worker_config(&config_name(set.spec.as_ref()?.template.as_ref()?.spec.as_ref()?)?))
        .map(|config| config.database.pool_size)
        .max()
        .unwrap_or_default();
    let pods = deployment.status.as_ref().and_then(|status| status.replicas).unwrap_or_default();
    Some(Running {
        configured,
        largest_pool,
        wanted: wanted_replicas(deployment),
        pods: u32::try_from(pods).unwrap_or_default(),
    })
}

fn config_name(pod: &PodSpec) -> Option<String> {
    let volume = pod.volumes.iter().flatten().find(|volume| volume.name == CONFIG_VOLUME)?;
    Some(volume.config_map.as_ref()?.name.clone())
}

fn configs_in_use(found: &Found, deployment: Option<&Deployment>) -> BTreeSet<String> {
    let uid = deployment.and_then(|deployment| deployment.metadata.uid.as_deref());
    let of_sets = found
        .children
        .replica_sets
        .iter()
        .filter(|set| set.owner_references().iter().any(|owner| Some(owner.uid.as_str()) == uid))
        .filter_map(|set| config_name(set.spec.as_ref()?.template.as_ref()?.spec.as_ref()?));
    let of_deployment = deployment.and_then(|deployment| config_name(deployment.spec.as_ref()?.template.spec.as_ref()?));
    let of_jobs = found.job_runs.iter().filter(|run| run.is_running()).filter_map(|run| run.config_map.clone());
    of_sets.chain(of_deployment).chain(of_jobs).collect()
}

/// Of each kind the last success and the last failure stay, and what is still at work.
fn old_jobs(found: &Found) -> Vec<String> {
    let mut stay = BTreeSet::new();
    for component in [Component::Preflight, Component::Migrate] {
        let of_kind = || found.job_runs.iter().filter(move |run| run.component == component);
        let success = of_kind().filter_map(|run| match run.attempt.outcome {
            Outcome::Succeeded(at) => Some((at, &run.name)),
            _ => None,
        });
        let failure = of_kind().filter_map(|run| match run.attempt.outcome {
            Outcome::Failed(at) => Some((at, &run.name)),
            _ => None,
        });
        stay.extend([success.max(), failure.max()].into_iter().flatten().map(|(_, name)| name.clone()));
    }
    let gone = |run: &&JobRun| !run.is_running() && !stay.contains(&run.name);
    found.job_runs.iter().filter(gone).map(|run| run.name.clone()).collect()
}
