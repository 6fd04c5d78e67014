//! The Kubernetes side of the harness: a client, namespaces that go with their test, waiting for a condition of an
//! object, and asking the API server whether it would take one.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, ValidationDirective};
use kube::core::Status;
use kube::discovery::{ApiResource, Scope};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::diagnosis::diagnose;

/// The field manager of what tests write.
pub const MANAGER: &str = "companion-tests";

/// Deletes at once, as a lost node or an impatient person would.
pub fn at_once() -> DeleteParams {
    DeleteParams::default().grace_period(0)
}

/// A client of the test cluster.
pub async fn client() -> Client {
    crate::install_tls();
    crate::environment::required("KUBECONFIG");
    Client::try_default()
        .await
        .expect("KUBECONFIG leads to the test cluster")
}

/// Runs a test in a namespace of its own, which goes with it. A test that fails first shows what was in it.
pub async fn with_temp_ns<F, Fut>(test: F)
where
    F: FnOnce(Client, String) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let client = client().await;
    let namespace = crate::unique("companion-test");
    create_namespace(&client, &namespace).await;
    within_ns(&client, &namespace, test(client.clone(), namespace.clone())).await;
    delete_namespace(&client, &namespace).await;
}

/// Runs a test in a namespace that exists. One that fails first shows what was in it; the namespace is left to look at
/// where KEEP is set, and to the cluster's end otherwise.
pub async fn within_ns(client: &Client, namespace: &str, test: impl Future<Output = ()> + Send + 'static) {
    let Err(failure) = tokio::spawn(test).await else { return };
    diagnose(client, namespace).await;
    if std::env::var_os("KEEP").is_none() && namespace.starts_with("companion-test-") {
        delete_namespace(client, namespace).await;
    }
    std::panic::resume_unwind(failure.into_panic());
}

/// Makes a namespace that holds its pods to the strictest of Kubernetes' standards: what the operator makes must pass.
pub async fn create_namespace(client: &Client, name: &str) {
    let namespace = json!({
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } }
    });
    Api::<Namespace>::all(client.clone())
        .patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(namespace))
        .await
        .unwrap_or_else(|error| panic!("namespace {name}: {error}"));
}

/// Removes a namespace with all that is in it, and does not wait.
pub async fn delete_namespace(client: &Client, name: &str) {
    if let Err(error) = Api::<Namespace>::all(client.clone())
        .delete(name, &DeleteParams::background())
        .await
    {
        println!("namespace {name} could not be deleted: {error}");
    }
}

/// Waits until `holds` is true of the object called `name` (`None`: there is none) and gives it as it was then.
pub async fn await_condition<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    within: Duration,
    holds: impl Fn(Option<&K>) -> bool + Clone,
) -> Option<K>
where
    K: Resource + Clone + Debug + Send + DeserializeOwned + 'static,
{
    let seen = tokio::time::timeout(within, async {
        loop {
            match kube::runtime::wait::await_condition(api.clone(), name, holds.clone()).await {
                Ok(seen) => break seen,
                Err(error) => println!("{name}: watching again after {error}"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    })
    .await;
    match seen {
        Ok(seen) => seen,
        Err(_) => {
            let last = api.get_opt(name).await;
            panic!("{name}: {what}: not so within {within:?}; last seen: {last:#?}");
        }
    }
}

/// Waits until there is no object called `name`.
pub async fn await_gone<K>(api: &Api<K>, name: &str, within: Duration)
where
    K: Resource + Clone + Debug + Send + DeserializeOwned + 'static,
{
    await_condition(api, name, "gone", within, |object: Option<&K>| object.is_none()).await;
}

/// Applies any object in `namespace`, as the last writer.
pub async fn apply(client: &Client, namespace: &str, object: Value) -> DynamicObject {
    submit(client, namespace, object.clone(), false)
        .await
        .unwrap_or_else(|refusal| panic!("the API server refuses {object:#}: {}", refusal.message))
}

/// The API server would take this object.
pub async fn accepts(client: &Client, namespace: &str, object: Value) {
    if let Err(refusal) = submit(client, namespace, object.clone(), true).await {
        panic!("the API server must accept {object:#}: {}", refusal.message);
    }
}

/// The API server would refuse this object, and gives this message.
pub async fn rejects(client: &Client, namespace: &str, object: Value) -> String {
    match submit(client, namespace, object.clone(), true).await {
        Ok(_) => panic!("the API server must refuse {object:#}"),
        Err(refusal) => refusal.message,
    }
}

/// Server-side apply of any object; unknown fields are errors, as they are for kubectl.
async fn submit(client: &Client, namespace: &str, object: Value, dry_run: bool) -> Result<DynamicObject, Box<Status>> {
    let mut object: DynamicObject =
        serde_json::from_value(object).expect("an object has apiVersion, kind and metadata");
    let types = object.types.clone().expect("an object has apiVersion and kind");
    let kind = (&types).try_into().expect("apiVersion is group/version");
    let (resource, capabilities) = kube::discovery::pinned_kind(client, &kind)
        .await
        .unwrap_or_else(|error| panic!("the API server serves no {types:?}: {error}"));
    let api = match capabilities.scope {
        Scope::Cluster => Api::all_with(client.clone(), &resource),
        Scope::Namespaced => {
            object.metadata.namespace = Some(namespace.to_owned());
            Api::namespaced_with(client.clone(), namespace, &resource)
        }
    };
    let mut how = PatchParams::apply(MANAGER).force();
    how.dry_run = dry_run;
    how.field_validation = Some(ValidationDirective::Strict);
    match api.patch(&object.name_any(), &how, &Patch::Apply(&object)).await {
        Ok(object) => Ok(object),
        Err(kube::Error::Api(refusal)) => Err(refusal),
        Err(error) => panic!("{types:?} {}: {error}", object.name_any()),
    }
}

/// Makes an object of a known kind that must not be there yet.
pub async fn create<K>(api: &Api<K>, object: Value) -> K
where
    K: Resource + Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let object: K = serde_json::from_value(object).expect("the object has its kind's form");
    api.create(&PostParams::default(), &object)
        .await
        .unwrap_or_else(|error| panic!("creating an object: {error}"))
}

/// Every object of a kind in a namespace, without its Rust type.
pub fn untyped(client: &Client, namespace: &str, group: &str, version: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(group, version, kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
}
