//! The last step: what a pass found and did, as the resource's status and as events. Nothing is written that stands there
//! already.

mod findings;

use std::fmt::Debug;

use companion_crds::CompanionDeployment;
use companion_crds::status::{CompanionDeploymentStatus, Connections};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Resource as _, ResourceExt as _};
use serde::Serialize;
use serde_json::{Value, json};

use super::Guarded;
use super::apply::Applied;
use super::build::labels::{MANAGER, worker_selector_text};
use super::dereference::Found;
use super::plan::Plan;
use super::validate::Validated;
use crate::api_error::words;
use crate::conditions::{Finding, State, conditions};
use crate::context::Context;
use crate::events;

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the status: {}", words(.0))]
pub struct Error(#[from] kube::Error);

/// Writes the status of `resource` after a pass, and says whether it had to.
pub async fn update_status(
    context: &Context,
    resource: &CompanionDeployment,
    validated: &Validated,
    plan: &Plan,
    found: &Found,
    applied: &Applied,
    now: Timestamp,
) -> Result<bool, Error> {
    let old = resource.status.clone().unwrap_or_default();
    let findings = findings::findings(validated, plan, found, applied, &old.conditions);
    let status = status(resource, &old, validated, plan, applied, findings, now);
    let changed = write(context, resource, &old, &status).await?;

    let mut news = events::transitions(&old.conditions, &status.conditions);
    if plan.serving.as_ref().is_some_and(|serving| serving.mark.key_lost) {
        news.push(events::key_lost());
    }
    events::publish(context, &resource.object_ref(&()), news).await;
    Ok(changed)
}

fn status(
    resource: &CompanionDeployment,
    old: &CompanionDeploymentStatus,
    validated: &Validated,
    plan: &Plan,
    applied: &Applied,
    findings: Vec<Finding>,
    now: Timestamp,
) -> CompanionDeploymentStatus {
    let identity = &validated.identity;
    let workers = applied
        .deployment
        .as_ref()
        .and_then(|deployment| deployment.status.as_ref());
    // The image in use is the wanted one once its workers may start; the operator's own is adopted at once.
    let image = (plan.serving.is_some() || validated.spec.image.is_none()).then(|| validated.image.clone());
    let connections = match (&plan.budget, &plan.serving) {
        (Some(Ok(budget)), Some(serving)) => Some(Connections {
            per_worker: serving.pools.per_worker,
            ..budget.connections.clone()
        }),
        _ => None,
    };
    CompanionDeploymentStatus {
        observed_generation: resource.metadata.generation,
        image: image.or_else(|| old.image.clone()),
        replicas: Some(workers.and_then(|workers| workers.replicas).unwrap_or_default()),
        ready_replicas: Some(workers.and_then(|workers| workers.ready_replicas).unwrap_or_default()),
        selector: Some(worker_selector_text(identity)),
        schema_version: plan.schema_version.or(old.schema_version),
        connections: connections.or_else(|| old.connections.clone()),
        preflight: plan.proven.clone().or_else(|| old.preflight.clone()),
        endpoint: Some(format!("http://{}.{}.svc:80", identity.name, identity.namespace)),
        conditions: conditions(findings, &old.conditions, resource.metadata.generation, now),
    }
}

/// How a pass failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The next one may well succeed.
    Passing,
    /// Several in a row did.
    Lasting,
    /// The API server refused what the resource asks for, and will do so until it is edited.
    Refused,
}

/// Says in the status that a pass failed. What serves, serves on: a failure that is passing does not take `Ready` away.
pub async fn failed(
    context: &Context,
    resource: &CompanionDeployment,
    cause: &str,
    failure: Failure,
) -> Result<bool, Error> {
    let old = resource.status.clone().unwrap_or_default();
    let status = failed_status(&old, resource.metadata.generation, cause, failure, Timestamp::now());
    let changed = write(context, resource, &old, &status).await?;
    let news = events::transitions(&old.conditions, &status.conditions);
    events::publish(context, &resource.object_ref(&()), news).await;
    Ok(changed)
}

