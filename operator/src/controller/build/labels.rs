//! What every child carries: its labels, and the reference to the resource that owns it.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};

use crate::controller::validate::Identity;

/// The value of `app.kubernetes.io/managed-by`, and our field manager.
pub const MANAGER: &str = "companion-operator";
/// Names the resource a child belongs to.
pub const INSTANCE: &str = "app.kubernetes.io/instance";
/// Names who makes and changes a child.
pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

const NAME: &str = "app.kubernetes.io/name";
const COMPONENT: &str = "app.kubernetes.io/component";

/// The part of a deployment that a child is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// The workers.
    Worker,
    /// Pods that do nothing but jobs.
    Jobs,
    /// Managed Redis.
    Redis,
    /// Managed PostgreSQL.
    Postgres,
    /// The check before everything else.
    Preflight,
    /// The change of the schema.
    Migrate,
}

impl Component {
    /// As labels and names spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Jobs => "jobs",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Preflight => "preflight",
            Self::Migrate => "migrate",
        }
    }
}

/// The labels of a child.
pub fn labels(identity: &Identity, component: Component) -> BTreeMap<String, String> {
    let mut labels = selected(identity, component);
    labels.insert(MANAGED_BY.into(), MANAGER.into());
    labels
}

/// The labels by which pods are found. They can never change: a Deployment's selector is immutable.
fn selected(identity: &Identity, component: Component) -> BTreeMap<String, String> {
    [
        (NAME, "companion"),
        (INSTANCE, identity.name.as_str()),
        (COMPONENT, component.name()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// What a Service selects by.
pub fn service_selector(identity: &Identity, component: Component) -> BTreeMap<String, String> {
    selected(identity, component)
}

/// What a workload or a budget selects by.
pub fn selector(identity: &Identity, component: Component) -> LabelSelector {
    LabelSelector {
        match_labels: Some(selected(identity, component)),
        match_expressions: None,
    }
}

/// The workers' selector as `status.selector` spells it.
pub fn worker_selector_text(identity: &Identity) -> String {
    format!("{INSTANCE}={},{COMPONENT}={}", identity.name, Component::Worker.name())
}

/// All children of a resource, for lists.
pub fn children_selector(name: &str) -> String {
    format!("{MANAGED_BY}={MANAGER},{INSTANCE}={name}")
}

/// The metadata of a child called `name` that goes with the resource.
pub fn owned(identity: &Identity, name: String, component: Component) -> ObjectMeta {
    ObjectMeta {
        owner_references: Some(vec![owner(identity)]),
        ..kept(identity, name, component)
    }
}

/// The metadata of a child that stays when the resource goes.
pub fn kept(identity: &Identity, name: String, component: Component) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(identity.namespace.clone()),
        labels: Some(labels(identity, component)),
        ..ObjectMeta::default()
    }
}

fn owner(identity: &Identity) -> OwnerReference {
    use companion_crds::CompanionDeployment;
    use kube::Resource as _;
    OwnerReference {
        api_version: CompanionDeployment::api_version(&()).into_owned(),
        kind: CompanionDeployment::kind(&()).into_owned(),
        name: identity.name.clone(),
        uid: identity.uid.clone(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Whether a child is of this component.
pub fn is_of(component: Component, labels: &BTreeMap<String, String>) -> bool {
    labels.get(COMPONENT).is_some_and(|label| label == component.name())
}

/// The component that a child's labels name, if it is a Job of ours.
pub fn component_of(labels: &BTreeMap<String, String>) -> Option<Component> {
    [Component::Preflight, Component::Migrate]
        .into_iter()
        .find(|component| is_of(*component, labels))
}
