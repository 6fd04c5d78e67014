//! What preflight and migrate Jobs have in common: one container of the worker's image with its configuration, whose
//! last words are kept as termination message. A Job is made once, under a name that follows from what it is for and the
//! attempt, so of two operators only one can make it; it is never changed.

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::labels::{self, Component};
use super::{placement, pod};
use crate::controller::validate::Validated;
use crate::secret_hash::short;

/// Hash of what a Job was made for.
pub const INPUTS_ANNOTATION: &str = "companion.dev/inputs";
/// Which attempt it is, from 1.
pub const ATTEMPT_ANNOTATION: &str = "companion.dev/attempt";

/// What makes one Job differ from another.
pub struct Task<'a> {
    /// Preflight or Migrate.
    pub component: Component,
    /// Hash of what it is made for.
    pub inputs: &'a str,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Arguments of the worker.
    pub args: Vec<String>,
    /// What it gets from Secrets.
    pub env: Vec<EnvVar>,
    /// The ConfigMap it reads.
    pub config_map: &'a str,
    /// Pods after the first.
    pub retries: u32,
    /// Longest time in seconds.
    pub deadline: u64,
}

/// The Job of `task`.
pub fn job(from: &Validated, task: Task) -> Job {
    let identity = &from.identity;
    let attempt = task.attempt.to_string();
    let name = format!(
        "{}-{}-{}",
        identity.name,
        task.component.name(),
        short(&[task.inputs, &attempt])
    );
    let annotations = [
        (INPUTS_ANNOTATION, task.inputs.to_owned()),
        (ATTEMPT_ANNOTATION, attempt),
    ];
    Job {
        metadata: ObjectMeta {
            annotations: Some(annotations.map(|(name, value)| (name.to_owned(), value)).into()),
            ..labels::owned(identity, name, task.component)
        },
        spec: Some(JobSpec {
            backoff_limit: i32::try_from(task.retries).ok(),
            active_deadline_seconds: i64::try_from(task.deadline).ok(),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels::labels(identity, task.component)),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    restart_policy: Some("Never".into()),
                    containers: vec![Container {
                        name: task.component.name().into(),
                        image: Some(from.image.clone()),
                        image_pull_policy: Some("IfNotPresent".into()),
                        args: Some(task.args),
                        env: Some(task.env),
                        resources: Some(pod::resources(
                            &pod::amounts([("cpu", "50m"), ("memory", "64Mi")]),
                            &pod::amounts([("memory", "512Mi")]),
                        )),
                        security_context: Some(pod::container_security()),
                        termination_message_policy: Some("FallbackToLogsOnError".into()),
                        volume_mounts: Some(vec![
                            pod::mount("config", "/etc/companion", true),
                            pod::mount("tmp", "/tmp", false),
                        ]),
                        ..Container::default()
                    }],
                    volumes: Some(vec![
                        pod::config_volume("config", task.config_map),
                        pod::scratch_volume("tmp", "64Mi", false),
                    ]),
                    ..placement::placed(from)
                }),
            },
            ..JobSpec::default()
        }),
        status: None,
    }
}
