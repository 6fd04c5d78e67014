//! What the conditions say after a pass. One function per condition; `Ready` is what all of them come to.

mod jobs;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use companion_crds::Environment;
use companion_crds::report::Outcome;

use crate::conditions::{Finding, State};
use crate::controller::apply::Applied;
use crate::controller::build::labels::Component;
use crate::controller::dereference::Found;
use crate::controller::plan::{self, Plan, wanted_replicas};
use crate::controller::validate::{Cure, Generated, Identity, Part, Validated};
use crate::plan::attempts::Step;
use crate::plan::migration::{APPROVAL_ANNOTATION, Gate};
use crate::plan::rollout::{self, Numbers, Progress};

/// Reason of a part that this pass could not look at.
const NOT_CHECKED: &str = "NotChecked";
/// The same of the schema.
const WAITING_FOR_PREFLIGHT: &str = "WaitingForPreflight";

/// Every condition.
pub fn findings(from: &Validated, plan: &Plan, found: &Found, applied: &Applied, old: &[Condition]) -> Vec<Finding> {
    let progress = progress(from, plan, applied.deployment.as_ref());
    let jobs_progress = jobs::progress(applied);
    let mut parts = vec![
        database(from, plan),
        redis(from, plan),
        migrated(from, plan),
        connections_fit(plan),
        workers(plan, &progress),
    ];
    parts.extend(jobs::available(from, plan, found, applied, &jobs_progress));
    if plan.preflight.is_none() {
        for part in &mut parts {
            keep_what_was_known(part, old);
        }
    }
    let stalled = stalled(from, plan, applied, &[progress, jobs_progress]);
    let ready = ready(from, plan, applied, &parts);
    let reconciling = match (&stalled.state, ready.state) {
        (State::True, _) => Finding::new(
            "Reconciling",
            false,
            stalled.reason.clone(),
            "waits for somebody to act, see Stalled",
        ),
        (_, State::True) => Finding::new("Reconciling", false, "AsWanted", "everything is as wanted"),
        _ if plan.suspended => Finding::new("Reconciling", false, "Suspended", "nothing is to be done"),
        _ => Finding::new("Reconciling", true, ready.reason.clone(), ready.message.clone()),
    };
    let mut all = vec![ready, reconciling, stalled];
    all.extend(parts);
    all.extend(from.spec.autoscaling.is_some().then(|| autoscaling(plan, found)));
    all.extend(plan.suspended.then(|| {
        Finding::new(
            "Suspended",
            true,
            "Suspended",
            "spec.suspend is true: no workers, no jobs; data and settings stay",
        )
    }));
    all
}

/// A pass that could not look at a part, because something else is in the way or nothing is to run, learnt nothing of it:
/// what was true of it stays.
fn keep_what_was_known(part: &mut Finding, old: &[Condition]) {
    if !matches!(part.reason.as_str(), NOT_CHECKED | WAITING_FOR_PREFLIGHT) {
        return;
    }
    let known = old
        .iter()
        .find(|known| known.type_ == part.kind && known.status == "True");
    if let Some(known) = known {
        *part = Finding::new(part.kind, true, known.reason.clone(), known.message.clone());
    }
}

fn problem(from: &Validated, kind: &'static str, part: Part) -> Option<Finding> {
    let problem = from.problems.iter().find(|problem| problem.part == part)?;
    Some(Finding::new(kind, false, problem.reason, problem.message.clone()))
}

/// A managed server that does not serve yet.
fn starting(
    from: &Validated,
    plan: &Plan,
    kind: &'static str,
    component: Component,
    generated: Generated,
) -> Option<Finding> {
    let waits = plan.servers_down.contains(&component) || from.generate.contains(&generated);
    waits.then(|| {
        let Identity { name, namespace, .. } = &from.identity;
        let component = component.name();
        Finding::new(
            kind,
            false,
            "Starting",
            format!(
                "the managed server is not ready yet: see `kubectl --namespace {namespace} describe pod {name}-{component}-0`"
            ),
        )
    })
}

