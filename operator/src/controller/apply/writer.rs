//! One write at a time: server-side apply of what differs, creation of what is made once, deletion of what is ours.

use std::fmt::Debug;

use companion_crds::CompanionDeployment;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Resource, ResourceExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::{info, warn};

use super::difference;
use crate::api_error::{is_refusal, words};
use crate::context::Context;
use crate::controller::build::labels::{INSTANCE, MANAGED_BY, MANAGER};
use crate::controller::plan::wanted_replicas;
use crate::controller::validate::Identity;
use crate::secret_hash::short;

/// Holds nothing but a Deployment's `replicas`.
const REPLICAS_MANAGER: &str = "companion-operator/replicas";
/// Hash of a child as it was last applied: what was taken out of it since then differs in nothing else.
const APPLIED_ANNOTATION: &str = "companion.dev/applied";

/// A write failed; what comes after it in order was not tried.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// By the API server.
    #[error("failed to {verb} {kind} {name:?}: {}", words(source))]
    Api {
        /// What was tried.
        verb: &'static str,
        /// On what kind of child.
        kind: String,
        /// On which.
        name: String,
        /// Why not.
        source: kube::Error,
    },
    /// A child could not be written as JSON.
    #[error("failed to write a child as JSON")]
    Json(#[from] serde_json::Error),
}

impl Error {
    /// Whether the API server refused a child for what the resource says, so that only an edit helps.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Api { source, .. } if is_refusal(source))
    }
}

/// A kind of child.
pub trait Child:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}
impl<K> Child for K where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + Serialize + DeserializeOwned
{
}

/// Writes the children of one resource, and remembers what came of it.
pub struct Writer<'a> {
    context: &'a Context,
    identity: &'a Identity,
    /// Children that exist already and belong to somebody else.
    pub conflicts: Vec<String>,
    /// Children of a deleted resource of this name, which are still being removed.
    pub leaving: Vec<String>,
    /// Whether anything was written.
    pub changed: bool,
}

/// Whose a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ownership {
    /// By its owner, or kept from an earlier life of a resource of this name.
    Ours,
    /// Of a deleted resource of this name, with which it goes.
    Former,
    /// Somebody else's.
    Foreign,
}

impl<'a> Writer<'a> {
    /// A writer for the children of the resource with `identity`.
    pub fn new(context: &'a Context, identity: &'a Identity) -> Self {
        Self {
            context,
            identity,
            conflicts: Vec::new(),
            leaving: Vec::new(),
            changed: false,
        }
    }

    /// Makes a child be as `wanted` says, if it is not. Gives nothing where the name belongs to somebody else.
    pub async fn ensure<K: Child>(&mut self, live: &[K], wanted: K) -> Result<Option<K>, Error> {
        let name = wanted.name_any();
        let api: Api<K> = Api::namespaced(self.context.client.clone(), &self.identity.namespace);
        let mut body = serde_json::to_value(&wanted)?;
        let hash = short(&[&body.to_string()]);
        body["metadata"]["annotations"][APPLIED_ANNOTATION] = hash.into();

        // Lists go by label: what is not in them may still have the name.
        let listed = live.iter().find(|child| child.name_any() == name).cloned();
        let existing = match listed {
            Some(child) => Some(child),
            None => api.get_opt(&name).await.map_err(failed::<K>("look for", &name))?,
        };
        if let Some(existing) = &existing {
            let others = match ownership(self.identity, existing) {
                Ownership::Ours => None,
                Ownership::Former => Some(&mut self.leaving),
                Ownership::Foreign => Some(&mut self.conflicts),
            };
            if let Some(others) = others {
                others.push(format!("{} {name:?}", K::kind(&())));
                return Ok(None);
            }
            if existing.meta().deletion_timestamp.is_some()
                || !difference::differs(&body, &serde_json::to_value(existing)?)
            {
                return Ok(Some(existing.clone()));
            }
        }
        let parameters = PatchParams::apply(MANAGER).force();
        let applied = match (api.patch(&name, &parameters, &Patch::Apply(&body)).await, &existing) {
            (Err(kube::Error::Api(invalid)), Some(existing)) if invalid.is_invalid() && body["spec"].is_object() => {
                // What the first answer says is wrong is what a reader has to know, should both fail.
                replace(&api, existing, body).await?.map_err(|error| {
                    warn!(%error, kind = %K::kind(&()), name, "failed to replace a child that could not be applied");
                    kube::Error::Api(invalid)
                })
            }
            (applied, _) => applied,
        };
        let applied = applied.map_err(failed::<K>("apply", &name))?;
        self.wrote::<K>("patch", &name);
        Ok(Some(applied))
    }

    /// Makes a child that is never changed. Somebody faster is fine.
    pub async fn create<K: Child>(&mut self, child: K) -> Result<(), Error> {
        let name = child.name_any();
        let api: Api<K> = Api::namespaced(self.context.client.clone(), &self.identity.namespace);
        let parameters = PostParams {
            field_manager: Some(MANAGER.into()),
            ..PostParams::default()
        };
        match api.create(&parameters, &child).await {
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            Err(source) => Err(failed::<K>("create", &name)(source)),
            Ok(_) => {
                self.wrote::<K>("create", &name);
                Ok(())
            }
        }
    }

