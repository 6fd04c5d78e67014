//! Replicas of the operator: which one leads, what becomes of one that no longer does, and which namespaces they see.

use std::time::Duration;

use companion_tests::eventually::{ensure, eventually};
use companion_tests::kube::{create_namespace, delete_namespace, with_temp_ns};
use companion_tests::{Blueprint, Operator, TestDatabase, unique};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

const LEADS: &str = "companion_operator_leader";
const SOON: Duration = Duration::from_secs(20);
/// A lease that is not renewed is taken after 15 seconds, looked at every 3.
const TAKEN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn another_replica_takes_over_and_one_that_lost_its_lease_ends() {
    with_temp_ns(async move |client, namespace| {
        let leases: Api<Lease> = Api::namespaced(client, &namespace);
        let mut first = Operator::start(&namespace, "first");
        first.await_metric(LEADS, 1.0, SOON).await;
        let mut second = Operator::start(&namespace, "second");
        second.await_ready().await;
        assert_eq!(
            second.metric(LEADS).await,
            Some(0.0),
            "one that stands by is ready and does not lead"
        );

        first.kill().await;
        second.await_metric(LEADS, 1.0, TAKEN).await;

        // Somebody else holds the lease: the second cannot know what that one does, and ends.
        let stolen = json!({ "spec": { "holderIdentity": "somebody" } });
        leases
            .patch("companion-operator", &PatchParams::default(), &Patch::Merge(stolen))
            .await
            .unwrap();
        assert!(!second.ended(SOON).await, "the loss of the lease is no good end");

        // One that is asked to stop gives its lease away, and the next need not wait for it to expire.
        let mut third = Operator::start(&namespace, "third");
        third.await_metric(LEADS, 1.0, TAKEN).await;
        third.terminate();
        assert!(third.ended(SOON).await, "to be stopped is a good end");
        let holder = leases
            .get("companion-operator")
            .await
            .unwrap()
            .spec
            .unwrap()
            .holder_identity;
        assert_eq!(holder, None);
    })
    .await;
}

#[tokio::test]
async fn an_operator_of_one_namespace_sees_no_other_and_tells_of_itself() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let other = unique("companion-test");
        create_namespace(&client, &other).await;
        // Suspended, so that the cluster's own operator, which sees both, and this one want the same: nothing.
        let suspended = Blueprint::external("demo", &database).with(json!({ "suspend": true }));
        suspended.apply(&client, &namespace).await;
        suspended.apply(&client, &other).await;

        let operator = Operator::start(&namespace, "named");
        operator.await_metric("companion_operator_objects", 1.0, TAKEN).await;
        assert_eq!(operator.admin("/healthz").await, (200, "ok\n".into()));
        assert_eq!(operator.admin("/readyz").await, (200, "ok\n".into()));
        assert_eq!(operator.metric("companion_operator_crd_missing").await, Some(0.0));
        eventually("passes are counted", TAKEN, || async {
            let (_, metrics) = operator.admin("/metrics").await;
            assert!(!metrics.contains("outcome=\"error\""), "{metrics}");
            ensure(metrics.contains("companion_operator_reconciles_total{outcome="), || {
                metrics
            })
        })
        .await;
        delete_namespace(&client, &other).await;
    })
    .await;
}
