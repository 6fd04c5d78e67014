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

/// Why a container waits that does not start before somebody acts.
const NEED_A_PERSON: [&str; 5] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
];

/// What holds a Job up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// In words.
    pub message: String,
    /// It stays until somebody acts.
    pub needs_a_person: bool,
}

impl Trouble {
    fn passing(message: String) -> Self {
        Self {
            message,
            needs_a_person: false,
        }
    }
}

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
    pub trouble: Option<Trouble>,
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
    let of_job = || {
        pods.iter()
            .filter(|pod| pod.labels().get(JOB_NAME_LABEL) == Some(&name))
    };
    let mut statuses: Vec<&ContainerStatus> = of_job()
        .filter_map(|pod| pod.status.as_ref()?.container_statuses.as_ref()?.first())
        .collect();
    statuses.sort_by_key(|status| finished_at(status));
    let message = statuses
        .iter()
        .rev()
        .find_map(|status| status.state.as_ref()?.terminated.as_ref()?.message.clone());
    let waits_for = of_job().find_map(|pod| not_started(pod).or_else(|| not_scheduled(pod)));
    let (outcome, failure) = outcome(job);
    Some(JobRun {
        component,
        inputs: job.annotations().get(INPUTS_ANNOTATION)?.clone(),
        attempt: Attempt {
            number: job.annotations().get(ATTEMPT_ANNOTATION)?.parse().ok()?,
            outcome,
        },
        message,
        trouble: failure.map(Trouble::passing).or(waits_for),
        config_map: mounted_config(job),
        name,
    })
}

/// Why a pod's container does not start. What is said of an image does not change from one try to the next.
fn not_started(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    if reason == "ContainerCreating" || reason == "PodInitializing" {
        return None;
    }
    let told = match &waiting.message {
        Some(message) => format!("{reason}: {message}"),
        None => reason.to_owned(),
    };
    let is_pull = reason == "ErrImagePull" || reason == "ImagePullBackOff";
    Some(Trouble {
        message: if is_pull {
            format!(
                "the image {:?} cannot be pulled: see `kubectl --namespace {} describe pod {}`",
                status.image,
                pod.namespace().unwrap_or_default(),
                pod.name_any()
            )
        } else {
            told
        },
        needs_a_person: NEED_A_PERSON.contains(&reason),
    })
}

/// Why a pod has no node yet. A node may still come, so it is for nobody to act.
fn not_scheduled(pod: &Pod) -> Option<Trouble> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let scheduled = conditions
        .iter()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let reason = scheduled.reason.as_deref().unwrap_or("Unschedulable");
    let message = scheduled.message.as_deref().unwrap_or("no node was found");
    Some(Trouble::passing(format!("{reason}: {message}")))
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
                let (namespace, name) = (job.namespace().unwrap_or_default(), job.name_any());
                let why = format!(
                    "it did not end in time: see with `kubectl --namespace {namespace} describe job {name}` whether its pod could start"
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn trouble(status: Value) -> Option<Trouble> {
        let job: Job = serde_json::from_value(json!({ "metadata": {
            "name": "check",
            "labels": { "app.kubernetes.io/component": "preflight" },
            "annotations": { INPUTS_ANNOTATION: "a", ATTEMPT_ANNOTATION: "1" },
            "ownerReferences": [{ "apiVersion": "v1", "kind": "C", "name": "c", "uid": "u" }],
        } }))
        .unwrap();
        let labels = json!({ JOB_NAME_LABEL: "check" });
        let pod: Pod =
            serde_json::from_value(json!({ "metadata": { "name": "check-x", "labels": labels }, "status": status }))
                .unwrap();
        runs(&[job], &[pod], "u").remove(0).trouble
    }

    fn waiting(reason: &str, message: &str) -> Value {
        let state = json!({ "waiting": { "reason": reason, "message": message } });
        json!({ "containerStatuses": [
            { "name": "preflight", "image": "worker:none", "imageID": "", "ready": false, "restartCount": 0, "state": state },
        ] })
    }

    #[test]
    fn an_image_that_cannot_be_pulled_needs_a_person_and_is_told_in_the_same_words_at_every_try() {
        let first = trouble(waiting("ErrImagePull", "rpc error: one")).unwrap();
        assert!(
            first.needs_a_person && first.message.contains("worker:none"),
            "{first:?}"
        );
        assert_eq!(trouble(waiting("ImagePullBackOff", "Back-off")), Some(first));
        let config = trouble(waiting("CreateContainerConfigError", "secret \"x\" not found")).unwrap();
        assert!(
            config.needs_a_person && config.message.contains("secret \"x\""),
            "{config:?}"
        );
        assert_eq!(trouble(waiting("ContainerCreating", "")), None);
    }

    #[test]
    fn a_pod_without_a_node_says_why() {
        let message = "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: chat}";
        let unscheduled =
            json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message });
        let found = trouble(json!({ "phase": "Pending", "conditions": [unscheduled] })).unwrap();
        assert!(found.message.contains(message) && !found.needs_a_person, "{found:?}");
    }
}
