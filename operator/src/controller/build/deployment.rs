//! The workers. The number of them is not said here: it belongs to another field manager, or to the autoscaler.

use companion_crds::API_KEYS_PATH;
use companion_crds::workload::TopologySpread;
use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Container, ContainerPort, ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, PodSpec, PodTemplateSpec, Probe,
    TopologySpreadConstraint, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::{self, Component};
use super::{placement, pod, traces};
use crate::controller::plan::Serving;
use crate::controller::validate::{Identity, Validated};
use crate::plan::rollout::SecretsMark;

/// Keyed hash of the secrets' values that pods were started with.
pub const SECRETS_ANNOTATION: &str = "companion.dev/secrets";
/// The same values' hash under the present key, where the template's was made with one that is lost.
pub const BASELINE_ANNOTATION: &str = "companion.dev/secrets-baseline";

/// Name of the volume with the configuration.
pub const CONFIG_VOLUME: &str = "config";
/// Name of the volume with the API keys.
const API_KEYS_VOLUME: &str = "api-keys";
/// A rollout without progress for so long is called stuck.
const PROGRESS_SECONDS: i32 = 300;
const HISTORY: i32 = 3;
/// Arguments of workers that leave jobs to others. The others have none: it is what a worker does by itself.
const LEAVES_JOBS: [&str; 2] = ["--jobs", "off"];

/// What makes the Deployment of workers and that of pods for jobs differ.
pub struct Generation<'a> {
    /// Worker or Jobs.
    pub component: Component,
    /// Its name.
    pub name: String,
    /// Pods that a rollout adds.
    pub max_surge: u32,
    /// For the pods' annotation.
    pub mark: &'a SecretsMark,
    /// The pods.
    pub pod: PodSpec,
}

/// The Deployment of workers that read `config_map`.
pub fn deployment(from: &Validated, config_map: &str, serving: &Serving) -> Deployment {
    let arguments: &[&str] = if serving.jobs.workers_leave { &LEAVES_JOBS } else { &[] };
    let grace_period = from.spec.drain.grace_period.duration().as_secs();
    rolling(
        from,
        Generation {
            component: Component::Worker,
            name: from.identity.name.clone(),
            max_surge: serving.max_surge,
            mark: &serving.mark,
            pod: PodSpec {
                termination_grace_period_seconds: i64::try_from(grace_period).ok(),
                ..pod_spec(from, Component::Worker, config_map, worker(from, arguments))
            },
        },
    )
}

/// Whether pods leave jobs to others.
pub fn leaves_jobs(pod: &PodSpec) -> bool {
    let mut arguments = pod.containers.iter().filter_map(|container| container.args.as_ref());
    arguments.any(|all| all.windows(LEAVES_JOBS.len()).any(|some| some == LEAVES_JOBS))
}

