//! What managed Redis and PostgreSQL have in common: one pod of a StatefulSet with a volume, a start script from a
//! ConfigMap, and a Service. For evaluation: no replica, no backup.

use std::collections::BTreeMap;

use companion_crds::workload::DeletionPolicy;
use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, Container, ContainerPort, EnvVar, ExecAction, PersistentVolumeClaim, PersistentVolumeClaimSpec, PodSpec,
    PodTemplateSpec, Probe, ResourceRequirements, Service, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::deployment::{BASELINE_ANNOTATION, SECRETS_ANNOTATION};
use super::labels::{self, Component};
use super::{placement, pod, service};
use crate::controller::plan::ServerPlan;
use crate::controller::validate::Validated;

/// The image that a managed server was made with: a hand edit of its pods is put back to it.
pub const IMAGE_ANNOTATION: &str = "companion.dev/image";

const SCRIPTS: &str = "/etc/companion";

/// The children of one managed server.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its scripts.
    pub config_map: ConfigMap,
    /// Its address.
    pub service: Service,
    /// Its pod and volume.
    pub stateful_set: StatefulSet,
}

/// What makes one managed server differ from the other.
pub struct Kind<'a> {
    /// Redis or Postgres.
    pub component: Component,
    /// Its image, and the mark of its secrets.
    pub plan: &'a ServerPlan,
    /// Its port.
    pub port: i32,
    /// `start.sh`.
    pub start: &'a str,
    /// `ready.sh`.
    pub ready: &'a str,
    /// What it gets.
    pub env: Vec<EnvVar>,
    /// What it asks for.
    pub resources: ResourceRequirements,
    /// Size of its volume.
    pub storage: &'a str,
    /// Where its volume is mounted.
    pub data: &'a str,
    /// Where it writes what need not stay.
    pub scratch: &'a [(&'a str, &'a str, &'a str)],
}

/// The name of a managed server and of all its children.
pub fn name(resource: &str, component: Component) -> String {
    format!("{resource}-{}", component.name())
}

/// The children of the server of `kind`.
pub fn server(from: &Validated, kind: Kind) -> Server {
    let identity = &from.identity;
    let name = name(&identity.name, kind.component);
    let port_name = kind.component.name();
    let image = kind.plan.image.clone();
    let scripts = [("start.sh", kind.start), ("ready.sh", kind.ready)];
    let mark = &kind.plan.mark;
    let baseline = mark
        .baseline
        .iter()
        .map(|hash| (BASELINE_ANNOTATION.to_owned(), hash.clone()));
    let annotations = [(SECRETS_ANNOTATION.to_owned(), mark.template.clone())];

    let mut mounts: Vec<VolumeMount> = vec![
        pod::mount("scripts", SCRIPTS, true),
        pod::mount("data", kind.data, false),
    ];
    let mut volumes = vec![pod::config_volume("scripts", &name)];
    for (volume, path, size) in kind.scratch {
        mounts.push(pod::mount(volume, path, false));
        volumes.push(pod::scratch_volume(volume, size, true));
    }
    let pod_spec = PodSpec {
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: placement::pull_secrets(from),
        security_context: Some(pod::pod_security(pod::SERVER_USER)),
        termination_grace_period_seconds: Some(60),
        containers: vec![Container {
            name: port_name.into(),
            image: Some(image.clone()),
            image_pull_policy: Some("IfNotPresent".into()),
            command: Some(script("start.sh")),
            env: Some(kind.env),
            ports: Some(vec![ContainerPort {
                name: Some(port_name.into()),
                container_port: kind.port,
                protocol: Some("TCP".into()),
                ..ContainerPort::default()
            }]),
            resources: Some(kind.resources),
            security_context: Some(pod::container_security()),
            readiness_probe: Some(Probe {
                exec: Some(ExecAction {
                    command: Some(script("ready.sh")),
                }),
                period_seconds: Some(3),
                timeout_seconds: Some(5),
                failure_threshold: Some(3),
                ..Probe::default()
            }),
            volume_mounts: Some(mounts),
            ..Container::default()
        }],
        volumes: Some(volumes),
        ..PodSpec::default()
    };
    Server {
        config_map: ConfigMap {
            metadata: labels::owned(identity, name.clone(), kind.component),
            data: Some(scripts.map(|(file, text)| (file.to_owned(), text.to_owned())).into()),
            ..ConfigMap::default()
        },
        service: service::service(identity, name.clone(), kind.component, port_name, kind.port),
        stateful_set: StatefulSet {
            metadata: ObjectMeta {
                annotations: Some(baseline.chain([(IMAGE_ANNOTATION.to_owned(), image)]).collect()),
                ..labels::owned(identity, name.clone(), kind.component)
            },
            spec: Some(StatefulSetSpec {
                replicas: Some(1),
                service_name: Some(name),
                selector: labels::selector(identity, kind.component),
                template: PodTemplateSpec {
                    metadata: Some(ObjectMeta {
                        labels: Some(labels::labels(identity, kind.component)),
                        annotations: Some(annotations.into()),
                        ..ObjectMeta::default()
                    }),
                    spec: Some(pod_spec),
                },
                volume_claim_templates: Some(vec![claim(from, kind.component, kind.storage)]),
                persistent_volume_claim_retention_policy: Some(retention(from.spec.deletion_policy)),
                ..StatefulSetSpec::default()
            }),
            status: None,
        },
    }
}

fn script(name: &str) -> Vec<String> {
    vec!["/bin/sh".into(), format!("{SCRIPTS}/{name}")]
}

/// The StatefulSet's controller sets and removes the claim's owner as this changes.
fn retention(policy: DeletionPolicy) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    let when_deleted = match policy {
        DeletionPolicy::Retain => "Retain",
        DeletionPolicy::Delete => "Delete",
    };
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(when_deleted.into()),
        when_scaled: Some("Retain".into()),
    }
}

/// This can never change: a StatefulSet's claim templates are immutable.
fn claim(from: &Validated, component: Component, storage: &str) -> PersistentVolumeClaim {
    let requests: BTreeMap<String, Quantity> = [("storage".to_owned(), Quantity(storage.to_owned()))].into();
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some("data".into()),
            labels: Some(labels::labels(&from.identity, component)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(requests),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}
