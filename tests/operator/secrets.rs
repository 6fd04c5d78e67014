//! Secrets that a resource names: missing, wrong, changed.

use std::time::Duration;

use companion_crds::CompanionDeployment;
use companion_tests::companion::condition;
use companion_tests::kube::{apply, with_temp_ns};
use companion_tests::{Blueprint, Issuer, TestDatabase};
use kube::ResourceExt;
use reqwest::StatusCode;

const SOON: Duration = Duration::from_secs(60);

fn not_ready_saying(words: &'static str) -> impl Fn(&CompanionDeployment) -> bool + Clone {
    move |resource| {
        condition(resource, "Ready").is_some_and(|ready| ready.status == "False" && ready.message.contains(words))
    }
}

#[tokio::test]
async fn a_missing_secret_is_named_and_its_coming_heals() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let whole = Blueprint::external("demo", &database);
        let demo = whole
            .clone()
            .without_secret("database")
            .without_secret("jwt")
            .apply(&client, &namespace)
            .await;
        demo.await_state("names secret database", SOON, not_ready_saying("secret \"database\""))
            .await;
        apply(&client, &namespace, whole.secret_object("database")).await;
        demo.await_state("names secret jwt", SOON, not_ready_saying("secret \"jwt\""))
            .await;
        apply(&client, &namespace, whole.secret_object("jwt")).await;
        demo.await_ready().await;
    })
    .await;
}

#[tokio::test]
async fn a_missing_key_is_named_with_what_was_found() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .without_secret("redis")
            .secret("redis", "hostname", "redis.example")
            .apply(&client, &namespace)
            .await;
        let resource = demo
            .await_state("names the key", SOON, not_ready_saying("no key \"url\""))
            .await;
        let message = condition(&resource, "Ready").unwrap().message;
        assert!(
            message.contains("redis.external.urlSecretRef") && message.contains("hostname"),
            "{message}"
        );
        assert!(
            !message.contains("redis.example"),
            "a value of a Secret must never be told: {message}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_said_without_the_password_and_heals() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let whole = Blueprint::external("demo", &database);
        let wrong = database
            .worker_url
            .replace(&format!(":{}@", database.name), ":not-the-password@");
        let demo = whole
            .clone()
            .secret("database", "url", &wrong)
            .apply(&client, &namespace)
            .await;
        let failed = demo
            .await_status("DatabaseReady", "False", Duration::from_secs(90))
            .await;
        assert!(
            failed.message.contains("password authentication failed"),
            "{}",
            failed.message
        );
        assert!(!failed.message.contains("not-the-password"), "{}", failed.message);
        apply(&client, &namespace, whole.secret_object("database")).await;
        demo.annotate("companion.dev/refresh", "1").await;
        demo.await_ready().await;
    })
    .await;
}

#[tokio::test]
async fn a_changed_secret_rolls_the_workers_and_a_lost_one_leaves_them() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let whole = Blueprint::external("demo", &database);
        let demo = whole.apply(&client, &namespace).await;
        demo.await_ready().await;
        let old = demo.await_workers(1, SOON).await[0].name_any();

        let renewed = Issuer {
            secret: Issuer::new().secret,
            ..demo.issuer.clone()
        };
        apply(
            &client,
            &namespace,
            whole
                .clone()
                .secret("jwt", "secret", &renewed.secret)
                .secret_object("jwt"),
        )
        .await;
        demo.annotate("companion.dev/refresh", "1").await;
        let chat = companion_tests::Chat::new(demo.url().await, renewed.token("ada"));
        companion_tests::eventually("the new key is believed", Duration::from_secs(120), || async {
            let status = chat.try_request(reqwest::Method::GET, "/v1/models", None).await?.status;
            companion_tests::eventually::ensure(status == StatusCode::OK, || status.to_string())
        })
        .await;
        let pods = demo.await_workers(1, SOON).await;
        assert_ne!(pods[0].name_any(), old);

        let secrets = demo.api::<k8s_openapi::api::core::v1::Secret>();
        secrets.delete("jwt", &companion_tests::kube::at_once()).await.unwrap();
        demo.annotate("companion.dev/refresh", "2").await;
        let resource = demo
            .await_state(
                "names secret jwt",
                Duration::from_secs(90),
                not_ready_saying("secret \"jwt\""),
            )
            .await;
        for (kind, status) in [("DatabaseReady", "True"), ("Migrated", "True"), ("Stalled", "False")] {
            let found = condition(&resource, kind).unwrap();
            assert_eq!(found.status, status, "{found:?}");
        }
        assert!(condition(&resource, "Stalled").unwrap().message.contains("jwt"));
        assert_eq!(demo.workers().await.len(), 1, "what serves must stay");
        // A connection may still lead to the worker before it, which goes.
        companion_tests::eventually("it serves on", Duration::from_secs(20), || async {
            let status = chat.try_request(reqwest::Method::GET, "/v1/models", None).await?.status;
            companion_tests::eventually::ensure(status == StatusCode::OK, || status.to_string())
        })
        .await;
    })
    .await;
}