    /// Sets the number of a Deployment's pods under a field manager of its own.
    pub async fn set_replicas(&mut self, deployment: Deployment, count: u32) -> Result<Deployment, Error> {
        if wanted_replicas(&deployment) == count {
            return Ok(deployment);
        }
        let name = deployment.name_any();
        let api: Api<Deployment> = Api::namespaced(self.context.client.clone(), &self.identity.namespace);
        let body = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": { "name": name },
            "spec": { "replicas": count },
        });
        let parameters = PatchParams::apply(REPLICAS_MANAGER).force();
        let applied = api.patch(&name, &parameters, &Patch::Apply(&body)).await;
        let applied = applied.map_err(failed::<Deployment>("set the number of pods of", &name))?;
        self.wrote::<Deployment>("patch", &name);
        Ok(applied)
    }

    /// Removes those of `children` that are this resource's.
    pub async fn remove<K: Child>(&mut self, children: Vec<&K>) -> Result<(), Error> {
        let api: Api<K> = Api::namespaced(self.context.client.clone(), &self.identity.namespace);
        for child in children {
            if !owns(self.identity, child) || child.meta().deletion_timestamp.is_some() {
                continue;
            }
            let name = child.name_any();
            let parameters = DeleteParams {
                preconditions: Some(Preconditions {
                    uid: child.uid(),
                    resource_version: None,
                }),
                ..DeleteParams::background()
            };
            match api.delete(&name, &parameters).await {
                Err(kube::Error::Api(status)) if status.is_not_found() || status.is_conflict() => {}
                Err(source) => return Err(failed::<K>("delete", &name)(source)),
                Ok(_) => self.wrote::<K>("delete", &name),
            }
        }
        Ok(())
    }

    fn wrote<K: Resource<DynamicType = ()>>(&mut self, verb: &'static str, name: &str) {
        self.changed = true;
        self.context.metrics.wrote(verb);
        info!(verb, kind = %K::kind(&()), name, namespace = self.identity.namespace, "wrote a child");
    }
}

fn owns<K: Resource>(identity: &Identity, child: &K) -> bool {
    child.owner_references().iter().any(|owner| owner.uid == identity.uid)
}

fn ownership<K: Resource>(identity: &Identity, child: &K) -> Ownership {
    let label = |name: &str| child.labels().get(name).map(String::as_str);
    let owners = child.owner_references();
    let controller = owners.iter().find(|owner| owner.controller == Some(true));
    if owns(identity, child) {
        return Ownership::Ours;
    }
    match controller {
        Some(owner) if owner.kind == CompanionDeployment::kind(&()) && owner.name == identity.name => Ownership::Former,
        None if label(MANAGED_BY) == Some(MANAGER) && label(INSTANCE) == Some(&identity.name) => Ownership::Ours,
        _ => Ownership::Foreign,
    }
}

/// Puts a child back that somebody gave a field which excludes one of ours, such as another kind of probe: server-side
/// apply would leave both, which is invalid. Metadata and the number of workers, which are others' too, stay.
async fn replace<K: Child>(api: &Api<K>, existing: &K, wanted: Value) -> Result<kube::Result<K>, serde_json::Error> {
    let mut body = serde_json::to_value(existing)?;
    let replicas = body["spec"]["replicas"].take();
    body["spec"] = wanted["spec"].clone();
    if !replicas.is_null() && body["spec"]["replicas"].is_null() {
        body["spec"]["replicas"] = replicas;
    }
    let body: K = serde_json::from_value(body)?;
    let parameters = PostParams {
        field_manager: Some(MANAGER.into()),
        ..PostParams::default()
    };
    Ok(api.replace(&existing.name_any(), &parameters, &body).await)
}

fn failed<K: Resource<DynamicType = ()>>(verb: &'static str, name: &str) -> impl FnOnce(kube::Error) -> Error {
    let name = name.to_owned();
    move |source| Error::Api {
        verb,
        kind: K::kind(&()).into_owned(),
        name,
        source,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;

    use super::*;

    #[test]
    fn a_child_of_a_deleted_resource_of_the_same_name_is_waited_for_and_no_conflict() {
        let identity = Identity {
            name: "demo".into(),
            namespace: "chat".into(),
            uid: "new".into(),
        };
        let owner = |kind: &str, name: &str, uid: &str| json!([{ "apiVersion": "companion.dev/v1alpha1", "kind": kind, "name": name, "uid": uid, "controller": true }]);
        let ours = json!({ MANAGED_BY: MANAGER, INSTANCE: "demo" });
        let table = [
            (owner("CompanionDeployment", "demo", "new"), json!({}), Ownership::Ours),
            (
                owner("CompanionDeployment", "demo", "old"),
                ours.clone(),
                Ownership::Former,
            ),
            (
                owner("CompanionDeployment", "other", "old"),
                ours.clone(),
                Ownership::Foreign,
            ),
            (owner("Website", "demo", "old"), ours.clone(), Ownership::Foreign),
            (json!([]), ours, Ownership::Ours),
            (json!([]), json!({ INSTANCE: "demo" }), Ownership::Foreign),
        ];
        for (owners, labels, expected) in table {
            let metadata = json!({ "name": "demo", "ownerReferences": owners, "labels": labels });
            let child: Service = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
            assert_eq!(ownership(&identity, &child), expected, "{metadata}");
        }
    }
}
