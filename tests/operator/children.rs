//! The children of a resource: how they look, that hand edits are put back, that what is not asked for any more goes, and
//! that what is not ours is left alone.

use std::fmt::Debug;
use std::time::Duration;

use companion_tests::companion::wanted_replicas;
use companion_tests::kube::{apply, at_once, await_condition, await_gone, with_temp_ns};
use companion_tests::{Blueprint, Companion, TestDatabase, eventually};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::NamespaceResourceScope;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(60);

/// Deletes a child and waits until there is another one.
async fn comes_back<K>(demo: &Companion, name: &str)
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + Send + 'static,
    K::DynamicType: Default,
{
    let api = demo.api::<K>();
    let old = api
        .get(name)
        .await
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .uid();
    api.delete(name, &at_once()).await.unwrap();
    let is_new = move |child: Option<&K>| child.is_some_and(|child| child.uid() != old);
    await_condition(&api, name, "made again after it was deleted", SOON, is_new).await;
}

/// Edits a child by hand and waits until the field is what it was.
async fn is_put_back<K>(demo: &Companion, name: &str, pointer: &'static str, edit: Value)
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned + serde::Serialize + Send + 'static,
    K::DynamicType: Default,
{
    let api = demo.api::<K>();
    let field = move |child: &K| serde_json::to_value(child).unwrap().pointer(pointer).cloned();
    let before = field(&api.get(name).await.unwrap_or_else(|error| panic!("{name}: {error}")));
    let edited = api
        .patch(name, &PatchParams::default(), &Patch::Strategic(edit))
        .await
        .unwrap();
    assert_ne!(field(&edited), before, "the edit of {pointer} changes nothing");
    let what = format!("{pointer} put back");
    await_condition(&api, name, &what, SOON, move |child: Option<&K>| {
        child.is_some_and(|child| field(child) == before)
    })
    .await;
}

#[tokio::test]
async fn a_child_edited_or_deleted_by_hand_comes_back() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": 2 }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        let maps = demo
            .api::<ConfigMap>()
            .list(&ListParams::default().labels(&demo.selector(None)))
            .await
            .unwrap();
        let map = maps
            .iter()
            .map(ResourceExt::name_any)
            .find(|name| name.starts_with("demo-config-"))
            .expect("the configuration");

        comes_back::<Service>(&demo, "demo").await;
        comes_back::<PodDisruptionBudget>(&demo, "demo").await;
        comes_back::<ServiceAccount>(&demo, "demo-worker").await;
        comes_back::<ConfigMap>(&demo, &map).await;
        is_put_back::<Service>(
            &demo,
            "demo",
            "/spec/selector",
            json!({ "spec": { "selector": { "app.kubernetes.io/instance": "wrong" } } }),
        )
        .await;
        is_put_back::<Service>(
            &demo,
            "demo",
            "/metadata/labels/app.kubernetes.io~1name",
            json!({ "metadata": { "labels": { "app.kubernetes.io/name": "wrong" } } }),
        )
        .await;
        is_put_back::<PodDisruptionBudget>(
            &demo,
            "demo",
            "/spec/maxUnavailable",
            json!({ "spec": { "maxUnavailable": 2 } }),
        )
        .await;
        is_put_back::<Deployment>(
            &demo,
            "demo",
            "/spec/template/spec/terminationGracePeriodSeconds",
            json!({ "spec": { "template": { "spec": { "terminationGracePeriodSeconds": 30 } } } }),
        )
        .await;
        // Beside ours, another kind of probe is invalid: it cannot be applied away, and is replaced.
        is_put_back::<Deployment>(
            &demo,
            "demo",
            "/spec/template/spec/containers/0/livenessProbe",
            json!({ "spec": { "template": { "spec": { "containers": [
                { "name": "worker", "livenessProbe": { "httpGet": null, "exec": { "command": ["true"] } } },
            ] } } } }),
        )
        .await;
        is_put_back::<Deployment>(&demo, "demo", "/spec/paused", json!({ "spec": { "paused": true } })).await;
        is_put_back::<Deployment>(&demo, "demo", "/spec/replicas", json!({ "spec": { "replicas": 1 } })).await;
        comes_back::<Deployment>(&demo, "demo").await;
        demo.await_ready().await;
        demo.await_workers(2, SOON).await;
        // Who deletes a Deployment takes its pods away at once; the Service's proxy hears of the new ones a moment later.
        let chat = demo.chat("ada").await;
        eventually("the workers answer again", SOON, || chat.try_say("Hello")).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_not_asked_for_any_more_goes() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "replicas": null, "autoscaling": { "minReplicas": 2, "maxReplicas": 3 } }))
            .apply(&client, &namespace)
            .await;
        demo.await_ready().await;
        let there = |hpa: Option<&HorizontalPodAutoscaler>| hpa.is_some();
        await_condition(&demo.api(), "demo", "an autoscaler", SOON, there).await;
        let there = |budget: Option<&PodDisruptionBudget>| budget.is_some();
        await_condition(&demo.api(), "demo", "a disruption budget", SOON, there).await;

        let edit = json!({ "spec": { "maxReplicas": 9 } });
        is_put_back::<HorizontalPodAutoscaler>(&demo, "demo", "/spec/maxReplicas", edit).await;
        comes_back::<HorizontalPodAutoscaler>(&demo, "demo").await;

        demo.edit(json!({ "autoscaling": null, "replicas": 1 })).await;
        await_gone::<HorizontalPodAutoscaler>(&demo.api(), "demo", SOON).await;
        // Where there is never more than one worker, it would say nothing.
        await_gone::<PodDisruptionBudget>(&demo.api(), "demo", SOON).await;
    })
    .await;
}

