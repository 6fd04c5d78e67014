//! What the status says from the first pass on, and suspending.

use std::time::Duration;

use companion_tests::companion::condition;
use companion_tests::kube::with_temp_ns;
use companion_tests::{Blueprint, Companion, TestDatabase};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::ResourceExt;
use kube::api::ListParams;
use serde_json::json;

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_status_tells_where_it_is_from_the_first_pass_to_ready() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database).apply(&client, &namespace).await;
        let first = demo
            .await_state("a first status", Duration::from_secs(15), |_| true)
            .await;
        let ready = condition(&first, "Ready").expect("Ready is there from the first pass");
        assert_ne!(ready.status, "True", "it cannot be ready yet");
        assert_eq!(condition(&first, "Reconciling").expect("Reconciling").status, "True");

        let done = demo.await_ready().await;
        for kind in [
            "DatabaseReady",
            "Migrated",
            "RedisReady",
            "ConnectionsFit",
            "WorkersAvailable",
        ] {
            assert_eq!(
                condition(&done, kind)
                    .unwrap_or_else(|| panic!("no condition {kind}"))
                    .status,
                "True",
                "{kind}"
            );
        }
        for kind in ["Reconciling", "Stalled"] {
            assert!(
                condition(&done, kind).is_none_or(|found| found.status == "False"),
                "{kind}"
            );
        }
        for found in done.status.iter().flat_map(|status| &status.conditions) {
            assert_eq!(found.observed_generation, done.metadata.generation, "{found:?}");
        }
        let status = done.status.clone().unwrap();
        assert_eq!((status.replicas, status.ready_replicas), (Some(1), Some(1)));
        assert_eq!(status.endpoint, Some(format!("http://demo.{}.svc:80", demo.namespace)));
        assert!(status.schema_version.is_some_and(|version| version > 0));
        let chosen = demo
            .api::<Pod>()
            .list(&ListParams::default().labels(&status.selector.unwrap()))
            .await
            .unwrap();
        assert_eq!(chosen.items.len(), 1, "the selector finds the workers and nothing else");

        let told = events(&demo).await;
        assert!(told.iter().any(|event| event.starts_with("ReadyTrue")), "{told:#?}");
        let mut once = told.clone();
        once.dedup();
        assert_eq!(told, once, "nothing is told twice");
        // Another pass, in which nothing changes, tells nothing.
        demo.annotate("companion.dev/refresh", "1").await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(events(&demo).await, told);
    })
    .await;
}

/// What was told of the resource: each event as often as it was told, sorted.
async fn events(demo: &Companion) -> Vec<String> {
    let list = demo.api::<Event>().list(&ListParams::default()).await.unwrap();
    let of_resource = list
        .into_iter()
        .filter(|event| event.involved_object.kind.as_deref() == Some("CompanionDeployment"));
    let mut told: Vec<String> = of_resource
        .flat_map(|event| {
            let times = event.series.and_then(|series| series.count).unwrap_or(1);
            let text = format!(
                "{} {}",
                event.reason.unwrap_or_default(),
                event.message.unwrap_or_default()
            );
            std::iter::repeat_n(text, usize::try_from(times).unwrap_or(1))
        })
        .collect();
    told.sort();
    told
}

#[tokio::test]
async fn a_suspended_resource_stops_its_workers_and_resumes() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": 2 }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        demo.edit(json!({ "suspend": true })).await;
        demo.await_status("Suspended", "True", SOON).await;
        demo.await_replicas(0, SOON).await;
        demo.await_workers(0, SOON).await;

        demo.edit(json!({ "suspend": false })).await;
        demo.await_replicas(2, SOON).await;
        demo.await_ready().await;
        demo.await_workers(2, SOON).await;
    })
    .await;
}

#[tokio::test]
async fn what_the_api_server_refuses_of_a_child_stalls_at_once_and_an_edit_heals() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "scheduling": { "nodeSelector": { "a b": "c" } } }))
            .apply(&client, &namespace)
            .await;
        let stalled = demo.await_status("Stalled", "True", SOON).await;
        assert_eq!(stalled.reason, "Refused");
        assert!(stalled.message.contains("\"a b\""), "{}", stalled.message);
        demo.edit(json!({ "scheduling": { "nodeSelector": null } })).await;
        demo.await_ready().await;
    })
    .await;
}

#[tokio::test]
async fn an_image_that_never_starts_leaves_the_old_workers_serving() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database).apply(&client, &namespace).await;
        demo.await_ready().await;
        let old = demo.await_workers(1, SOON).await[0].name_any();
        demo.edit(json!({ "image": "localhost/companion-worker:there-is-none" }))
            .await;
        let stalled = demo.await_status("Stalled", "True", SOON).await;
        assert!(stalled.message.contains("there-is-none"), "{}", stalled.message);
        assert_eq!(demo.await_status("Ready", "False", SOON).await.status, "False");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(
            demo.workers()
                .await
                .iter()
                .map(ResourceExt::name_any)
                .collect::<Vec<_>>(),
            [old]
        );
        demo.chat("ada").await.say("Hello").await;
        demo.edit(json!({ "image": null })).await;
        demo.await_ready().await;
    })
    .await;
}
