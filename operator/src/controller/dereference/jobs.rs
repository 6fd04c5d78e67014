//! What preflight and migrate Jobs and their pods tell: which attempt each was, how it ended, and what it left in its
//! termination message.

use companion_crds::report::PreflightReport;
use jiff::Timestamp;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::ResourceExt as _;

use crate::controller::build::job::{ATTEMPT_ANNOTATION, INPUTS_ANNOTATION};
use crate::controller::build::labels::{Component, component_of};
use crate::plan::attempts::{Attempt, Outcome};

/// Label that the Job controller puts on a Job's pods.
const JOB_NAME_LABEL: &str = "batch.kubernetes.io/job-name";

/// One Job, as later steps see it.
#[derive(Clone, Debug)]
pub struct JobRun {
    /// Its name.
    pub name: String,
    /// Preflight or Migrate.
    pub component: Component,
    /// Hash of what it was made for.
    pub inputs: String,
    /// Which attempt, and how it ended.
    pub attempt: Attempt,
    /// What its last pod left as termination message.
    pub message: Option<String>,
    /// Why the Job failed, or what its pod waits for.
    pub trouble: Option<String>,
    /// The ConfigMap it mounts.
    pub config_map: Option<String>,
}

impl JobRun {
    /// The report of a preflight.
    pub fn preflight_report(&self) -> Option<PreflightReport> {
        serde_json::from_str(self.message.as_deref()?).ok()
    }

    /// Whether it is still at work.
    pub fn is_running(&self) -> bool {
        self.attempt.outcome == Outcome::Running
    }
}

/// The runs among `jobs` that belong to the resource with `uid`, oldest attempt first.
pub fn runs(jobs: &[Job], pods: &[Pod], uid: &str) -> Vec<JobRun> {
    let owned = jobs
        .iter()
        .filter(|job| job.owner_references().iter().any(|owner| owner.uid == uid));
    let mut runs: Vec<JobRun> = owned.filter_map(|job| run(job, pods)).collect();
    runs.sort_by_key(|run| run.attempt.number);
    runs
}

fn run(job: &Job, pods: &[Pod]) -> Option<JobRun> {
    let component = component_of(job.labels())?;
    let name = job.name_any();
    let mut statuses: Vec<&ContainerStatus> = pods
        .iter()
        .filter(|pod| pod.labels().get(JOB_NAME_LABEL) == Some(&name))
        .filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref()?.first())
        .collect();
    statuses.sort_by_key(|status| finished_at(status));
    let message = statuses
        .iter()
        .rev()
        .find_map(|status| status.state.as_ref()?.terminated.as_ref()?.message.clone());
    let waits_for = statuses.iter().find_map(|status| {
        let waiting = status.state.as_ref()?.waiting.as_ref()?;
        let reason = waiting
            .reason
            .as_deref()
            .filter(|reason| *reason != "ContainerCreating" && *reason != "PodInitializing")?;
        Some(match &waiting.message {
            Some(message) => format!("{reason}: {message}"),
            None => reason.to_owned(),
        })
    });
    let (outcome, failure) = outcome(job);
    Some(JobRun {
        component,
        inputs: job.annotations().get(INPUTS_ANNOTATION)?.clone(),
        attempt: Attempt {
            number: job.annotations().get(ATTEMPT_ANNOTATION)?.parse().ok()?,
            outcome,
        },
        message,
        trouble: failure.or(waits_for),
        config_map: mounted_config(job),
        name,
    })
}

fn finished_at(status: &ContainerStatus) -> Option<Timestamp> {
    status
        .state
        .as_ref()?
        .terminated
        .as_ref()?
        .finished_at
        .as_ref()
        .map(|time| time.0)
}

fn outcome(job: &Job) -> (Outcome, Option<String>) {
    let conditions = job.status.iter().flat_map(|status| status.conditions.iter().flatten());
    for condition in conditions.filter(|condition| condition.status == "True") {
        let at = condition
            .last_transition_time
            .as_ref()
            .map_or(Timestamp::UNIX_EPOCH, |time| time.0);
        match condition.type_.as_str() {
            "Complete" => return (Outcome::Succeeded(at), None),
            "Failed" if condition.reason.as_deref() == Some("DeadlineExceeded") => {
                let name = job.name_any();
                let why = format!(
                    "it did not end in time: see with `kubectl describe job {name}` whether its pod could start"
                );
                return (Outcome::Failed(at), Some(why));
            }
            "Failed" => return (Outcome::Failed(at), condition.message.clone()),
            _ => {}
        }
    }
    (Outcome::Running, None)
}

fn mounted_config(job: &Job) -> Option<String> {
    let volumes = job.spec.as_ref()?.template.spec.as_ref()?.volumes.as_ref()?;
    volumes
        .iter()
        .find_map(|volume| volume.config_map.as_ref().map(|map| map.name.clone()))
}
