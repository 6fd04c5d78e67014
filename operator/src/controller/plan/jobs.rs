//! What preflight and migrate Jobs have come to: which of them count for what is wanted now, what they found, and which
//! have told all they know.

use std::collections::BTreeSet;

use companion_crds::report::{MigrateReport, Outcome as Reported};
use companion_crds::status::{CompanionDeploymentStatus, Preflight};
use companion_crds::workload::{Scheduling, TopologySpread};
use kube::ResourceExt as _;

use super::{Finding, QUICK_RETRIES};
use crate::controller::build::labels::Component;
use crate::controller::build::{config_map, migrate};
use crate::controller::dereference::{Found, JobRun};
use crate::controller::validate::Validated;
use crate::plan::attempts::{Attempt, Outcome};
use crate::secret_hash::short;

/// The runs of one kind for `inputs`, oldest first.
pub fn runs(found: &Found, component: Component, inputs: &str) -> Vec<JobRun> {
    let of = |run: &&JobRun| run.component == component && run.inputs == inputs;
    found.job_runs.iter().filter(of).cloned().collect()
}

/// As the plan of attempts sees them.
pub fn attempts_of(runs: &[JobRun]) -> Vec<Attempt> {
    runs.iter().map(|run| run.attempt.clone()).collect()
}

/// What preflight depends on. Another hash means another preflight before anything else changes.
pub fn preflight_inputs(from: &Validated) -> Result<String, config_map::Error> {
    let config = config_map::config_map(&from.identity, &config_map::job_config(from))?;
    let (name, place) = (config.name_any(), place(from)?);
    let mut parts = vec![from.image.as_str(), &name, &from.hashes.preflight];
    parts.extend(place.as_deref());
    Ok(short(&parts))
}

/// Where Jobs run and as whom, if it was said: one that waits for a node in the wrong place is made again in the right one.
fn place(from: &Validated) -> Result<Option<String>, serde_json::Error> {
    let scheduling = Scheduling {
        topology_spread: TopologySpread::default(),
        ..from.spec.scheduling.clone()
    };
    let account = &from.spec.service_account_name;
    let is_said = scheduling != Scheduling::default() || !account.is_empty();
    is_said
        .then(|| serde_json::to_string(&(scheduling, account)))
        .transpose()
}

/// What a migration depends on: image, phase, database, and the roles that reach it.
pub fn migration_inputs(from: &Validated, found: &Found) -> String {
    let database = found.postgres_claim_uid.as_deref().unwrap_or("external");
    short(&[&from.image, migrate::EXPAND, database, &from.hashes.database])
}

/// What the last preflight that ended found. A report goes with its pod, by a drain for example: where the status still
/// has what an earlier one found, a success without one misses nothing, and a failure is tried again a few times first.
pub fn finding(checks: &[JobRun], proven: Option<&Preflight>) -> Option<Finding> {
    let last = checks.iter().rfind(|run| !run.is_running())?;
    let succeeded = |run: &&JobRun| matches!(run.attempt.outcome, Outcome::Succeeded(_));
    let last_success = checks.iter().rfind(succeeded).map_or(0, |run| run.attempt.number);
    let failures = last.attempt.number.saturating_sub(last_success);
    match last.preflight_report() {
        Some(report) => Some(Finding::Report(report)),
        None if proven.is_some() && failures <= QUICK_RETRIES => None,
        None => Some(Finding::None(without_report(last))),
    }
}

/// Why a Job that left no report failed: its last words, or what the Job's own condition says.
fn without_report(run: &JobRun) -> String {
    let words = run.message.as_deref().map(last_lines).filter(|words| !words.is_empty());
    words
        .or_else(|| run.trouble.as_ref().map(|trouble| trouble.message.clone()))
        .unwrap_or_else(|| format!("the job {:?} left no message", run.name))
}

/// The end of a log, short enough for a condition.
fn last_lines(text: &str) -> String {
    const LONGEST: usize = 600;
    let text = text.trim();
    let start = text.len().saturating_sub(LONGEST);
    let start = (start..text.len())
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(start);
    text.get(start..).unwrap_or_default().to_owned()
}

/// What a content preflight found: by its report, or by what status kept of it.
pub fn proven(checks: &[JobRun], inputs: &str, status: Option<&CompanionDeploymentStatus>) -> Option<Preflight> {
    let succeeded = checks
        .iter()
        .rev()
        .filter(|run| matches!(run.attempt.outcome, Outcome::Succeeded(_)));
    let reported =
        succeeded
            .filter_map(JobRun::preflight_report)
            .find_map(|report| match (report.database, report.redis) {
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

/// The cause of the last failure there was, even while a Job tries again.
pub fn migration_failure(migrations: &[JobRun]) -> Option<String> {
    let cause = |run: &JobRun| match run.message.as_deref().map(serde_json::from_str) {
        Some(Ok(MigrateReport::Failed(cause))) => Some(last_lines(&cause)),
        _ if matches!(run.attempt.outcome, Outcome::Failed(_)) => Some(without_report(run)),
        _ => None,
    };
    let last = migrations.last()?;
    match last.attempt.outcome {
        Outcome::Succeeded(_) => None,
        Outcome::Failed(_) | Outcome::Running => migrations.iter().rev().find_map(cause),
    }
}

/// The version that the latest migration reported, for whatever image it was.
pub fn schema_version(found: &Found) -> Option<i64> {
    let finished = |run: &&JobRun| match run.attempt.outcome {
        Outcome::Succeeded(at) if run.component == Component::Migrate => Some(at),
        _ => None,
    };
    let latest = found
        .job_runs
        .iter()
        .filter(|run| finished(run).is_some())
        .max_by_key(finished)?;
    match serde_json::from_str(latest.message.as_deref()?) {
        Ok(MigrateReport::Migrated(version)) => Some(version),
        _ => None,
    }
}

/// Of each kind the last success and the last failure stay, and what is still at work: but for a preflight that looks
/// into what is no longer wanted. A migration is never cut off.
pub fn old_jobs(found: &Found, preflight_inputs: &str) -> Vec<String> {
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
        stay.extend(
            [success.max(), failure.max()]
                .into_iter()
                .flatten()
                .map(|(_, name)| name.clone()),
        );
    }
    let gone = |run: &&JobRun| match run.attempt.outcome {
        Outcome::Running => run.component == Component::Preflight && run.inputs != preflight_inputs,
        _ => !stay.contains(&run.name),
    };
    found.job_runs.iter().filter(gone).map(|run| run.name.clone()).collect()
}
