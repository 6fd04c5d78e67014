//! The chart's mode without rights over the cluster: an operator with a Role in one namespace carries a resource there
//! through its life. In a program of its own, because the cluster's operator is away meanwhile.

use std::time::Duration;

use companion_crds::CompanionDeployment;
use companion_tests::chat::http;
use companion_tests::environment::{repository, required};
use companion_tests::kube::{await_condition, await_gone, client, with_temp_ns};
use companion_tests::{Blueprint, TestDatabase};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::Client;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use tokio::process::Command;

const OPERATOR: &str = "companion-operator";
const OPERATORS: &str = "app.kubernetes.io/name=companion-operator";
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn an_operator_with_rights_in_one_namespace_alone_does_all_of_its_work_there() {
    let client = client().await;
    scale_cluster_operator(&client, 0).await;
    let outcome = tokio::spawn(with_temp_ns(carry_through_its_life)).await;
    scale_cluster_operator(&client, 2).await;
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

async fn carry_through_its_life(client: Client, namespace: String) {
    install(&namespace).await;
    let bindings = Api::<ClusterRoleBinding>::all(client.clone());
    for binding in bindings.list(&ListParams::default().labels(OPERATORS)).await.unwrap() {
        let subjects = binding.subjects.unwrap_or_default();
        assert!(
            subjects
                .iter()
                .all(|subject| subject.namespace.as_deref() != Some(&namespace)),
            "it has rights all over the cluster: {subjects:?}"
        );
    }

    let database = TestDatabase::create().await;
    let demo = Blueprint::external("demo", &database)
        .with(json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 2 } }))
        .apply(&client, &namespace)
        .await;
    demo.await_ready().await;
    let reply = demo.chat("ada").await.say("Good evening.").await;
    assert_eq!(reply.companion["stored"], true, "{reply:?}");

    demo.api::<Service>()
        .delete("demo", &DeleteParams::default())
        .await
        .unwrap();
    let back = |service: Option<&Service>| service.is_some_and(|service| service.metadata.deletion_timestamp.is_none());
    await_condition(&demo.api(), "demo", "back", SOON, back).await;
    demo.edit(json!({ "autoscaling": null, "replicas": 2 })).await;
    await_gone::<HorizontalPodAutoscaler>(&demo.api(), "demo", SOON).await;
    demo.await_workers(2, SOON).await;
    demo.await_ready().await;

    let metrics = metrics(&client, &namespace).await;
    let passes = |outcome: &str| metrics.contains(&format!("reconciles_total{{outcome=\"{outcome}\"}}"));
    assert!(passes("changed") && !passes("error"), "{metrics}");

    demo.api::<CompanionDeployment>()
        .delete("demo", &DeleteParams::background())
        .await
        .unwrap();
    await_gone::<Deployment>(&demo.api(), "demo", SOON).await;
}

/// Installs the chart as a platform team without rights over the cluster does.
async fn install(namespace: &str) {
    let (operator, chart) = (
        required("COMPANION_OPERATOR_IMAGE"),
        repository().join("charts/companion-operator"),
    );
    let (repository, tag) = operator.rsplit_once(':').expect("the image has a tag");
    let set = [
        format!("watchNamespaces={{{namespace}}}"),
        "replicas=1".into(),
        format!("image.repository={repository},image.tag={tag}"),
        format!("images.worker={}", required("COMPANION_WORKER_IMAGE")),
    ];
    let mut helm = Command::new("helm");
    helm.arg("install")
        .arg("own")
        .arg(&chart)
        .args(["--namespace", namespace, "--wait", "--timeout", "2m"]);
    for value in &set {
        helm.args(["--set", value]);
    }
    let output = helm.output().await.expect("helm is in the PATH");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the one operator in the namespace tells of itself.
async fn metrics(client: &Client, namespace: &str) -> String {
    let pods = Api::<Pod>::namespaced(client.clone(), namespace);
    let operators = pods.list(&ListParams::default().labels(OPERATORS)).await.unwrap();
    let address = operators.items[0]
        .status
        .as_ref()
        .and_then(|status| status.pod_ip.clone());
    let url = format!("http://{}:9090/metrics", address.expect("it runs"));
    http().get(url).send().await.unwrap().text().await.unwrap()
}

/// Sets how many operators of the whole cluster there are, and waits until it is so.
async fn scale_cluster_operator(client: &Client, replicas: i32) {
    let deployments = Api::<Deployment>::namespaced(client.clone(), "companion-system");
    let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
    deployments
        .patch_scale(OPERATOR, &PatchParams::default(), &patch)
        .await
        .unwrap();
    await_condition(
        &deployments,
        OPERATOR,
        "scaled",
        SOON,
        move |deployment: Option<&Deployment>| {
            let status = deployment.and_then(|deployment| deployment.status.as_ref());
            status.is_some_and(|status| {
                status.replicas.unwrap_or(0) == replicas && status.ready_replicas.unwrap_or(0) == replicas
            })
        },
    )
    .await;
}
