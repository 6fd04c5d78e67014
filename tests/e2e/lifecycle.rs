//! A resource with storage of its own comes and goes: deleting removes all but what is kept, creating again finds it.

use std::fmt::Debug;
use std::time::Duration;

use companion_crds::CompanionDeployment;
use companion_tests::kube::{await_gone, with_temp_ns};
use companion_tests::{Blueprint, Companion, eventually, eventually::ensure};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DeleteParams, ListParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::json;

const LONG: Duration = Duration::from_secs(120);

async fn names<K>(demo: &Companion) -> Vec<String>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let list = demo
        .api::<K>()
        .list(&ListParams::default().labels(&demo.selector(None)))
        .await
        .unwrap();
    list.iter()
        .map(|child| format!("{}/{}", K::kind(&K::DynamicType::default()), child.name_any()))
        .collect()
}

/// What is left of a resource, but for its storage and the passwords to it.
async fn children(demo: &Companion) -> Vec<String> {
    let mut all = names::<Deployment>(demo).await;
    all.extend(names::<StatefulSet>(demo).await);
    all.extend(names::<Job>(demo).await);
    all.extend(names::<ConfigMap>(demo).await);
    all.extend(names::<Service>(demo).await);
    all.extend(names::<ServiceAccount>(demo).await);
    all.extend(names::<PodDisruptionBudget>(demo).await);
    all
}

async fn delete(demo: &Companion) {
    demo.api::<CompanionDeployment>()
        .delete(&demo.name, &DeleteParams::background())
        .await
        .unwrap();
    await_gone::<CompanionDeployment>(&demo.api(), &demo.name, Duration::from_secs(30)).await;
    eventually("all children are gone", LONG, || async {
        let left = children(demo).await;
        ensure(left.is_empty(), || format!("{left:?}"))
    })
    .await;
}

#[tokio::test]
async fn a_deleted_resource_leaves_its_storage_and_a_new_one_finds_the_data() {
    with_temp_ns(async move |client, namespace| {
        let blueprint = Blueprint::managed("demo").with(json!({ "replicas": 2 }));
        let demo = blueprint.apply(&client, &namespace).await;
        demo.await_ready().await;
        assert!(children(&demo).await.len() >= 8, "{:?}", children(&demo).await);
        let text = "The user's sister Anna lives in Lisbon.";
        let chat = demo.chat("ada").await;
        chat.post("/api/v1/memories", json!({ "text": text })).await;
        assert_eq!(chat.memories().await, [text]);
        let password = demo.api::<Secret>().get("demo-postgres-auth").await.unwrap().data;

        delete(&demo).await;
        let claim = demo
            .api::<PersistentVolumeClaim>()
            .get("data-demo-postgres-0")
            .await
            .unwrap();
        assert!(claim.metadata.deletion_timestamp.is_none() && claim.metadata.owner_references.is_none());
        assert_eq!(
            demo.api::<Secret>().get("demo-postgres-auth").await.unwrap().data,
            password
        );

        let again = blueprint.apply(&client, &namespace).await;
        again.await_ready().await;
        assert_eq!(
            again.chat("ada").await.memories().await,
            [text],
            "the data must be there again"
        );
        assert_eq!(
            again.api::<Secret>().get("demo-postgres-auth").await.unwrap().data,
            password,
            "never a new password"
        );

        // And with deletionPolicy Delete nothing stays.
        again.edit(json!({ "deletionPolicy": "Delete" })).await;
        again.await_ready().await;
        delete(&again).await;
        eventually("storage and passwords are gone", LONG, || async {
            let mut left = names::<PersistentVolumeClaim>(&again).await;
            left.extend(names::<Secret>(&again).await);
            ensure(left.is_empty(), || format!("{left:?}"))
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_lost_password_of_storage_that_stays_is_said_and_never_made_anew() {
    with_temp_ns(async move |client, namespace| {
        let blueprint = Blueprint::managed("demo");
        let demo = blueprint.apply(&client, &namespace).await;
        demo.await_ready().await;
        let kept = demo.api::<Secret>().get("demo-postgres-auth").await.unwrap();
        delete(&demo).await;
        demo.api::<Secret>()
            .delete("demo-postgres-auth", &DeleteParams::default())
            .await
            .unwrap();

        let again = blueprint.apply(&client, &namespace).await;
        let stalled = again.await_status("Stalled", "True", LONG).await;
        assert!(stalled.message.contains("demo-postgres-auth"), "{}", stalled.message);
        assert!(
            again
                .api::<Secret>()
                .get_opt("demo-postgres-auth")
                .await
                .unwrap()
                .is_none(),
            "a new password would lock the data away"
        );

        let restored = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": "demo-postgres-auth", "labels": kept.labels() }, "data": kept.data,
        });
        companion_tests::kube::apply(&client, &namespace, restored).await;
        again.await_ready().await;
    })
    .await;
}
