//! The samples, and the rules over changes: what the API server takes, what it refuses and with which words.

use std::time::Duration;

use companion_crds::CompanionDeployment;
use companion_tests::kube::{accepts, apply, rejects, with_temp_ns};
use companion_tests::{Blueprint, merge, samples};
use kube::api::{Api, DeleteParams};
use serde_json::json;

#[tokio::test]
async fn every_sample_is_accepted() {
    with_temp_ns(async move |client, namespace| {
        for (file, objects) in samples::accepted() {
            println!("{file}");
            for object in objects {
                accepts(&client, &namespace, object).await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_refused_sample_is_refused_with_its_message() {
    with_temp_ns(async move |client, namespace| {
        for sample in samples::refused() {
            let message = rejects(&client, &namespace, sample.object).await;
            assert!(
                message.contains(&sample.message),
                "{}: it must say {:?} but says {message:?}",
                sample.file,
                sample.message
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_unknown_field_is_refused_by_name() {
    with_temp_ns(async move |client, namespace| {
        let mut object = Blueprint::managed("demo").object();
        merge(&mut object, json!({ "spec": { "database": { "manged": {} } } }));
        let message = rejects(&client, &namespace, object).await;
        assert!(message.contains("manged"), "{message}");
    })
    .await;
}

#[tokio::test]
async fn what_would_lose_data_cannot_be_changed_later() {
    with_temp_ns(async move |client, namespace| {
        let suspended = Blueprint::managed("demo").with(json!({ "suspend": true }));
        apply(&client, &namespace, suspended.object()).await;
        let cases = [
            (json!({ "tenant": "another" }), "tenant cannot be changed"),
            (json!({ "database": { "managed": { "storage": "2Gi" } } }), "database.managed.storage cannot be changed"),
            (json!({ "redis": { "managed": { "storage": "2Gi" } } }), "redis.managed.storage cannot be changed"),
            (
                json!({ "database": { "managed": null, "external": { "urlSecretRef": { "name": "database", "key": "url" } } } }),
                "database cannot change between managed and external",
            ),
        ];
        for (change, words) in cases {
            let message = rejects(&client, &namespace, suspended.clone().with(change).object()).await;
            assert!(message.contains(words), "it must say {words:?} but says {message:?}");
        }
        accepts(&client, &namespace, suspended.with(json!({ "replicas": 3 })).object()).await;
    })
    .await;
}

#[tokio::test]
async fn deleting_a_resource_that_never_ran_does_not_hang() {
    with_temp_ns(async move |client, namespace| {
        apply(
            &client,
            &namespace,
            Blueprint::managed("demo").with(json!({ "suspend": true })).object(),
        )
        .await;
        let api: Api<CompanionDeployment> = Api::namespaced(client.clone(), &namespace);
        api.delete("demo", &DeleteParams::foreground()).await.unwrap();
        companion_tests::kube::await_gone(&api, "demo", Duration::from_secs(30)).await;
    })
    .await;
}
