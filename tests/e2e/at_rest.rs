//! At rest the operator makes no write: counted at the API server, in a program of its own so that no other test gives
//! the operator work meanwhile.

use std::time::Duration;

use companion_tests::audit::AuditLog;
use companion_tests::kube::with_temp_ns;
use companion_tests::{Blueprint, TestDatabase, eventually, eventually::ensure};
use serde_json::json;

/// Longer than the minute after which the operator looks at Secrets again.
const REST: Duration = Duration::from_secs(75);
/// No write for so long after Ready: events and the last of the rollout are told.
const SETTLED: Duration = Duration::from_secs(10);

#[tokio::test]
async fn at_rest_the_operator_makes_no_write() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let plain = Blueprint::external("plain", &database).apply(&client, &namespace).await;
        let own = TestDatabase::create().await;
        let scaled = Blueprint::external("scaled", &own)
            .with(json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 2 } }))
            .apply(&client, &namespace)
            .await;
        let managed = Blueprint::managed("managed").apply(&client, &namespace).await;
        for resource in [&plain, &scaled, &managed] {
            resource.await_ready().await;
        }
        eventually("the operator comes to rest", Duration::from_secs(120), || async {
            let log = AuditLog::from_here();
            tokio::time::sleep(SETTLED).await;
            ensure(log.operator_writes().is_empty(), || {
                format!("{:?}", log.operator_writes())
            })
        })
        .await;

        let versions = async || {
            let mut versions = Vec::new();
            for resource in [&plain, &scaled, &managed] {
                versions.push(resource.resource().await.metadata.resource_version);
            }
            versions
        };
        let (before, log) = (versions().await, AuditLog::from_here());
        tokio::time::sleep(REST).await;
        let writes = log.operator_writes();
        assert!(writes.is_empty(), "{} writes at rest: {writes:#?}", writes.len());
        assert_eq!(versions().await, before, "nobody wrote the resources");

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