/// A Deployment whose new pods come before its old ones go.
pub fn rolling(from: &Validated, generation: Generation) -> Deployment {
    let identity = &from.identity;
    let Generation {
        component,
        name,
        max_surge,
        mark,
        pod,
    } = generation;
    let annotation = |name: &str, value: &str| Some([(name.to_owned(), value.to_owned())].into());
    Deployment {
        metadata: ObjectMeta {
            annotations: mark
                .baseline
                .as_deref()
                .and_then(|hash| annotation(BASELINE_ANNOTATION, hash)),
            ..labels::owned(identity, name, component)
        },
        spec: Some(DeploymentSpec {
            selector: labels::selector(identity, component),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: i32::try_from(max_surge).ok().map(IntOrString::Int),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            revision_history_limit: Some(HISTORY),
            // A rollout that somebody paused by hand would never end.
            paused: Some(false),
            progress_deadline_seconds: Some(PROGRESS_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels::labels(identity, component)),
                    annotations: annotation(SECRETS_ANNOTATION, &mark.template),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

/// A pod of one component that reads `config_map`.
pub fn pod_spec(from: &Validated, component: Component, config_map: &str, container: Container) -> PodSpec {
    PodSpec {
        topology_spread_constraints: spread(&from.identity, component, from.spec.scheduling.topology_spread),
        containers: vec![container],
        volumes: Some(volumes(from, config_map)),
        ..placement::placed(from)
    }
}

/// The worker with `arguments` after the usual ones, ready and alive by its admin port alone.
pub fn base(from: &Validated, arguments: &[&str]) -> Container {
    let usual = ["serve", "--config", "/etc/companion/config.yaml"];
    let env = from.worker_variables.iter().map(pod::secret_variable);
    Container {
        name: "worker".into(),
        image: Some(from.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        args: Some(usual.iter().chain(arguments).map(ToString::to_string).collect()),
        env: Some(env.chain(traces::variables(from)).collect()),
        ports: Some(vec![port("admin", 9090)]),
        resources: Some(pod::resources(
            &from.spec.resources.requests,
            &from.spec.resources.limits,
        )),
        security_context: Some(pod::container_security()),
        startup_probe: Some(probe("/healthz", 2, 60)),
        readiness_probe: Some(probe("/readyz", 5, 2)),
        liveness_probe: Some(probe("/healthz", 10, 3)),
        volume_mounts: Some(mounts(from)),
        ..Container::default()
    }
}

fn worker(from: &Validated, arguments: &[&str]) -> Container {
    Container {
        ports: Some(vec![port("http", 8080), port("admin", 9090)]),
        lifecycle: Some(Lifecycle {
            // Proxies need a moment to learn that the pod is going; until then it serves, with fewer connections.
            pre_stop: Some(LifecycleHandler {
                exec: Some(ExecAction {
                    command: Some(vec!["companion-worker".into(), "leave".into()]),
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        ..base(from, arguments)
    }
}

fn volumes(from: &Validated, config_map: &str) -> Vec<Volume> {
    let mut volumes = vec![
        pod::config_volume(CONFIG_VOLUME, config_map),
        pod::scratch_volume("tmp", "64Mi", false),
    ];
    if let Some(keys) = &from.spec.auth.api_keys {
        volumes.push(pod::secret_volume(API_KEYS_VOLUME, &keys.secret_ref.name));
    }
    volumes
}

fn mounts(from: &Validated) -> Vec<VolumeMount> {
    let mut mounts = vec![
        pod::mount(CONFIG_VOLUME, "/etc/companion", true),
        pod::mount("tmp", "/tmp", false),
    ];
    if from.spec.auth.api_keys.is_some() {
        mounts.push(pod::mount(API_KEYS_VOLUME, API_KEYS_PATH, true));
    }
    mounts
}

fn port(name: &str, number: i32) -> ContainerPort {
    ContainerPort {
        name: Some(name.into()),
        container_port: number,
        protocol: Some("TCP".into()),
        ..ContainerPort::default()
    }
}

fn probe(path: &str, period: i32, failures: i32) -> Probe {
    Probe {
        http_get: Some(HTTPGetAction {
            path: Some(path.into()),
            port: IntOrString::String("admin".into()),
            ..HTTPGetAction::default()
        }),
        period_seconds: Some(period),
        timeout_seconds: Some(2),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

fn spread(identity: &Identity, component: Component, over: TopologySpread) -> Option<Vec<TopologySpreadConstraint>> {
    let keys: &[&str] = match over {
        TopologySpread::Zone => &["topology.kubernetes.io/zone", "kubernetes.io/hostname"],
        TopologySpread::Node => &["kubernetes.io/hostname"],
        TopologySpread::None => return None,
    };
    let constraint = |key: &&str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: (*key).to_owned(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(labels::selector(identity, component)),
        // Pods of another generation do not count: they are about to go.
        match_label_keys: Some(vec!["pod-template-hash".into()]),
        ..TopologySpreadConstraint::default()
    };
    Some(keys.iter().map(constraint).collect())
}
