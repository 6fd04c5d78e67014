//! What a sample resource becomes, as snapshots: a change of any child shows in them, and so does one that would restart
//! every worker of everybody who upgrades.

use companion_crds::CompanionDeployment;
use companion_crds::config::WorkerConfig;
use insta::{assert_yaml_snapshot, with_settings};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::PodSpec;
use kube::ResourceExt;
use serde_json::{Value, json};

use super::config_map::worker_config;
use super::{Prepared, Wanted, build};
use crate::controller::dereference::Found;
use crate::controller::fixtures::{come_about, decide, found, pod_of, proven, resource, secret};
use crate::controller::plan::Plan;

fn prepare(resource: &CompanionDeployment, found: &Found) -> (Plan, Prepared) {
    let (validated, plan) = decide(resource, found);
    let prepared = build(&validated, &plan).unwrap();
    (plan, prepared)
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
        matches!(prepared.disruption_budget, Wanted::Apply(_)),
        "the autoscaler may have several workers running"
    );
}

fn arguments(deployment: &Wanted<Deployment>) -> Vec<String> {
    let Wanted::Apply(deployment) = deployment else {
        return vec![];
    };
    let pod = deployment.spec.as_ref().unwrap().template.spec.as_ref().unwrap();
    pod.containers[0].args.clone().unwrap()
}

/// The pools that a pass gives to workers and to pods for jobs.
fn pool_sizes(prepared: &Prepared) -> Vec<u32> {
    let texts = prepared
        .configs
        .iter()
        .map(|map| &map.data.as_ref().unwrap()["config.yaml"]);
    let configs = texts.map(|text| serde_saphyr::from_str::<WorkerConfig>(text).unwrap());
    let mut sizes: Vec<u32> = configs.map(|config| config.database.pool_size).collect();
    sizes.sort_unstable();
    sizes
}

#[test]
fn pods_for_jobs_are_workers_without_a_door_and_the_workers_leave_jobs_to_them() {
    let mut sample = resource(json!({ "jobs": { "mode": "Separate", "replicas": 2 } }));
    let mut found = found();
    proven(&mut sample, &mut found);
    let (_, prepared) = prepare(&sample, &found);
    assert!(arguments(&prepared.deployment).ends_with(&["--jobs".into(), "off".into()]));
    // 97 less 10 reserved, 4 for the queue, 3 x 4 + 2 x 2 for pods of jobs and 4 for draining workers: 63 for 3.
    assert_eq!(pool_sizes(&prepared), [4, 21]);
    assert_eq!((prepared.replicas, prepared.jobs_replicas), (Some(2), Some(2)));
    with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        assert_yaml_snapshot!("jobs_deployment", applied(prepared.jobs_deployment));
    });
}

#[test]
fn jobs_go_to_pods_of_their_own_and_back_by_way_of_both() {
    let (mut sample, mut found) = (resource(json!({})), found());
    proven(&mut sample, &mut found);
    let (_, prepared) = prepare(&sample, &found);
    assert_eq!(pool_sizes(&prepared), [26]);
    come_about(&mut found, prepared);
    let is_absent = |prepared: &Prepared| matches!(prepared.jobs_deployment, Wanted::Absent);
    let leave = |prepared: &Prepared| arguments(&prepared.deployment).ends_with(&["--jobs".into(), "off".into()]);

    sample.spec.jobs = serde_json::from_value(json!({ "mode": "Separate" })).unwrap();
    let (_, room) = prepare(&sample, &found);
    assert_eq!(pool_sizes(&room), [23], "workers make room first");
    assert!(is_absent(&room) && !leave(&room));
    come_about(&mut found, room);
    let (_, both) = prepare(&sample, &found);
    assert_eq!(pool_sizes(&both), [4, 23]);
    assert!(arguments(&both.jobs_deployment).ends_with(&["--jobs".into(), "only".into()]));
    assert!(!leave(&both), "workers go on until the others are ready");
    come_about(&mut found, both);
    let (_, separate) = prepare(&sample, &found);
    assert!(leave(&separate));
    come_about(&mut found, separate);
    let (_, rest) = prepare(&sample, &found);
    assert!(leave(&rest) && pool_sizes(&rest) == [4, 23] && rest.jobs_replicas == Some(1));
    come_about(&mut found, rest);

    sample.spec.jobs = serde_json::from_value(json!({})).unwrap();
    let (plan, both) = prepare(&sample, &found);
    assert_eq!(pool_sizes(&both), [4, 23], "the pods for jobs are still there");
    assert!(!leave(&both) && !is_absent(&both));
    assert!(
        plan.due_in.is_some_and(|due| due.as_secs() < 10),
        "their end is waited for"
    );
    come_about(&mut found, both);
    let jobs_pods = found.children.pods.clone();
    let (_, last) = prepare(&sample, &found);
    assert!(is_absent(&last) && pool_sizes(&last) == [23]);
    come_about(&mut found, last);
    found.children.pods = jobs_pods;
    assert_eq!(
        pool_sizes(&prepare(&sample, &found).1),
        [23],
        "a pod for jobs is still going"
    );
    found.children.pods.clear();
    assert_eq!(pool_sizes(&prepare(&sample, &found).1), [26]);
}

