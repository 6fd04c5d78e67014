//! What a sample resource becomes, as snapshots: a change of any child shows in them, and so does one that would restart
//! every worker of everybody who upgrades.

use companion_crds::CompanionDeployment;
use companion_crds::config::WorkerConfig;
use companion_crds::status::{CompanionDeploymentStatus, Preflight};
use insta::{assert_yaml_snapshot, with_settings};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::{Prepared, Wanted, build};
use crate::controller::dereference::{Found, JobRun};
use crate::controller::plan::{Plan, plan};
use crate::controller::validate::{Validated, validate};
use crate::plan::attempts::{Attempt, Outcome};
use crate::secret_hash::SecretHasher;
use crate::settings::Images;

use super::config_map::worker_config;
use super::labels::Component;

fn resource(spec: Value) -> CompanionDeployment {
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

fn secret(name: &str, values: &[(&str, &str)], ours: bool) -> (String, Secret) {
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
fn found() -> Found {
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

fn images() -> Images {
    Images {
        worker: "worker:1".into(),
        postgres: "postgres:1".into(),
        redis: "redis:1".into(),
    }
}

fn decide(resource: &CompanionDeployment, found: &Found) -> (Validated, Plan) {
    let validated = validate(resource, found, &images(), &SecretHasher::fixed());
    let plan = plan(&validated, resource.status.as_ref(), found, Timestamp::UNIX_EPOCH).unwrap();
    (validated, plan)
}

fn prepare(resource: &CompanionDeployment, found: &Found) -> (Plan, Prepared) {
    let (validated, plan) = decide(resource, found);
    let prepared = build(&validated, &plan).unwrap();
    (plan, prepared)
}

/// Both Jobs have done their work.
fn proven(resource: &mut CompanionDeployment, found: &mut Found) {
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

fn applied<T>(wanted: Wanted<T>) -> T {
    match wanted {
        Wanted::Apply(child) => *child,
        other => panic!("not applied: {}", matches!(other, Wanted::Keep)),
    }
}

#[test]
fn a_sample_becomes_these_children() {
    let mut sample = resource(json!({}));
    let mut found = found();
    let (_, before) = prepare(&sample, &found);
    assert_eq!(before.jobs.len(), 1, "no migration before preflight has passed");
    let preflight = before.jobs.into_iter().next().unwrap();
    assert!(matches!(before.deployment, Wanted::Keep));
    proven(&mut sample, &mut found);
    let (_, after) = prepare(&sample, &found);

    with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        assert_yaml_snapshot!("preflight", preflight);
        assert_yaml_snapshot!("service_account", applied(after.service_account));
        assert_yaml_snapshot!("config_map", after.configs);
        assert_yaml_snapshot!("deployment", applied(after.deployment));
        assert_yaml_snapshot!("service", after.service);
        assert_yaml_snapshot!("disruption_budget", applied(after.disruption_budget));
        assert_yaml_snapshot!("redis", applied(after.redis).stateful_set);
        assert_yaml_snapshot!("postgres", applied(after.postgres).stateful_set);
    });
    assert_eq!(after.replicas, Some(2));
    assert!(after.jobs.is_empty());
    assert!(matches!(after.autoscaler, Wanted::Absent));
}

#[test]
fn a_configuration_holds_what_is_set_and_reads_back() {
    let mut sample = resource(json!({ "limits": { "perUserPerMinute": 5 }, "drain": { "gracePeriod": "150s" } }));
    let mut found = found();
    proven(&mut sample, &mut found);
    let (validated, plan) = decide(&sample, &found);
    let prepared = build(&validated, &plan).unwrap();
    let text = &prepared.configs[0].data.as_ref().unwrap()["config.yaml"];
    let wanted = worker_config(&validated, plan.serving.unwrap().pools);
    assert_eq!(serde_saphyr::from_str::<WorkerConfig>(text).unwrap(), wanted);
    assert!(
        text.contains("perUserPerMinute: 5") && !text.contains("gracePeriod") && !text.contains("bodyBytes"),
        "{text}"
    );
}

#[test]
fn an_autoscaled_one_has_an_autoscaler_within_the_budget_and_a_number_only_at_first() {
    let mut sample = resource(json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 100 } }));
    let mut found = found();
    proven(&mut sample, &mut found);
    let (plan, prepared) = prepare(&sample, &found);
    let autoscaler = applied(prepared.autoscaler);
    // 97 less 10 reserved and 4 for jobs: 13 workers with a pool of 4.
    assert_eq!(autoscaler.spec.max_replicas, 13);
    with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        assert_yaml_snapshot!("autoscaler", autoscaler);
    });
    assert_eq!(plan.budget.unwrap().unwrap().lowered_from, Some(100));
    assert_eq!(prepared.replicas, Some(1));
    assert!(
        matches!(prepared.disruption_budget, Wanted::Absent),
        "one worker cannot be protected from a drain"
    );
}

