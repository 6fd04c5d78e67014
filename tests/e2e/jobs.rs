//! What comes after replies: in pods of its own, and back in the workers, while people go on telling things.

use std::future::Future;
use std::time::Duration;

use companion_tests::chat::http;
use companion_tests::companion::{address, metrics};
use companion_tests::kube::{await_condition, await_gone, with_temp_ns};
use companion_tests::{Blueprint, Companion, TestDatabase, eventually, eventually::ensure};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

const SOON: Duration = Duration::from_secs(180);
const FACT: &str = "My sister Anna lives in Lisbon.";
/// Between two people who tell something, while the work changes hands.
const PAUSE: Duration = Duration::from_secs(2);

/// One person after the other tells a fact until `change` is done; then all that was told must be remembered.
async fn nothing_is_lost_during(demo: &Companion, kind: &str, change: impl Future<Output = ()>) {
    let mut told = 0;
    let tell = async {
        loop {
            let chat = demo.chat(&format!("{kind}-{told}")).await;
            eventually("a reply", SOON, || chat.try_say(FACT)).await;
            told += 1;
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = tell => {}
        () = change => {}
    }
    println!("{kind}: {told} people told something meanwhile");
    assert!(told > 0);
    for person in 0..told {
        demo.chat(&format!("{kind}-{person}"))
            .await
            .await_memory("Lisbon")
            .await;
    }
}

async fn work_done(pods: &[Pod]) -> Vec<bool> {
    let mut done = Vec::new();
    for pod in pods {
        done.push(metrics(pod).await.contains("companion_jobs_total{"));
    }
    done
}

#[tokio::test]
async fn jobs_have_pods_of_their_own_and_go_back_to_the_workers_and_none_is_lost() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": 2, "jobs": { "mode": "Separate" } }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        let workers = demo.await_workers(2, SOON).await;
        let jobs_pods = demo.ready_pods("jobs").await;
        assert_eq!(jobs_pods.len(), 1);

        demo.chat("ada").await.say(FACT).await;
        demo.chat("ada").await.await_memory("Lisbon").await;
        assert_eq!(work_done(&jobs_pods).await, [true]);
        assert_eq!(work_done(&workers).await, [false, false]);
        for (path, port, answers) in [
            ("readyz", 9090, true),
            ("healthz", 9090, true),
            ("v1/models", 8080, false),
        ] {
            let url = format!("http://{}:{port}/{path}", address(&jobs_pods[0]));
            assert_eq!(http().get(&url).send().await.is_ok(), answers, "{url}");
        }

        nothing_is_lost_during(&demo, "back", async {
            demo.edit(json!({ "jobs": { "mode": "InWorkers" } })).await;
            await_gone::<Deployment>(&demo.api(), "demo-jobs", SOON).await;
            demo.await_ready().await;
        })
        .await;
        eventually("no pod for jobs is left", SOON, || async {
            let left = demo.ready_pods("jobs").await.len();
            ensure(left == 0, || format!("{left}"))
        })
        .await;
        let workers = demo.await_workers(2, SOON).await;
        demo.chat("bob").await.say(FACT).await;
        demo.chat("bob").await.await_memory("Lisbon").await;
        assert!(work_done(&workers).await.contains(&true), "a worker did it");

        nothing_is_lost_during(&demo, "again", async {
            demo.edit(json!({ "jobs": { "mode": "Separate", "replicas": 2 } }))
                .await;
            let there = |deployment: Option<&Deployment>| deployment.is_some();
            await_condition(&demo.api(), "demo-jobs", "pods for jobs", SOON, there).await;
            demo.await_ready().await;
        })
        .await;
        assert_eq!(demo.ready_pods("jobs").await.len(), 2);
    })
    .await;
}
