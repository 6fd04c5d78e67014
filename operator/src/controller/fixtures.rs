//! A resource, what is found of it, and the decisions about both: where the tests of each step of the line begin.

use companion_crds::CompanionDeployment;
use companion_crds::status::{CompanionDeploymentStatus, Preflight};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Pod, Secret};
use serde_json::{Value, json};

use super::build::labels::Component;
use super::build::{Prepared, Wanted};
use super::dereference::{Found, JobRun};
use super::plan::{Plan, plan};
use super::validate::{Validated, validate};
use crate::plan::attempts::{Attempt, Outcome};
use crate::secret_hash::SecretHasher;
use crate::settings::Images;

/// A resource with everything managed, and `spec` over it.
pub fn resource(spec: Value) -> CompanionDeployment {
    let mut whole = json!({
        "apiVersion": "companion.dev/v1alpha1",
        "kind": "CompanionDeployment",
        "metadata": { "name": "demo", "namespace": "chat", "uid": "7b0c", "generation": 1 },
        "spec": {
            "replicas": 2,
            "database": { "managed": {} },
            "redis": { "managed": {} },
            "llm": {
                "providers": [
                    { "name": "open-ai", "baseURL": "https://llm.example/v1", "apiKeySecretRef": { "name": "llm", "key": "key" } },
                    { "name": "demo", "simulated": {} },
                ],
                "routes": { "normal": { "provider": "open-ai", "model": "small", "temperature": "0.7" } },
            },
            "auth": { "jwt": { "issuer": "https://id.example", "audience": "companion", "hs256SecretRef": { "name": "jwt", "key": "secret" } } },
        },
    });
    for (field, value) in spec.as_object().unwrap() {
        whole["spec"][field] = value.clone();
    }
    serde_json::from_value(whole).unwrap()
}

/// A Secret, made by somebody or by us.
pub fn secret(name: &str, values: &[(&str, &str)], ours: bool) -> (String, Secret) {
    let labels = json!({ "app.kubernetes.io/managed-by": "companion-operator", "app.kubernetes.io/instance": "demo" });
    let mut secret: Secret = serde_json::from_value(
        json!({ "metadata": { "name": name, "labels": if ours { labels } else { json!({}) } } }),
    )
    .unwrap();
    secret.data = Some(
        values
            .iter()
            .map(|(key, value)| ((*key).to_owned(), k8s_openapi::ByteString(value.as_bytes().to_vec())))
            .collect(),
    );
    (name.to_owned(), secret)
}

/// Everything is there: passwords, servers that serve.
pub fn found() -> Found {
    let server = |name: &str| -> StatefulSet {
        serde_json::from_value(json!({ "metadata": { "name": name }, "status": { "replicas": 1, "readyReplicas": 1 } }))
            .unwrap()
    };
    let mut found = Found {
        secrets: [
            secret("jwt", &[("secret", "q7Xv0mTgB2nLkR9sYdWc4HzE8uJpA1fK")], false),
            secret("llm", &[("key", "sk-1")], false),
            secret(
                "demo-redis-auth",
                &[("password", "p"), ("url", "redis://:p@demo-redis.chat.svc:6379/0")],
                true,
            ),
            secret(
                "demo-postgres-auth",
                &[
                    ("url", "postgres://w:p@h/companion"),
                    ("direct-url", "postgres://o:p@h/companion"),
                ],
                true,
            ),
        ]
        .into(),
        postgres_claim_uid: Some("c1a1".into()),
        ..Found::default()
    };
    found.children.stateful_sets = vec![server("demo-redis"), server("demo-postgres")];
    found
}

/// Images of this release.
pub fn images() -> Images {
    Images {
        worker: "worker:1".into(),
        postgres: "postgres:1".into(),
        redis: "redis:1".into(),
    }
}

/// The first two steps after the reading.
pub fn decide(resource: &CompanionDeployment, found: &Found) -> (Validated, Plan) {
    let validated = validate(resource, found, &images(), &SecretHasher::fixed());
    let plan = plan(&validated, resource.status.as_ref(), found, Timestamp::UNIX_EPOCH).unwrap();
    (validated, plan)
}

/// Both Jobs have done their work.
pub fn proven(resource: &mut CompanionDeployment, found: &mut Found) {
    let (_, first) = decide(resource, found);
    let done = |component, inputs: String, message: &str| JobRun {
        name: format!("{component:?}"),
        component,
        inputs,
        attempt: Attempt {
            number: 1,
            outcome: Outcome::Succeeded(Timestamp::UNIX_EPOCH),
        },
        message: Some(message.into()),
        trouble: None,
        config_map: None,
    };
    let report = r#"{"database":{"ok":{"version":"17.6","pgvector":"0.8.0","connections":97}},"redis":{"ok":{"version":"8.0.2"}}}"#;
    found
        .job_runs
        .push(done(Component::Preflight, first.preflight.unwrap().inputs, report));
    let (_, second) = decide(resource, found);
    found.job_runs.push(done(
        Component::Migrate,
        second.migration.unwrap().inputs,
        r#"{"migrated":3}"#,
    ));
    let proven: Preflight = second.proven.unwrap();
    resource.status = Some(CompanionDeploymentStatus {
        preflight: Some(proven),
        ..CompanionDeploymentStatus::default()
    });
}

/// What is wanted, as a Deployment of `replicas` pods that are all ready.
pub fn running(wanted: Wanted<Deployment>, replicas: u32) -> Option<Deployment> {
    let Wanted::Apply(deployment) = wanted else { return None };
    let mut deployment = serde_json::to_value(deployment).unwrap();
    deployment["spec"]["replicas"] = json!(replicas);
    deployment["status"] = json!({ "replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas });
    Some(serde_json::from_value(deployment).unwrap())
}

/// A pod as a Deployment makes it.
pub fn pod_of(deployment: &Deployment) -> Pod {
    let template = deployment.spec.clone().unwrap().template;
    Pod {
        metadata: template.metadata.unwrap(),
        spec: template.spec,
        status: None,
    }
}

/// Both Deployments are as `prepared` wants them, and nothing of older generations runs.
pub fn come_about(found: &mut Found, prepared: Prepared) {
    let workers = running(prepared.deployment, prepared.replicas.unwrap());
    let jobs_pods = running(prepared.jobs_deployment, prepared.jobs_replicas.unwrap_or_default());
    let children = &mut found.children;
    children.config_maps.extend(prepared.configs);
    children.deployments = workers.into_iter().chain(jobs_pods).collect();
    children.replica_sets = children.deployments.iter().map(generation).collect();
    let pods = children.deployments.iter().flat_map(|deployment| {
        let count = deployment.spec.as_ref().unwrap().replicas.unwrap();
        std::iter::repeat_n(pod_of(deployment), usize::try_from(count).unwrap())
    });
    children.pods = pods.collect();
}

/// The generation of pods that a Deployment has now.
fn generation(deployment: &Deployment) -> ReplicaSet {
    let spec = deployment.spec.as_ref().unwrap();
    serde_json::from_value(json!({
        "metadata": { "name": "generation", "labels": spec.template.metadata.as_ref().unwrap().labels },
        "spec": { "replicas": spec.replicas, "selector": spec.selector, "template": spec.template },
        "status": { "replicas": spec.replicas },
    }))
    .unwrap()
}