/// What preflight has to say of one part: `told` picks it out of the report.
fn checked(plan: &Plan, kind: &'static str, told: Option<Result<String, String>>) -> Finding {
    match (told, &plan.finding, &plan.job_trouble) {
        (Some(Ok(message)), ..) => Finding::new(kind, true, "Connected", message),
        (Some(Err(message)), ..) => Finding::new(kind, false, "PreflightFailed", message),
        (None, Some(plan::Finding::None(cause)), _) => {
            Finding::new(kind, false, "PreflightFailed", without_report(cause))
        }
        (None, _, Some(trouble)) => {
            let message = format!("preflight waits: {}", trouble.message);
            Finding::new(kind, State::Unknown, "Checking", message)
        }
        (None, _, None) if plan.preflight.is_some() => {
            Finding::new(kind, State::Unknown, "Checking", "preflight is under way")
        }
        (None, _, None) => Finding::new(
            kind,
            State::Unknown,
            NOT_CHECKED,
            "preflight waits for what the other conditions name",
        ),
    }
}

fn database(from: &Validated, plan: &Plan) -> Finding {
    const KIND: &str = "DatabaseReady";
    let known = |version: &str, pgvector: &str| {
        let kind = if from.spec.database.managed.is_some() {
            "; one managed instance, for evaluation: no replica, no backup"
        } else {
            ""
        };
        format!("PostgreSQL {version} with pgvector {pgvector}{kind}")
    };
    problem(from, KIND, Part::Database)
        .or_else(|| starting(from, plan, KIND, Component::Postgres, Generated::Postgres))
        .unwrap_or_else(|| {
            let told = match (&plan.finding, &plan.proven) {
                (Some(plan::Finding::Report(report)), _) => Some(match &report.database {
                    Outcome::Ok(report) => Ok(known(&report.version, &report.pgvector)),
                    Outcome::Failed(cause) => Err(cause.clone()),
                }),
                (None, Some(proven)) => Some(Ok(known(&proven.postgres, &proven.pgvector))),
                _ => None,
            };
            checked(plan, KIND, told)
        })
}

fn redis(from: &Validated, plan: &Plan) -> Finding {
    const KIND: &str = "RedisReady";
    problem(from, KIND, Part::Redis)
        .or_else(|| starting(from, plan, KIND, Component::Redis, Generated::Redis))
        .unwrap_or_else(|| {
            let told = match (&plan.finding, &plan.proven) {
                (Some(plan::Finding::Report(report)), _) => Some(match &report.redis {
                    Outcome::Ok(report) => Ok(format!("Redis {}", report.version)),
                    Outcome::Failed(cause) => Err(cause.clone()),
                }),
                (None, Some(proven)) => Some(Ok(format!("Redis {}", proven.redis))),
                _ => None,
            };
            checked(plan, KIND, told)
        })
}

fn migrated(from: &Validated, plan: &Plan) -> Finding {
    const KIND: &str = "Migrated";
    let failed = |cause: &String| {
        let note = "workers that serve stay as they are; it is tried again by itself, after 1, 2, 4 ... 30 minutes";
        Finding::new(KIND, false, "MigrationFailed", format!("{cause} ({note})"))
    };
    match (&plan.gate, &plan.migration_failure) {
        (Some(Gate::Open), _) => {
            let version = plan
                .schema_version
                .map_or_else(String::new, |version| format!(", version {version}"));
            Finding::new(
                KIND,
                true,
                "Migrated",
                format!("the schema fits {}{version}", from.image),
            )
        }
        (Some(Gate::AwaitsApproval), _) => Finding::new(KIND, false, "AwaitingApproval", approve(from)),
        (Some(Gate::Closed(_)), Some(cause)) => failed(cause),
        (Some(Gate::Closed(Step::Running | Step::Start { .. })), None) => {
            let waits = plan
                .job_trouble
                .as_ref()
                .map_or_else(String::new, |trouble| format!("; it waits: {}", trouble.message));
            Finding::new(
                KIND,
                State::Unknown,
                "Migrating",
                format!("the schema is brought to what {} needs{waits}", from.image),
            )
        }
        (Some(Gate::Closed(_)), None) => {
            Finding::new(KIND, State::Unknown, "Migrating", "the next attempt is due soon")
        }
        (None, _) => Finding::new(
            KIND,
            State::Unknown,
            WAITING_FOR_PREFLIGHT,
            "the schema is changed only after preflight has passed",
        ),
    }
}