fn failed_status(
    old: &CompanionDeploymentStatus,
    generation: Option<i64>,
    cause: &str,
    failure: Failure,
    now: Timestamp,
) -> CompanionDeploymentStatus {
    let known = old.conditions.iter().any(|condition| condition.type_ == "Ready");
    let tells = failure != Failure::Passing || !known;
    let retrying = Finding::new("Reconciling", true, "ReconcileFailed", cause);
    let findings = match failure {
        Failure::Refused => vec![
            Finding::new("Ready", false, "Refused", cause),
            Finding::new("Reconciling", false, "Refused", "waits for an edit, see Stalled"),
            Finding::new("Stalled", true, "Refused", cause),
        ],
        _ if tells => vec![
            Finding::new("Ready", false, "ReconcileFailed", cause),
            retrying,
            Finding::new("Stalled", false, "Retrying", "tried again by itself"),
        ],
        _ => vec![retrying],
    };
    let mut all = old.conditions.clone();
    for condition in conditions(findings, &old.conditions, generation, now) {
        match all.iter_mut().find(|known| known.type_ == condition.type_) {
            Some(known) => *known = condition,
            None => all.push(condition),
        }
    }
    CompanionDeploymentStatus {
        // Where Ready stays, it is about the generation that was seen before.
        observed_generation: if tells { generation } else { old.observed_generation },
        conditions: all,
        ..old.clone()
    }
}

/// Says in the status of an object that cannot be read what is wrong with it, and leaves all else in it as it is.
pub async fn malformed(context: &Context, guarded: &Guarded) -> Result<bool, Error> {
    let Err(invalid) = &guarded.0 else { return Ok(false) };
    let meta = &invalid.metadata;
    let (namespace, name) = (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    );
    let Some(live) = statuses(context, &namespace).get_opt(&name).await? else {
        return Ok(false);
    };
    let old = &live.data["status"];
    let status = malformed_status(old, meta.generation, &invalid.error, Timestamp::now());
    if *old == status {
        return Ok(false);
    }
    patch(context, &namespace, &name, &status).await?;
    Ok(true)
}

/// `old` as it is, for it may be what cannot be read, with other conditions: an image that was adopted must not be lost,
/// or a later pass would adopt another.
fn malformed_status(old: &Value, generation: Option<i64>, error: &str, now: Timestamp) -> Value {
    let message = format!("the resource cannot be read: {error}");
    let findings = vec![
        Finding::new("Ready", State::False, "Malformed", message.clone()),
        Finding::new("Reconciling", State::False, "Malformed", "waits for an edit"),
        Finding::new("Stalled", State::True, "Malformed", message),
    ];
    let mut all = old["conditions"].as_array().cloned().unwrap_or_default();
    let readable: Vec<Condition> = all
        .iter()
        .filter_map(|condition| serde_json::from_value(condition.clone()).ok())
        .collect();
    for condition in conditions(findings, &readable, generation, now) {
        let condition = json!(condition);
        match all.iter_mut().find(|known| known["type"] == condition["type"]) {
            Some(known) => *known = condition,
            None => all.push(condition),
        }
    }
    let mut status = if old.is_object() { old.clone() } else { json!({}) };
    status["observedGeneration"] = json!(generation);
    status["conditions"] = Value::Array(all);
    status
}

async fn write(
    context: &Context,
    resource: &CompanionDeployment,
    old: &CompanionDeploymentStatus,
    status: &CompanionDeploymentStatus,
) -> Result<bool, Error> {
    if old == status {
        return Ok(false);
    }
    patch(
        context,
        &resource.namespace().unwrap_or_default(),
        &resource.name_any(),
        status,
    )
    .await?;
    Ok(true)
}

/// As an object of which only metadata is looked at: the answer may hold one that cannot be read.
fn statuses(context: &Context, namespace: &str) -> Api<DynamicObject> {
    let kind = ApiResource::erase::<CompanionDeployment>(&());
    Api::namespaced_with(context.client.clone(), namespace, &kind)
}