#[test]
fn a_disruption_budget_is_there_wherever_there_may_be_two_workers() {
    let table = [
        (json!({ "replicas": 1 }), false),
        (json!({ "replicas": 2 }), true),
        (
            json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 1 } }),
            false,
        ),
        (
            json!({ "replicas": null, "autoscaling": { "minReplicas": 1, "maxReplicas": 7 } }),
            true,
        ),
    ];
    for (spec, expected) in table {
        let (mut sample, mut found) = (resource(spec.clone()), found());
        proven(&mut sample, &mut found);
        let (_, prepared) = prepare(&sample, &found);
        assert_eq!(
            matches!(prepared.disruption_budget, Wanted::Apply(_)),
            expected,
            "{spec}"
        );
    }
}

#[test]
fn what_old_workers_still_use_goes_only_after_the_last_of_them() {
    let (mut old, mut found) = (resource(json!({})), found());
    proven(&mut old, &mut found);
    let (_, prepared) = prepare(&old, &found);
    let old_workers = applied(prepared.deployment);
    found.children.deployments = vec![old_workers.clone()];
    found.children.pods = vec![pod_of(&old_workers)];

    let mut edited = resource(json!({
        "redis": { "external": { "urlSecretRef": { "name": "redis", "key": "url" } } },
        "serviceAccountName": "chat",
    }));
    found
        .secrets
        .extend([secret("redis", &[("url", "redis://redis:6379")], false)]);
    let (_, prepared) = prepare(&edited, &found);
    assert_eq!(prepared.jobs.len(), 1, "preflight looks at the other Redis first");
    assert!(matches!(prepared.redis, Wanted::Keep) && matches!(prepared.service_account, Wanted::Keep));

    found.job_runs.clear();
    proven(&mut edited, &mut found);
    let (_, prepared) = prepare(&edited, &found);
    assert!(matches!(prepared.redis, Wanted::Keep) && matches!(prepared.service_account, Wanted::Keep));
    // The Deployment names the new ones, and one old worker still ends its streams.
    found.children.deployments = vec![applied(prepared.deployment)];
    let (_, prepared) = prepare(&edited, &found);
    assert!(matches!(prepared.redis, Wanted::Keep) && matches!(prepared.service_account, Wanted::Keep));

    found.children.pods.clear();
    let (_, prepared) = prepare(&edited, &found);
    assert!(matches!(prepared.redis, Wanted::Absent) && matches!(prepared.service_account, Wanted::Absent));
}

#[test]
fn jobs_run_where_workers_run_and_are_made_again_in_another_place() {
    let place = json!({
        "scheduling": {
            "nodeSelector": { "pool": "chat" },
            "tolerations": [{ "key": "dedicated", "operator": "Exists" }],
            "priorityClassName": "high",
        },
        "serviceAccountName": "chat",
    });
    let (plain, _) = prepare(&resource(json!({})), &found());
    let (mut sample, mut found) = (resource(place), found());
    let (plan, before) = prepare(&sample, &found);
    assert_ne!(plain.preflight.unwrap().inputs, plan.preflight.unwrap().inputs);
    proven(&mut sample, &mut found);
    let (_, after) = prepare(&sample, &found);
    let of = |pod: PodSpec| {
        (
            pod.node_selector,
            pod.tolerations,
            pod.priority_class_name,
            pod.service_account_name,
        )
    };
    let job = of(before.jobs[0].spec.clone().unwrap().template.spec.unwrap());
    assert_eq!(job, of(applied(after.deployment).spec.unwrap().template.spec.unwrap()));
    assert_eq!((job.2.as_deref(), job.3.as_deref()), (Some("high"), Some("chat")));
}