fn connections_fit(plan: &Plan) -> Finding {
    const KIND: &str = "ConnectionsFit";
    match &plan.budget {
        None => Finding::new(
            KIND,
            State::Unknown,
            NOT_CHECKED,
            "preflight tells how many connections there are",
        ),
        Some(Err(misfit)) => Finding::new(KIND, false, "TooManyConnections", misfit.to_string()),
        Some(Ok(budget)) => {
            let numbers = &budget.connections;
            let each = format!(
                "{} connections for each of at most {} workers",
                numbers.per_worker, numbers.max_workers
            );
            match budget.lowered_from {
                None => Finding::new(KIND, true, "Fits", each),
                Some(asked) => Finding::new(
                    KIND,
                    false,
                    "MaximumLowered",
                    format!(
                        "autoscaling.maxReplicas is lowered from {asked} to {}, by {}: {each} is all that the server's {} connections allow",
                        numbers.max_workers,
                        asked - numbers.max_workers,
                        numbers.server
                    ),
                ),
            }
        }
    }
}

/// What a Deployment says of its pods.
fn numbers(deployment: &Deployment) -> Numbers {
    let status = deployment.status.clone().unwrap_or_default();
    let count = |count: Option<i32>| u32::try_from(count.unwrap_or_default()).unwrap_or_default();
    let stuck = status.conditions.iter().flatten().any(|condition| {
        condition.type_ == "Progressing" && condition.reason.as_deref() == Some("ProgressDeadlineExceeded")
    });
    Numbers {
        wanted: wanted_replicas(deployment),
        total: count(status.replicas),
        updated: count(status.updated_replicas),
        available: count(status.available_replicas),
        observed: status.observed_generation == deployment.metadata.generation,
        stuck,
    }
}

fn progress(from: &Validated, plan: &Plan, deployment: Option<&Deployment>) -> Option<Progress> {
    let numbers = numbers(deployment?);
    let enough = match &from.spec.autoscaling {
        Some(wish) => plan
            .serving
            .as_ref()
            .map_or(wish.min_replicas, |serving| serving.least_workers),
        None => numbers.wanted,
    };
    Some(rollout::progress("workers", &numbers, enough))
}

fn workers(plan: &Plan, progress: &Option<Progress>) -> Finding {
    const KIND: &str = "WorkersAvailable";
    match progress {
        _ if plan.suspended => Finding::new(KIND, false, "Suspended", "spec.suspend is true"),
        None => Finding::new(
            KIND,
            false,
            "NotStarted",
            "workers start once preflight and the migration have passed",
        ),
        Some(Progress::Complete) => Finding::new(
            KIND,
            true,
            "Available",
            "every worker is of the wanted version and enough serve",
        ),
        Some(Progress::Underway(message)) => Finding::new(KIND, false, "RollingOut", message.clone()),
        Some(Progress::Stuck(message)) => Finding::new(KIND, false, "RolloutStuck", message.clone()),
    }
}

fn stalled(from: &Validated, plan: &Plan, applied: &Applied, rollouts: &[Option<Progress>]) -> Finding {
    const KIND: &str = "Stalled";
    if let Some(conflict) = conflict(applied) {
        return Finding::new(KIND, true, "NameConflict", conflict);
    }
    if let Some(problem) = from.problems.iter().find(|problem| problem.cure == Cure::Person) {
        return Finding::new(KIND, true, problem.reason, problem.message.clone());
    }
    if let Some(Err(misfit)) = &plan.budget {
        return Finding::new(KIND, true, "TooManyConnections", misfit.to_string());
    }
    if plan.suspended {
        return Finding::new(KIND, false, "Suspended", "nothing waits for anybody but spec.suspend");
    }
    if let Some(problem) = from.problems.first() {
        let message = format!("goes on by itself once this is mended: {}", problem.message);
        return Finding::new(KIND, false, problem.reason, message);
    }
    let stuck = rollouts.iter().flatten().find_map(|progress| match progress {
        Progress::Stuck(message) => Some(message),
        Progress::Complete | Progress::Underway(_) => None,
    });
    let held_up = plan.job_trouble.as_ref().filter(|trouble| trouble.needs_a_person);
    match (held_up, &plan.finding, &plan.gate, stuck) {
        (Some(trouble), ..) => Finding::new(KIND, true, "JobCannotStart", trouble.message.clone()),
        (_, Some(plan::Finding::None(cause)), ..) => Finding::new(KIND, true, "PreflightFailed", without_report(cause)),
        (_, _, Some(Gate::AwaitsApproval), _) => Finding::new(KIND, true, "AwaitingApproval", approve(from)),
        (_, _, _, Some(message)) => Finding::new(KIND, true, "RolloutStuck", message.clone()),
        _ => Finding::new(KIND, false, "Moving", "nothing waits for anybody to act"),
    }
}