#[tokio::test]
async fn pods_for_jobs_are_children_like_the_workers_that_no_service_selects() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let demo = Blueprint::external("demo", &database)
            .with(json!({ "jobs": { "mode": "Separate", "replicas": 2 } }))
            .apply(&client, &namespace)
            .await;
        let resource = demo.await_ready().await;
        demo.await_status("JobsAvailable", "True", SOON).await;
        let connections = resource.status.unwrap().connections.unwrap();
        // 4 for the queue, 3 pools of 4, and 2 for each pod that goes: 50 - 20 - 2 for two workers.
        assert_eq!((connections.jobs, connections.per_worker), (20, 14), "{connections:?}");
        let jobs: Deployment = demo.api().get("demo-jobs").await.unwrap();
        assert_eq!(demo.config_of(&jobs).await.database.pool_size, 4);
        assert_eq!(demo.config().await.database.pool_size, 14);

        let service: Service = demo.api().get("demo").await.unwrap();
        let selector = service.spec.unwrap().selector.unwrap();
        let pods = demo.ready_pods("jobs").await;
        assert_eq!(pods.len(), 2);
        for pod in pods {
            assert!(
                selector
                    .iter()
                    .any(|(name, value)| pod.labels().get(name) != Some(value)),
                "{:?}",
                pod.labels()
            );
        }

        let arguments = json!({ "spec": { "template": { "spec": { "containers": [
            { "name": "jobs", "args": ["serve", "--config", "/etc/companion/config.yaml"] },
        ] } } } });
        is_put_back::<Deployment>(&demo, "demo-jobs", "/spec/template/spec/containers/0/args", arguments).await;
        is_put_back::<Deployment>(
            &demo,
            "demo-jobs",
            "/spec/replicas",
            json!({ "spec": { "replicas": 1 } }),
        )
        .await;
        comes_back::<Deployment>(&demo, "demo-jobs").await;
        demo.await_ready().await;

        let asks_for = |count: i32| move |jobs: Option<&Deployment>| jobs.and_then(wanted_replicas) == Some(count);
        demo.edit(json!({ "suspend": true })).await;
        await_condition(&demo.api(), "demo-jobs", "no pods for jobs", SOON, asks_for(0)).await;
        demo.edit(json!({ "suspend": false })).await;
        await_condition(&demo.api(), "demo-jobs", "two pods for jobs", SOON, asks_for(2)).await;
        demo.await_ready().await;

        demo.edit(json!({ "jobs": null })).await;
        await_gone::<Deployment>(&demo.api(), "demo-jobs", SOON).await;
        let resource = demo.await_ready().await;
        assert_eq!(companion_tests::companion::condition(&resource, "JobsAvailable"), None);
        assert_eq!(resource.status.unwrap().connections.unwrap().jobs, 4);
        assert_eq!(demo.config().await.database.pool_size, 22, "(50 - 4 - 2) / 2");
    })
    .await;
}