#[test]
fn a_missing_secret_is_named_with_its_field_and_nothing_that_serves_is_touched() {
    let mut found = found();
    found.secrets.remove("llm");
    found
        .secrets
        .extend([secret("jwt", &[("key", "x"), ("other", "y")], false)]);
    let sample = resource(json!({}));
    let (validated, _) = decide(&sample, &found);
    let messages: Vec<&str> = validated
        .problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "auth.jwt.hs256SecretRef: secret \"jwt\" has no key \"secret\" (found: key, other)",
            "llm.providers[open-ai].apiKeySecretRef: there is no secret \"llm\" in this namespace: make it with the key \"key\"",
        ]
    );
    let (_, prepared) = prepare(&sample, &found);
    assert!(matches!(prepared.deployment, Wanted::Keep) && matches!(prepared.autoscaler, Wanted::Keep));
    assert!(prepared.jobs.is_empty() && prepared.replicas.is_none());
    assert!(matches!(prepared.redis, Wanted::Apply(_)));
}

#[test]
fn passwords_are_made_once_and_never_beside_data_that_has_others() {
    let sample = resource(json!({}));
    let mut found = found();
    found.secrets.remove("demo-postgres-auth");
    let (validated, _) = decide(&sample, &found);
    assert!(validated.generate.is_empty());
    assert!(
        validated.problems[0].message.contains("is gone: restore the secret"),
        "{:?}",
        validated.problems
    );

    found.postgres_claim_uid = None;
    let (_, prepared) = prepare(&sample, &found);
    assert!(matches!(prepared.postgres, Wanted::Keep), "it waits for its password");
    let names: Vec<String> = prepared.new_secrets.iter().map(ResourceExt::name_any).collect();
    assert_eq!(names, ["demo-postgres-auth"]);
    let values = prepared.new_secrets[0].string_data.as_ref().unwrap();
    assert!(values["url"].starts_with("postgres://companion_worker:"));
    assert!(values["direct-url"].contains(&values["owner-password"]));
    assert_ne!(values["owner-password"], values["worker-password"]);
}

#[test]
fn a_suspended_one_has_no_workers_no_jobs_and_keeps_its_storage() {
    let mut sample = resource(json!({}));
    let mut found = found();
    proven(&mut sample, &mut found);
    let (_, running) = prepare(&sample, &found);
    found.children.deployments = vec![applied(running.deployment)];
    sample.spec.suspend = true;
    found.job_runs.clear();
    let (_, prepared) = prepare(&sample, &found);
    assert_eq!(prepared.replicas, Some(0));
    assert!(prepared.jobs.is_empty());
    assert!(matches!(prepared.autoscaler, Wanted::Absent) && matches!(prepared.disruption_budget, Wanted::Absent));
    assert!(matches!(prepared.postgres, Wanted::Apply(_)));
}

#[test]
fn deletion_takes_storage_and_passwords_along_only_when_asked_to() {
    for (policy, owned) in [("Retain", false), ("Delete", true)] {
        let (_, prepared) = prepare(&resource(json!({ "deletionPolicy": policy })), &found());
        assert_eq!(prepared.kept_secrets.len(), 2);
        assert!(prepared.kept_secrets.iter().all(|secret| secret.data.is_none()));
        assert!(
            prepared
                .kept_secrets
                .iter()
                .all(|secret| secret.owner_references().is_empty() != owned)
        );
        let retention = applied(prepared.postgres)
            .stateful_set
            .spec
            .unwrap()
            .persistent_volume_claim_retention_policy
            .unwrap();
        assert_eq!(retention.when_deleted.as_deref(), Some(policy));
    }
}