fn without_report(cause: &str) -> String {
    format!("preflight failed without a report: {cause}")
}

fn approve(from: &Validated) -> String {
    format!(
        "migrations.approval is Manual: approve with `kubectl --namespace {} annotate cdep {} --overwrite {APPROVAL_ANNOTATION}={}`",
        from.identity.namespace, from.identity.name, from.image
    )
}

fn conflict(applied: &Applied) -> Option<String> {
    (!applied.conflicts.is_empty()).then(|| {
        let names = applied.conflicts.join(", ");
        format!("exists already and belongs to somebody else: {names}; rename or delete it, or rename this resource")
    })
}

fn ready(from: &Validated, plan: &Plan, applied: &Applied, parts: &[Finding]) -> Finding {
    const KIND: &str = "Ready";
    if plan.suspended {
        return Finding::new(KIND, false, "Suspended", "spec.suspend is true");
    }
    if let Some(conflict) = conflict(applied) {
        return Finding::new(KIND, false, "NameConflict", conflict);
    }
    if !applied.leaving.is_empty() {
        let names = applied.leaving.join(", ");
        return Finding::new(
            KIND,
            false,
            "StillBeingRemoved",
            format!("waits until what belonged to the deleted resource of this name is gone: {names}"),
        );
    }
    if let Some(problem) = from.problems.first() {
        return Finding::new(KIND, false, problem.reason, problem.message.clone());
    }
    if let Some(Err(misfit)) = &plan.budget {
        return Finding::new(KIND, false, "TooManyConnections", misfit.to_string());
    }
    // A lowered maximum is worth a condition, and no more.
    let missing = parts
        .iter()
        .filter(|part| part.kind != "ConnectionsFit")
        .find(|part| !part.is_true());
    match missing {
        Some(part) => Finding::new(
            KIND,
            false,
            part.reason.clone(),
            format!("{}: {}", part.kind, part.message),
        ),
        None => Finding::new(KIND, true, "Serving", serving(from, applied)),
    }
}

/// That they serve; and what nobody should overlook who takes this for a product.
fn serving(from: &Validated, applied: &Applied) -> String {
    let production = from.spec.environment == Environment::Production;
    let none_wanted = applied.deployment.as_ref().map(wanted_replicas) == Some(0);
    let mut text = if none_wanted {
        "no workers are asked for"
    } else {
        "workers serve"
    }
    .to_owned();
    let mut providers = from.spec.llm.providers.iter();
    if let Some(provider) = providers.find(|provider| provider.simulated.is_some()) {
        text += &format!("; the provider {:?} is simulated", provider.name);
        if production {
            text += " although environment is Production";
        }
    }
    let by_tag = from.spec.image.as_ref().is_some_and(|image| !image.contains('@'));
    if production && by_tag {
        text += "; the image is named by a tag, which may come to mean another one: name it by digest";
    }
    text
}

fn autoscaling(plan: &Plan, found: &Found) -> Finding {
    const KIND: &str = "Autoscaling";
    let conditions = found
        .children
        .autoscalers
        .iter()
        .filter_map(|scaler| scaler.status.as_ref()?.conditions.as_ref())
        .flatten();
    match conditions
        .into_iter()
        .find(|condition| condition.type_ == "ScalingActive")
    {
        _ if plan.suspended => Finding::new(KIND, false, "Suspended", "spec.suspend is true"),
        Some(active) if active.status == "True" => {
            Finding::new(KIND, true, "Active", "the autoscaler decides the number of workers")
        }
        Some(active) => {
            let reason = active
                .reason
                .clone()
                .filter(|reason| !reason.is_empty())
                .unwrap_or_else(|| "Inactive".into());
            Finding::new(KIND, false, reason, active.message.clone().unwrap_or_default())
        }
        None => Finding::new(
            KIND,
            State::Unknown,
            "Starting",
            "the autoscaler has not looked at the workers yet",
        ),
    }
}

#[cfg(test)]
mod tests;
