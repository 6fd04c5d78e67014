//! How many workers there are: by `kubectl scale`, by an edit, by an autoscaler that takes over and hands back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use companion_tests::companion::wanted_replicas;
use companion_tests::kube::{await_condition, await_gone, with_temp_ns};
use companion_tests::{Blueprint, Companion, TestDatabase};
use futures::StreamExt;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(60);
/// The autoscaler needs metrics of every worker before it acts.
const SCALER: Duration = Duration::from_secs(150);

/// Every number of workers that the Deployment ever asked for since the watch began.
struct Watched {
    seen: Arc<Mutex<Vec<i32>>>,
    task: JoinHandle<()>,
}

impl Watched {
    async fn from_now(demo: &Companion) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let config = watcher::Config::default().fields(&format!("metadata.name={}", demo.name));
        let stream = watcher(demo.api::<Deployment>(), config)
            .default_backoff()
            .applied_objects();
        let notes = seen.clone();
        let task = tokio::spawn(async move {
            let mut stream = stream.boxed();
            while let Some(deployment) = stream.next().await {
                let Ok(deployment) = deployment else { continue };
                // None would be the default of 1: the very dip that must not be.
                let wanted = wanted_replicas(&deployment).unwrap_or(1);
                let mut notes = notes.lock().unwrap();
                if notes.last() != Some(&wanted) {
                    notes.push(wanted);
                }
            }
        });
        let watched = Self { seen, task };
        companion_tests::eventually("the watch has begun", SOON, || async {
            companion_tests::eventually::ensure(!watched.numbers().is_empty(), || "nothing seen yet".into())
        })
        .await;
        watched
    }

    fn numbers(&self) -> Vec<i32> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn await_scaler(demo: &Companion, replicas: i32) {
    let acts = move |hpa: Option<&HorizontalPodAutoscaler>| {
        let status = hpa.and_then(|hpa| hpa.status.as_ref());
        status.is_some_and(|status| {
            let conditions = status.conditions.clone().unwrap_or_default();
            let able = conditions
                .iter()
                .any(|one| one.type_ == "AbleToScale" && one.status == "True");
            able && status.desired_replicas == replicas
        })
    };
    await_condition(
        &demo.api(),
        &demo.name,
        &format!("the autoscaler wants {replicas}"),
        SCALER,
        acts,
    )
    .await;
}

#[tokio::test]
async fn scaling_by_hand_by_edit_and_by_an_autoscaler_never_dips() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database).apply(&client, &namespace).await;
        demo.await_ready().await;

        demo.scale(3).await;
        demo.await_replicas(3, SOON).await;
        demo.await_workers(3, SOON).await;
        let status = demo
            .await_state("three workers in status", SOON, |demo| {
                demo.status
                    .as_ref()
                    .is_some_and(|status| status.ready_replicas == Some(3))
            })
            .await;
        assert_eq!(status.status.unwrap().replicas, Some(3), "what kubectl scale reads");
        demo.edit(json!({ "replicas": 2 })).await;
        demo.await_replicas(2, SOON).await;
        demo.await_workers(2, SOON).await;

        // The autoscaler takes over at 2.
        let watched = Watched::from_now(&demo).await;
        let scaler = json!({ "minReplicas": 2, "maxReplicas": 4, "scaleDownStabilization": "0s" });
        demo.edit(json!({ "replicas": null, "autoscaling": scaler })).await;
        await_scaler(&demo, 2).await;
        demo.await_status("Autoscaling", "True", SCALER).await;
        // And really owns the number: it goes to 4 when it must.
        demo.edit(json!({ "autoscaling": { "minReplicas": 4 } })).await;
        demo.await_replicas(4, SCALER).await;
        demo.await_ready().await;
        assert_eq!(watched.numbers(), [2, 4], "the autoscaler takes over without a dip");

        // The operator writes other things meanwhile, and leaves the number alone.
        demo.edit(json!({ "limits": { "messageChars": 3000 } })).await;
        demo.await_ready().await;
        assert_eq!(
            watched.numbers(),
            [2, 4],
            "a rollout beside the autoscaler does not touch the number"
        );

        // It hands back at 4.
        demo.edit(json!({ "autoscaling": null, "replicas": 4 })).await;
        await_gone::<HorizontalPodAutoscaler>(&demo.api(), "demo", SOON).await;
        demo.await_ready().await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(watched.numbers(), [2, 4], "the autoscaler hands back without a dip");

        demo.edit(json!({ "replicas": 1 })).await;
        demo.await_replicas(1, SOON).await;
        demo.await_workers(1, SOON).await;
        assert_eq!(watched.numbers(), [2, 4, 1], "the operator owns the number again");
    })
    .await;
}

#[tokio::test]
async fn an_autoscaler_from_the_start_begins_at_its_minimum() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": null, "autoscaling": { "minReplicas": 2, "maxReplicas": 3 } }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        demo.await_workers(2, SCALER).await;
        demo.await_replicas(2, SOON).await;
    })
    .await;
}