#[tokio::test]
async fn an_object_of_the_same_name_that_is_not_ours_is_left_alone_and_said() {
    let database = TestDatabase::create().await;
    with_temp_ns(async move |client, namespace| {
        let foreign = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "demo", "labels": { "owner": "someone" } },
            "spec": { "selector": { "app": "someones" }, "ports": [{ "port": 80 }] },
        });
        apply(&client, &namespace, foreign).await;
        let demo = Blueprint::external("demo", &database).apply(&client, &namespace).await;
        let holds = |resource: &companion_crds::CompanionDeployment| {
            let ready = companion_tests::companion::condition(resource, "Ready");
            ready.is_some_and(|ready| ready.status == "False" && ready.message.to_lowercase().contains("service"))
        };
        demo.await_state("Ready=False names the service", Duration::from_secs(120), holds)
            .await;
        let service = demo.api::<Service>().get("demo").await.unwrap();
        assert_eq!(service.labels().get("owner").map(String::as_str), Some("someone"));
        assert_eq!(service.spec.unwrap().selector.unwrap()["app"], "someones");
        assert!(service.metadata.owner_references.is_none());

        demo.api::<Service>().delete("demo", &at_once()).await.unwrap();
        demo.await_ready().await;
    })
    .await;
}

#[tokio::test]
async fn every_pod_is_locked_down_and_belongs_to_its_resource() {
    with_temp_ns(async move |client, namespace| {
        // The namespace enforces Kubernetes' restricted standard, so pods that run have passed it; this is what it leaves open.
        let demo = Blueprint::managed("demo").apply(&client, &namespace).await;
        demo.await_ready().await;
        let pods = demo.api::<Pod>().list(&ListParams::default()).await.unwrap();
        assert!(pods.items.len() >= 3, "worker, Redis, PostgreSQL");
        for pod in pods {
            let name = pod.name_any();
            assert!(
                pod.labels()
                    .get("app.kubernetes.io/instance")
                    .is_some_and(|instance| instance == "demo"),
                "{name}"
            );
            let spec = pod.spec.unwrap();
            assert_eq!(spec.automount_service_account_token, Some(false), "{name}");
            for container in spec.containers.iter().chain(spec.init_containers.iter().flatten()) {
                let security = container.security_context.clone().unwrap_or_default();
                assert_eq!(
                    security.read_only_root_filesystem,
                    Some(true),
                    "{name}/{}",
                    container.name
                );
                let resources = container.resources.clone().unwrap_or_default();
                assert!(
                    resources
                        .requests
                        .is_some_and(|requests| requests.contains_key("cpu") && requests.contains_key("memory")),
                    "{name}/{}",
                    container.name
                );
                assert!(
                    resources.limits.is_some_and(|limits| limits.contains_key("memory")),
                    "{name}/{}",
                    container.name
                );
                let values = container
                    .env
                    .iter()
                    .flatten()
                    .filter(|variable| variable.value.is_some());
                for variable in values {
                    assert!(
                        !variable.name.contains("PASSWORD")
                            && !variable.name.ends_with("_URL")
                            && !variable.name.contains("SECRET"),
                        "{name}: {} stands in the pod",
                        variable.name
                    );
                }
            }
        }

        // A managed server is held to what it was made as, its image included.
        let image = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "redis", "image": "localhost/mine" }] } } } });
        is_put_back::<StatefulSet>(&demo, "demo-redis", "/spec/template/spec/containers/0/image", image).await;
        comes_back::<StatefulSet>(&demo, "demo-redis").await;
    })
    .await;
}
