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
use serde_json::json;

use super::Guarded;
use super::apply::Applied;
use super::build::labels::{MANAGER, worker_selector_text};
use super::dereference::Found;
use super::plan::Plan;
use super::validate::Validated;
use crate::conditions::{Finding, State, conditions};
use crate::context::Context;
use crate::events;

/// The status could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the status: {0}")]
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

/// Says in the status that a pass failed, keeping everything else.
pub async fn failed(context: &Context, resource: &CompanionDeployment, cause: &str) -> Result<bool, Error> {
    let old = resource.status.clone().unwrap_or_default();
    let failed = vec![
        Finding::new("Ready", false, "ReconcileFailed", cause),
        Finding::new("Reconciling", true, "ReconcileFailed", cause),
        Finding::new("Stalled", false, "Retrying", "tried again by itself"),
    ];
    let mut all = conditions(failed, &old.conditions, resource.metadata.generation, Timestamp::now());
    let named: Vec<String> = all
        .iter()
        .map(|condition: &Condition| condition.type_.clone())
        .collect();
    all.extend(
        old.conditions
            .iter()
            .filter(|condition| !named.contains(&condition.type_))
            .cloned(),
    );
    let status = CompanionDeploymentStatus {
        observed_generation: resource.metadata.generation,
        conditions: all,
        ..old.clone()
    };
    write(context, resource, &old, &status).await
}

/// Says in the status of an object that cannot be read what is wrong with it.
pub async fn malformed(context: &Context, guarded: &Guarded) -> Result<bool, Error> {
    let Err(invalid) = &guarded.0 else { return Ok(false) };
    let message = format!("the resource cannot be read: {}", invalid.error);
    let findings = vec![
        Finding::new("Ready", State::False, "Malformed", message.clone()),
        Finding::new("Reconciling", State::False, "Malformed", "waits for an edit"),
        Finding::new("Stalled", State::True, "Malformed", message),
    ];
    let meta = &invalid.metadata;
    let (namespace, name) = (
        meta.namespace.clone().unwrap_or_default(),
        meta.name.clone().unwrap_or_default(),
    );
    let Some(live) = statuses(context, &namespace).get_opt(&name).await? else {
        return Ok(false);
    };
    let old: Vec<Condition> = serde_json::from_value(live.data["status"]["conditions"].clone()).unwrap_or_default();
    let status = CompanionDeploymentStatus {
        observed_generation: meta.generation,
        conditions: conditions(findings, &old, meta.generation, Timestamp::now()),
        ..CompanionDeploymentStatus::default()
    };
    if old == status.conditions {
        return Ok(false);
    }
    patch(context, &namespace, &name, &status).await?;
    Ok(true)
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

async fn patch(
    context: &Context,
    namespace: &str,
    name: &str,
    status: &CompanionDeploymentStatus,
) -> Result<(), Error> {
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