#[test]
fn a_managed_server_keeps_the_image_it_was_made_with_whatever_its_pod_says() {
    let (sample, mut found) = (resource(json!({})), found());
    let (_, prepared) = prepare(&sample, &found);
    let mut edited = applied(prepared.redis).stateful_set;
    edited.spec.as_mut().unwrap().template.spec.as_mut().unwrap().containers[0].image = Some("redis:mine".into());
    edited.status = found.children.stateful_sets[0].status.clone();
    found.children.stateful_sets[0] = edited;
    let (_, prepared) = prepare(&sample, &found);
    let set = applied(prepared.redis).stateful_set;
    let image = set.spec.unwrap().template.spec.unwrap().containers[0].image.clone();
    assert_eq!(image.as_deref(), Some("redis:1"));
}

#[test]
fn behind_a_pooler_the_share_alone_counts() {
    let database = json!({
        "external": { "urlSecretRef": { "name": "pg", "key": "url" }, "pooled": true },
        "maxConnections": 300,
    });
    let (mut sample, mut found) = (resource(json!({ "database": database })), found());
    found
        .secrets
        .extend([secret("pg", &[("url", "postgres://w:p@h/companion")], false)]);
    proven(&mut sample, &mut found);
    let (plan, _) = prepare(&sample, &found);
    // The server behind it gives 97.
    assert_eq!(plan.budget.unwrap().unwrap().connections.server, 300);
}

#[test]
fn a_signing_key_that_workers_would_refuse_is_refused_before_they_start() {
    let (sample, mut found) = (resource(json!({})), found());
    found.secrets.extend([secret(
        "jwt",
        &[("secret", "my-super-secret-jwt-key-of-this-service")],
        false,
    )]);
    let (validated, _) = decide(&sample, &found);
    let message = &validated.problems[0].message;
    assert!(
        message.contains("auth.jwt.hs256SecretRef") && message.contains("production needs a random key"),
        "{message}"
    );
    assert!(!message.contains("my-super"), "{message}");
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
            "llm.providers[open-ai].apiKeySecretRef: there is no secret \"llm\" with the key \"key\": make it with `kubectl --namespace chat create secret generic llm --from-literal=key=...`",
        ]
    );
    let (_, prepared) = prepare(&sample, &found);
    assert!(matches!(prepared.deployment, Wanted::Keep) && matches!(prepared.autoscaler, Wanted::Keep));
    assert!(prepared.jobs.is_empty() && prepared.replicas.is_none());
    assert!(matches!(prepared.redis, Wanted::Apply(_)));
}

const ENTRY: &str =
    r#"{"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","scopes":["chat","act-as"]}"#;

fn with_api_keys(auth: Value) -> CompanionDeployment {
    let mut whole = json!({
        "jwt": { "issuer": "https://id.example", "audience": "companion", "jwksURL": "https://id.example/jwks.json" },
        "apiKeys": { "secretRef": { "name": "keys" } },
    });
    for (field, value) in auth.as_object().unwrap() {
        whole[field] = value.clone();
    }
    resource(json!({ "auth": whole }))
}

#[test]
fn api_keys_and_published_keys_reach_the_workers_and_leave_the_jobs_alone() {
    let mut sample = with_api_keys(json!({
        "forwardedUserHeader": "X-OpenWebUI-User-Id", "trustedProxies": ["10.0.0.0/8"],
        "cors": { "origins": ["https://chat.example"] },
    }));
    let mut found = found();
    found.secrets.extend([secret("keys", &[("app", ENTRY)], false)]);
    let (_, before) = prepare(&sample, &found);
    let told = before.configs[0].data.as_ref().unwrap()["config.yaml"].clone();
    assert!(
        told.contains("jwksURL") && !told.contains("trustedProxies") && !told.contains("apiKeys"),
        "{told}"
    );
    proven(&mut sample, &mut found);
    let (_, after) = prepare(&sample, &found);
    let pod = applied(after.deployment).spec.unwrap().template.spec.unwrap();
    assert!(
        pod.containers[0]
            .env
            .iter()
            .flatten()
            .all(|variable| variable.name != "COMPANION_JWT_HS256_SECRET")
    );
    with_settings!({ snapshot_path => "snapshots", prepend_module_to_snapshot => false }, {
        assert_yaml_snapshot!("api_keys_config", after.configs);
        assert_yaml_snapshot!("api_keys_volumes", (&pod.volumes, &pod.containers[0].volume_mounts));
    });
}

#[test]
fn a_key_added_or_taken_away_rolls_the_workers_and_runs_no_job() {
    let sample = with_api_keys(json!({}));
    let hashes = |entries: &[(&str, &str)]| {
        let mut found = found();
        found.secrets.extend([secret("keys", entries, false)]);
        let (validated, _) = decide(&sample, &found);
        assert_eq!(validated.problems, []);
        validated.hashes
    };
    let (none, one) = (hashes(&[]), hashes(&[("app", ENTRY)]));
    assert_ne!(none.worker, one.worker);
    assert_eq!((none.preflight, none.database), (one.preflight, one.database));
}

