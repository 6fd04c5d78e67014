//! Pods that do nothing but jobs: the worker's image, with all that a worker has but a door for clients. No Service and no
//! disruption budget selects them, and none has to wait for streams when it goes.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec};

use super::deployment::{self, Generation};
use super::labels::Component;
use crate::controller::validate::{Identity, Validated};
use crate::plan::connections::JOBS_SURGE;
use crate::plan::rollout::SecretsMark;

/// Longer than a pod takes to end the jobs that it works on, or to give them back.
const GRACE_SECONDS: i64 = 30;

/// Its name.
pub fn name(identity: &Identity) -> String {
    format!("{}-{}", identity.name, Component::Jobs.name())
}

/// The Deployment of pods that read `config_map`.
pub fn jobs_deployment(from: &Validated, config_map: &str, mark: &SecretsMark) -> Deployment {
    let container = Container {
        name: Component::Jobs.name().into(),
        ..deployment::base(from, &["--jobs", "only"])
    };
    deployment::rolling(
        from,
        Generation {
            component: Component::Jobs,
            name: name(&from.identity),
            max_surge: JOBS_SURGE,
            mark,
            pod: PodSpec {
                termination_grace_period_seconds: Some(GRACE_SECONDS),
                ..deployment::pod_spec(from, Component::Jobs, config_map, container)
            },
        },
    )
}
