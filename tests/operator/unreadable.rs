//! One object that cannot be read, beside others: it says so itself, keeps what was known of it, and delays nobody.

use std::time::Duration;

use companion_crds::CompanionDeployment;
use companion_tests::companion::condition;
use companion_tests::kube::{MANAGER, untyped, with_temp_ns};
use companion_tests::{Blueprint, TestDatabase, eventually, eventually::ensure};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);

/// A status that the API server takes and no program can read: the year's last day is beyond the last time there is.
fn strange() -> Value {
    json!([{
        "type": "Strange", "status": "True", "reason": "Test", "message": "", "lastTransitionTime": "9999-12-31T23:59:59Z",
    }])
}

#[tokio::test]
async fn an_object_that_cannot_be_read_says_so_and_delays_no_other() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let suspended = |name: &str| Blueprint::external(name, &database).with(json!({ "suspend": true }));
        let (bad, good) = (
            suspended("bad").apply(&client, &namespace).await,
            suspended("good").apply(&client, &namespace).await,
        );
        for one in [&bad, &good] {
            one.await_status("Suspended", "True", SOON).await;
        }
        let objects = untyped(&client, &namespace, "companion.dev", "v1alpha1", "CompanionDeployment");
        let image = objects.get("bad").await.unwrap().data["status"]["image"].clone();
        assert!(image.is_string());
        let write = async |conditions: Value| {
            let status = json!({
                "apiVersion": "companion.dev/v1alpha1", "kind": "CompanionDeployment", "metadata": { "name": "bad" },
                "status": { "conditions": conditions },
            });
            let how = PatchParams::apply(MANAGER).force();
            objects.patch_status("bad", &how, &Patch::Apply(status)).await.unwrap();
        };
        let says = async |reason: &str| {
            eventually(&format!("bad is {reason}"), SOON, || async {
                let status = objects.get("bad").await.unwrap().data["status"].clone();
                let ready = status["conditions"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|one| one["type"] == "Ready")
                    .cloned();
                ensure(ready.as_ref().is_some_and(|ready| ready["reason"] == reason), || {
                    format!("{ready:?}")
                })?;
                Ok(status)
            })
            .await
        };

        write(strange()).await;
        let status = says("Malformed").await;
        assert_eq!(status["image"], image, "what was adopted stays");
        // Meanwhile the other one is served as ever.
        good.edit(json!({ "limits": { "messageChars": 3000 } })).await;
        let seen = |resource: &CompanionDeployment| condition(resource, "Ready").is_some();
        good.await_state("the edit is seen", Duration::from_secs(5), seen).await;

        // Our part of that condition goes when its first writer takes it back.
        let others: Vec<Value> = status["conditions"].as_array().unwrap().clone();
        assert!(others.iter().any(|one| one["type"] == "Strange"));
        let mut readable = strange();
        readable[0]["lastTransitionTime"] = json!("2026-01-01T00:00:00Z");
        write(readable).await;
        let status = says("Suspended").await;
        assert_eq!(status["image"], image);
    })
    .await;
}
