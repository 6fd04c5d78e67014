//! What every pod has in common: it runs as a numbered user without rights, on a root file system it cannot write, and
//! has no token for the API server.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, EmptyDirVolumeSource, EnvVar, EnvVarSource, PodSecurityContext,
    ResourceRequirements, SeccompProfile, SecretKeySelector, SecretVolumeSource, SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::controller::validate::SecretVariable;

/// User of workers and their Jobs.
pub const WORKER_USER: i64 = 65_532;
/// User of managed servers, the same as in the official images.
pub const SERVER_USER: i64 = 999;

/// Of a pod that runs as `user`.
pub fn pod_security(user: i64) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(user),
        run_as_group: Some(user),
        fs_group: Some(user),
        fs_group_change_policy: Some("OnRootMismatch".into()),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".into(),
            localhost_profile: None,
        }),
        ..PodSecurityContext::default()
    }
}

/// Of a container.
pub fn container_security() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        read_only_root_filesystem: Some(true),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".into()]),
            add: None,
        }),
        ..SecurityContext::default()
    }
}

/// Amounts by name, as a resource's spec has them.
pub fn amounts<const N: usize>(amounts: [(&str, &str); N]) -> BTreeMap<String, String> {
    amounts
        .map(|(name, amount)| (name.to_owned(), amount.to_owned()))
        .into()
}

/// What a container asks for, and what it may not pass.
pub fn resources(requests: &BTreeMap<String, String>, limits: &BTreeMap<String, String>) -> ResourceRequirements {
    let quantities = |amounts: &BTreeMap<String, String>| -> BTreeMap<String, Quantity> {
        amounts
            .iter()
            .map(|(name, amount)| (name.clone(), Quantity(amount.clone())))
            .collect()
    };
    ResourceRequirements {
        requests: Some(quantities(requests)),
        limits: Some(quantities(limits)),
        claims: None,
    }
}

/// An environment variable from a Secret.
pub fn secret_variable(variable: &SecretVariable) -> EnvVar {
    EnvVar {
        name: variable.variable.clone(),
        value_from: Some(EnvVarSource {
            secret_key_ref: Some(SecretKeySelector {
                name: variable.secret.clone(),
                key: variable.key.clone(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

/// A volume of the files in a ConfigMap.
pub fn config_volume(volume: &str, config_map: &str) -> Volume {
    Volume {
        name: volume.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map.into(),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// A volume of all that a Secret holds, a file for each entry, readable to the pod's group alone.
pub fn secret_volume(volume: &str, secret: &str) -> Volume {
    Volume {
        name: volume.into(),
        secret: Some(SecretVolumeSource {
            secret_name: Some(secret.into()),
            default_mode: Some(0o440),
            ..SecretVolumeSource::default()
        }),
        ..Volume::default()
    }
}

/// An empty volume that goes with the pod; its files count as memory where `in_memory`.
pub fn scratch_volume(volume: &str, size: &str, in_memory: bool) -> Volume {
    Volume {
        name: volume.into(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: in_memory.then(|| "Memory".into()),
            size_limit: Some(Quantity(size.into())),
        }),
        ..Volume::default()
    }
}

/// Where a volume is found in a container.
pub fn mount(volume: &str, path: &str, read_only: bool) -> VolumeMount {
    VolumeMount {
        name: volume.into(),
        mount_path: path.into(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    }
}
