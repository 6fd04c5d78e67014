//! At rest the operator makes no write: counted at the API server, in a program of its own so that no other test gives
//! the operator work meanwhile.

use std::time::Duration;

use companion_tests::audit::AuditLog;
use companion_tests::kube::with_temp_ns;
use companion_tests::{Blueprint, Companion, TestDatabase, eventually, eventually::ensure};
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition};
use serde_json::json;

/// Longer than the minute after which the operator looks at Secrets again.
const REST: Duration = Duration::from_secs(75);
/// No write for so long after Ready: events and the last of the rollout are told.
const SETTLED: Duration = Duration::from_secs(10);
/// The autoscaler needs metrics of every worker before it is at rest itself.
const SCALER: Duration = Duration::from_secs(150);
/// How often the autoscaler may lose its metrics and find them again, which the operator rightly tells, before this fails.
const WINDOWS: usize = 3;

#[tokio::test]
async fn at_rest_the_operator_makes_no_write() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let plain = Blueprint::external("plain", &database)
            .with(json!({ "jobs": { "mode": "Separate" } }))
            .apply(&client, &namespace)
            .await;
        let own = TestDatabase::create().await;
        let scaled = Blueprint::external("scaled", &own)
            .with(json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 2 } }))
            .apply(&client, &namespace)
            .await;
        let managed = Blueprint::managed("managed").apply(&client, &namespace).await;
        for resource in [&plain, &scaled, &managed] {
            resource.await_ready().await;
        }
        scaled.await_status("Autoscaling", "True", SCALER).await;

        let mut window = 1;
        let log = loop {
            come_to_rest().await;
            let (before, conditions) = (versions(&[&plain, &scaled, &managed]).await, autoscaler(&scaled).await);
            let log = AuditLog::from_here();
            tokio::time::sleep(REST).await;
            let writes = log.operator_writes();
            if !writes.is_empty() && window < WINDOWS && conditions != autoscaler(&scaled).await {
                println!("the autoscaler moved in window {window}: {writes:?}");
                window += 1;
                continue;
            }
            assert!(writes.is_empty(), "{} writes at rest: {writes:#?}", writes.len());
            let after = versions(&[&plain, &scaled, &managed]).await;
            assert_eq!(after, before, "nobody wrote the resources");
            break log;
        };

        // The count would see a write: a change is one.
        plain.edit(json!({ "replicas": 2 })).await;
        plain.await_ready().await;
        assert!(
            !log.operator_writes().is_empty(),
            "the audit log holds no write of the operator at all"
        );
    })
    .await;
}

async fn come_to_rest() {
    eventually("the operator comes to rest", Duration::from_secs(120), || async {
        let log = AuditLog::from_here();
        tokio::time::sleep(SETTLED).await;
        let writes = log.operator_writes();
        ensure(writes.is_empty(), || format!("{writes:?}"))
    })
    .await;
}

async fn versions(resources: &[&Companion]) -> Vec<Option<String>> {
    let mut versions = Vec::new();
    for resource in resources {
        versions.push(resource.resource().await.metadata.resource_version);
    }
    versions
}

/// What the autoscaler says of itself, with the times at which that changed; the operator tells it in the status.
async fn autoscaler(of: &Companion) -> Vec<HorizontalPodAutoscalerCondition> {
    let scaler = of.api::<HorizontalPodAutoscaler>().get(&of.name).await;
    let status = scaler.expect("the autoscaler is there").status;
    status.and_then(|status| status.conditions).unwrap_or_default()
}
