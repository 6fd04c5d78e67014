//! The workers' HorizontalPodAutoscaler.

use companion_crds::workload::Autoscaling;
use k8s_openapi::api::autoscaling::v2::{
    CrossVersionObjectReference, HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget, ResourceMetricSource,
};

use super::labels::{self, Component};
use crate::controller::validate::Identity;
use crate::plan::autoscaling::Bounds;

/// The autoscaler within `bounds`.
pub fn autoscaler(identity: &Identity, wish: &Autoscaling, bounds: Bounds) -> HorizontalPodAutoscaler {
    let cpu = MetricSpec {
        type_: "Resource".into(),
        resource: Some(ResourceMetricSource {
            name: "cpu".into(),
            target: MetricTarget {
                type_: "Utilization".into(),
                average_utilization: i32::try_from(wish.target_cpu_utilization).ok(),
                ..MetricTarget::default()
            },
        }),
        ..MetricSpec::default()
    };
    HorizontalPodAutoscaler {
        metadata: labels::owned(identity, identity.name.clone(), Component::Worker),
        spec: HorizontalPodAutoscalerSpec {
            scale_target_ref: CrossVersionObjectReference {
                api_version: Some("apps/v1".into()),
                kind: "Deployment".into(),
                name: identity.name.clone(),
            },
            min_replicas: i32::try_from(bounds.min).ok(),
            max_replicas: i32::try_from(bounds.max).unwrap_or(i32::MAX),
            metrics: Some(vec![cpu]),
            behavior: Some(HorizontalPodAutoscalerBehavior {
                scale_down: Some(HPAScalingRules {
                    stabilization_window_seconds: i32::try_from(wish.scale_down_stabilization.duration().as_secs())
                        .ok(),
                    ..HPAScalingRules::default()
                }),
                scale_up: None,
            }),
        },
        status: None,
    }
}
