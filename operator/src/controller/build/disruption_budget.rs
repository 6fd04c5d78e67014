//! The workers' PodDisruptionBudget: one at a time. There is one wherever there may be two workers, so also while an
//! autoscaler has only just one running, which a drain may still evict. Where there is never more than one it would say
//! nothing.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::{self, Component};
use crate::controller::validate::Identity;

/// The budget.
pub fn disruption_budget(identity: &Identity) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: labels::owned(identity, identity.name.clone(), Component::Worker),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(labels::selector(identity, Component::Worker)),
            // A worker that never got ready must not hold up a drain.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}
