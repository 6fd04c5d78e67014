//! The custom resource definition: what is committed, what the charts carry and what the programs print are one.

use std::process::Command;

use companion_tests::environment::{repository, required};
use companion_tests::kube::client;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;

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
