//! The custom resource definition: what is committed, what the charts carry and what the programs print are one.

use std::process::Command;

use companion_tests::environment::{repository, required};
use companion_tests::kube::client;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::ListParams;

fn committed(path: &str) -> String {
    let path = repository().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_committed_definition_is_what_the_operator_prints() {
    let output = Command::new(required("COMPANION_OPERATOR_BIN"))
        .arg("crd")
        .output()
        .unwrap_or_else(|error| panic!("COMPANION_OPERATOR_BIN cannot be run: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let file = "crds/companiondeployments.yaml";
    assert!(
        printed.trim() == committed(file).trim(),
        "{file} is out of date: run companion-operator crd > {file}"
    );
}

#[test]
fn the_chart_carries_the_committed_definition() {
    let file = "charts/companion-crds/files/companiondeployments.yaml";
    assert!(
        committed(file).trim() == committed("crds/companiondeployments.yaml").trim(),
        "{file} is out of date: copy crds/companiondeployments.yaml"
    );
}

#[tokio::test]
async fn the_definition_is_established_with_status_and_scale() {
    let api: Api<CustomResourceDefinition> = Api::all(client().await);
    let definition = api
        .get("companiondeployments.companion.dev")
        .await
        .expect("the chart was installed");
    let conditions = definition
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    for kind in ["Established", "NamesAccepted"] {
        assert!(
            conditions.iter().any(|one| one.type_ == kind && one.status == "True"),
            "{kind}: {conditions:?}"
        );
    }
    assert!(
        !conditions
            .iter()
            .any(|one| one.type_ == "NonStructuralSchema" && one.status == "True"),
        "{conditions:?}"
    );
    let subresources = definition.spec.versions[0].subresources.as_ref().expect("subresources");
    assert!(subresources.status.is_some() && subresources.scale.is_some());
}

#[tokio::test]
async fn an_operator_that_was_there_first_waited_for_the_definition_without_a_restart() {
    let client = client().await;
    let deployments = Api::<Deployment>::namespaced(client.clone(), "companion-system");
    let operator = deployments
        .get("companion-operator")
        .await
        .expect("the chart was installed");
    let definition = Api::<CustomResourceDefinition>::all(client.clone())
        .get("companiondeployments.companion.dev")
        .await
        .expect("the chart was installed");
    // The tests' script installs the operator first, and goes on once it says what it waits for.
    assert!(operator.metadata.creation_timestamp < definition.metadata.creation_timestamp);
    let pods = Api::<Pod>::namespaced(client, "companion-system");
    let selector = ListParams::default().labels("app.kubernetes.io/name=companion-operator");
    for pod in pods.list(&selector).await.unwrap() {
        let statuses = pod
            .status
            .and_then(|status| status.container_statuses)
            .unwrap_or_default();
        assert!(
            statuses.iter().all(|container| container.restart_count == 0),
            "{statuses:?}"
        );
    }
}