async fn patch(context: &Context, namespace: &str, name: &str, status: &(impl Serialize + Sync)) -> Result<(), Error> {
    let body = json!({
        "apiVersion": CompanionDeployment::api_version(&()),
        "kind": CompanionDeployment::kind(&()),
        "metadata": { "name": name },
        "status": status,
    });
    let parameters = PatchParams::apply(MANAGER).force();
    match statuses(context, namespace)
        .patch_status(name, &parameters, &Patch::Apply(&body))
        .await
    {
        // It was deleted in the meantime.
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(Error(error)),
        Ok(_) => {
            context.metrics.wrote("status");
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn serving() -> CompanionDeploymentStatus {
        let findings = vec![
            Finding::new("Ready", true, "Serving", "workers serve"),
            Finding::new("Reconciling", false, "AsWanted", "everything is as wanted"),
            Finding::new("Migrated", true, "Migrated", "the schema fits"),
        ];
        CompanionDeploymentStatus {
            observed_generation: Some(1),
            image: Some("worker:1".into()),
            conditions: conditions(findings, &[], Some(1), at(10)),
            ..CompanionDeploymentStatus::default()
        }
    }

    fn state<'a>(status: &'a CompanionDeploymentStatus, kind: &str) -> &'a str {
        let mut all = status.conditions.iter();
        all.find(|condition| condition.type_ == kind)
            .map_or("", |condition| condition.status.as_str())
    }

    #[test]
    fn a_pass_that_fails_takes_ready_away_only_when_it_goes_on_failing() {
        let first = failed_status(&serving(), Some(2), "no answer", Failure::Passing, at(20));
        assert_eq!((state(&first, "Ready"), state(&first, "Reconciling")), ("True", "True"));
        assert_eq!(
            first.observed_generation,
            Some(1),
            "what Ready says is not about the edit"
        );
        assert_eq!(
            failed_status(&first, Some(2), "no answer", Failure::Passing, at(30)),
            first
        );

        let lasting = failed_status(&first, Some(2), "no answer", Failure::Lasting, at(40));
        assert_eq!(
            (state(&lasting, "Ready"), state(&lasting, "Migrated")),
            ("False", "True")
        );
        assert_eq!(lasting.observed_generation, Some(2));
        assert_eq!(
            failed_status(&lasting, Some(2), "no answer", Failure::Lasting, at(50)),
            lasting
        );

        let new = failed_status(
            &CompanionDeploymentStatus::default(),
            Some(1),
            "no answer",
            Failure::Passing,
            at(1),
        );
        assert_eq!(state(&new, "Ready"), "False", "Ready is there from the first pass");
    }

    #[test]
    fn a_child_that_the_api_server_refuses_stalls_at_once() {
        let refused = failed_status(&serving(), Some(2), "nodeSelector: invalid", Failure::Refused, at(20));
        assert_eq!(
            ["Ready", "Stalled", "Reconciling"].map(|kind| state(&refused, kind)),
            ["False", "True", "False"]
        );
        assert_eq!(refused.observed_generation, Some(2));
    }

    #[test]
    fn an_object_that_cannot_be_read_keeps_all_else_of_its_status() {
        let mut old = json!(serving());
        let strange = json!({ "type": "Strange", "lastTransitionTime": "9999-12-31T23:59:59Z" });
        old["conditions"].as_array_mut().unwrap().push(strange.clone());
        let status = malformed_status(&old, Some(3), "no", at(20));
        assert_eq!(
            (&status["image"], &status["observedGeneration"]),
            (&json!("worker:1"), &json!(3))
        );
        let conditions = status["conditions"].as_array().unwrap();
        assert!(conditions.contains(&strange));
        let stands = |kind: &str| conditions.iter().find(|one| one["type"] == kind).unwrap()["status"].clone();
        assert_eq!(
            (stands("Ready"), stands("Stalled"), stands("Migrated")),
            (json!("False"), json!("True"), json!("True"))
        );
        assert_eq!(malformed_status(&status, Some(3), "no", at(30)), status, "written once");
    }
}
