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
use super::{placement, pod};
use crate::controller::plan::Serving;
use crate::controller::validate::{Identity, Validated};

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

/// The Deployment of workers that read `config_map`.
pub fn deployment(from: &Validated, config_map: &str, serving: &Serving) -> Deployment {
    let identity = &from.identity;
    let mark = &serving.mark;
    let annotation = |name: &str, value: &str| Some([(name.to_owned(), value.to_owned())].into());
    Deployment {
        metadata: ObjectMeta {
            annotations: mark
                .baseline
                .as_deref()
                .and_then(|hash| annotation(BASELINE_ANNOTATION, hash)),
            ..labels::owned(identity, identity.name.clone(), Component::Worker)
        },
        spec: Some(DeploymentSpec {
            selector: labels::selector(identity, Component::Worker),
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".into()),
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: i32::try_from(serving.max_surge).ok().map(IntOrString::Int),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            revision_history_limit: Some(HISTORY),
            // A rollout that somebody paused by hand would never end.
            paused: Some(false),
            progress_deadline_seconds: Some(PROGRESS_SECONDS),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels::labels(identity, Component::Worker)),
                    annotations: annotation(SECRETS_ANNOTATION, &mark.template),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod_spec(from, config_map)),
            },
            ..DeploymentSpec::default()
        }),
        status: None,
    }
}

fn pod_spec(from: &Validated, config_map: &str) -> PodSpec {
    PodSpec {
        termination_grace_period_seconds: i64::try_from(from.spec.drain.grace_period.duration().as_secs()).ok(),
        topology_spread_constraints: spread(&from.identity, from.spec.scheduling.topology_spread),
        containers: vec![container(from)],
        volumes: Some(volumes(from, config_map)),
        ..placement::placed(from)
    }
}

fn container(from: &Validated) -> Container {
    Container {
        name: "worker".into(),
        image: Some(from.image.clone()),
        image_pull_policy: Some("IfNotPresent".into()),
        args: Some(
            ["serve", "--config", "/etc/companion/config.yaml"]
                .map(String::from)
                .into(),
        ),
        env: Some(from.worker_variables.iter().map(pod::secret_variable).collect()),
        ports: Some(vec![port("http", 8080), port("admin", 9090)]),
        resources: Some(pod::resources(
            &from.spec.resources.requests,
            &from.spec.resources.limits,
        )),
        security_context: Some(pod::container_security()),
        startup_probe: Some(probe("/healthz", 2, 60)),
        readiness_probe: Some(probe("/readyz", 5, 2)),
        liveness_probe: Some(probe("/healthz", 10, 3)),
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
        volume_mounts: Some(mounts(from)),
        ..Container::default()
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

fn spread(identity: &Identity, over: TopologySpread) -> Option<Vec<TopologySpreadConstraint>> {
    let keys: &[&str] = match over {
        TopologySpread::Zone => &["topology.kubernetes.io/zone", "kubernetes.io/hostname"],
        TopologySpread::Node => &["kubernetes.io/hostname"],
        TopologySpread::None => return None,
    };
    let constraint = |key: &&str| TopologySpreadConstraint {
        max_skew: 1,
        topology_key: (*key).to_owned(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(labels::selector(identity, Component::Worker)),
        // Pods of another generation do not count: they are about to go.
        match_label_keys: Some(vec!["pod-template-hash".into()]),
        ..TopologySpreadConstraint::default()
    };
    Some(keys.iter().map(constraint).collect())
}
