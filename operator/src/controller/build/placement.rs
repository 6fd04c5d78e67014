//! Where pods of the worker's image run and as whom. Workers and their Jobs have it in common: a Job that asked for
//! less would wait for ever on a cluster whose only free nodes need a toleration.

use k8s_openapi::api::core::v1::{LocalObjectReference, PodSpec};

use super::{pod, service_account};
use crate::controller::validate::Validated;

/// A pod without containers, in its place.
pub fn placed(from: &Validated) -> PodSpec {
    let scheduling = &from.spec.scheduling;
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    PodSpec {
        service_account_name: Some(
            given(&from.spec.service_account_name).unwrap_or_else(|| service_account::name(&from.identity)),
        ),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        image_pull_secrets: pull_secrets(from),
        security_context: Some(pod::pod_security(pod::WORKER_USER)),
        node_selector: (!scheduling.node_selector.is_empty()).then(|| scheduling.node_selector.clone()),
        tolerations: (!scheduling.tolerations.is_empty()).then(|| scheduling.tolerations.clone()),
        priority_class_name: given(&scheduling.priority_class_name),
        ..PodSpec::default()
    }
}

/// The Secrets for pulling images, if any.
pub fn pull_secrets(from: &Validated) -> Option<Vec<LocalObjectReference>> {
    let names = &from.spec.image_pull_secrets;
    (!names.is_empty()).then(|| {
        names
            .iter()
            .map(|secret| LocalObjectReference {
                name: secret.name.clone(),
            })
            .collect()
    })
}