#[test]
fn a_malformed_api_key_is_named_with_its_entry_and_never_quoted() {
    let sample = with_api_keys(json!({}));
    let problems = |found: &Found| -> Vec<String> {
        let (validated, _) = decide(&sample, found);
        validated.problems.into_iter().map(|problem| problem.message).collect()
    };
    let mut found = found();
    assert_eq!(
        problems(&found),
        [
            "auth.apiKeys.secretRef: there is no secret \"keys\" in this namespace: make it with an entry for each key, as `companion-worker key` prints them"
        ]
    );
    found
        .secrets
        .extend([secret("keys", &[("app", ENTRY), ("old", "ck_old_0123456789")], false)]);
    let said = problems(&found);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with("auth.apiKeys.secretRef: entry \"old\" of secret \"keys\" is not {"),
        "{said:?}"
    );
    assert!(!said[0].contains("0123"), "{said:?}");
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
    assert_eq!((prepared.replicas, prepared.jobs_replicas), (Some(0), None));
    assert!(prepared.jobs.is_empty());
    assert!(matches!(prepared.autoscaler, Wanted::Absent) && matches!(prepared.disruption_budget, Wanted::Absent));
    assert!(matches!(prepared.postgres, Wanted::Apply(_)));
}

#[test]
fn a_suspended_one_has_no_pods_for_jobs_either() {
    let (mut sample, mut found) = (resource(json!({ "jobs": { "mode": "Separate" } })), found());
    proven(&mut sample, &mut found);
    let (_, prepared) = prepare(&sample, &found);
    come_about(&mut found, prepared);
    sample.spec.suspend = true;
    let (_, prepared) = prepare(&sample, &found);
    assert_eq!((prepared.replicas, prepared.jobs_replicas), (Some(0), Some(0)));
    assert!(matches!(prepared.jobs_deployment, Wanted::Keep));
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

#[test]
fn workers_are_told_of_a_redis_cluster_of_replicas_and_of_a_collector() {
    let url = |name: &str| json!({ "urlSecretRef": { "name": name, "key": "url" } });
    let mut external = url("pg");
    external["replicas"] = json!([url("pg-ro-1"), url("pg-ro-2")]);
    let mut redis = url("redis");
    redis["mode"] = json!("Cluster");
    let mut sample = resource(json!({
        "database": { "external": external },
        "redis": { "external": redis },
        "telemetry": { "otlpEndpoint": "http://collector.monitoring.svc:4318" },
    }));
    let mut found = found();
    let database = [("url", "postgres://w:p@pg/companion")];
    found.secrets.extend([
        secret("pg", &database, false),
        secret("pg-ro-1", &database, false),
        secret("pg-ro-2", &database, false),
        secret("redis", &[("url", "redis://:p@one:6379,two:6379")], false),
    ]);
    let (_, before) = prepare(&sample, &found);
    let told = serde_json::to_string(&before.jobs).unwrap();
    assert!(!told.contains("OTEL"), "a Job has no turns to tell of");
    proven(&mut sample, &mut found);
    let (_, after) = prepare(&sample, &found);
    let config = serde_json::to_string(&after.configs).unwrap();
    assert!(
        config.contains("mode: Cluster") && config.contains("replicas: 2"),
        "{config}"
    );
    let deployment = serde_json::to_string(&applied(after.deployment)).unwrap();
    for variable in [
        "COMPANION_DATABASE_REPLICA_1_URL",
        "COMPANION_DATABASE_REPLICA_2_URL",
        "http://collector.monitoring.svc:4318",
        "k8s.namespace.name=chat",
    ] {
        assert!(deployment.contains(variable), "{variable}: {deployment}");
    }
}

#[test]
fn a_redis_url_that_does_not_fit_how_it_is_run_is_named() {
    let redis = json!({ "external": { "urlSecretRef": { "name": "redis", "key": "url" }, "mode": "Sentinel" } });
    let sample = resource(json!({ "redis": redis }));
    let mut found = found();
    found
        .secrets
        .extend([secret("redis", &[("url", "redis://:hush@one:26379")], false)]);
    let (validated, _) = decide(&sample, &found);
    let problems = format!("{:?}", validated.problems);
    assert!(
        problems.contains("?master=name") && !problems.contains("hush"),
        "{problems}"
    );
}
