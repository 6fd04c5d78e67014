//! `CompanionDeployment`s for tests. A `Blueprint` says what will be applied, with its Secrets; a `Companion` is one that
//! is in the cluster, with its children, its conditions and the way to chat with it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use companion_crds::CompanionDeployment;
use companion_crds::config::WorkerConfig;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{Api, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::{ApiResource, NamespaceResourceScope};
use kube::{Client, Resource, ResourceExt};
use serde_json::{Value, json};

use crate::chat::http;
use crate::eventually::ensure;
use crate::kube::{MANAGER, apply, await_condition};
use crate::{Chat, Issuer, TestDatabase, environment, eventually, merge};

/// From applying to Ready, with everything managed, on a small busy machine.
pub const READY: Duration = Duration::from_secs(240);

/// A resource and its Secrets, before they are applied.
#[derive(Clone)]
pub struct Blueprint {
    name: String,
    spec: Value,
    secrets: BTreeMap<String, BTreeMap<String, String>>,
    issuer: Issuer,
}

impl Blueprint {
    /// One small worker with the simulated model, the test's own database and the shared Redis.
    pub fn external(name: &str, database: &TestDatabase) -> Self {
        let spec = json!({
            "database": {
                "external": {
                    "urlSecretRef": { "name": "database", "key": "url" },
                    "directUrlSecretRef": { "name": "database", "key": "direct" },
                },
                "maxConnections": 60,
            },
            "redis": { "external": { "urlSecretRef": { "name": "redis", "key": "url" } } },
        });
        Self::new(name, spec)
            .secret("database", "url", &database.worker_url)
            .secret("database", "direct", &database.owner_url)
            .secret("redis", "url", &environment::required("COMPANION_TEST_REDIS_URL"))
    }

    /// One small worker with the simulated model, and PostgreSQL and Redis run by the operator.
    pub fn managed(name: &str) -> Self {
        let spec = json!({
            "database": { "managed": { "storage": "1Gi" } },
            "redis": { "managed": { "memory": "128Mi", "storage": "1Gi" } },
        });
        Self::new(name, spec)
    }

    fn new(name: &str, parts: Value) -> Self {
        let issuer = Issuer::new();
        let spec = json!({
            "environment": "Development",
            "replicas": 1,
            "resources": { "requests": { "cpu": "100m", "memory": "256Mi" }, "limits": { "memory": "512Mi" } },
            "migrations": { "retries": 0, "timeout": "2m" },
            "llm": {
                "providers": [{ "name": "demo", "simulated": {} }],
                "routes": { "normal": { "provider": "demo", "model": "demo" } },
                "timeouts": { "turn": "30s" },
            },
            "auth": { "jwt": {
                "issuer": issuer.issuer, "audience": issuer.audience,
                "hs256SecretRef": { "name": "jwt", "key": "secret" },
            } },
            "limits": { "perUserPerMinute": 100_000, "perIPPerMinute": 100_000 },
            "drain": { "gracePeriod": "40s" },
        });
        let blueprint = Self {
            name: name.to_owned(),
            spec,
            secrets: BTreeMap::new(),
            issuer: issuer.clone(),
        };
        blueprint.with(parts).secret("jwt", "secret", &issuer.secret)
    }

    /// The same with a change to its spec, as a JSON merge patch.
    pub fn with(mut self, change: Value) -> Self {
        merge(&mut self.spec, change);
        self
    }

    /// The same with a value in a Secret.
    pub fn secret(mut self, name: &str, key: &str, value: &str) -> Self {
        self.secrets
            .entry(name.to_owned())
            .or_default()
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// The same without a Secret that it names.
    pub fn without_secret(mut self, name: &str) -> Self {
        self.secrets.remove(name);
        self
    }

    /// The Secret called `name` as it would be applied.
    pub fn secret_object(&self, name: &str) -> Value {
        json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "name": name }, "stringData": self.secrets[name],
        })
    }

    /// The resource as it would be applied.
    pub fn object(&self) -> Value {
        json!({
            "apiVersion": "companion.dev/v1alpha1", "kind": "CompanionDeployment",
            "metadata": { "name": self.name }, "spec": self.spec,
        })
    }

    /// Applies the Secrets and the resource.
    pub async fn apply(&self, client: &Client, namespace: &str) -> Companion {
        for name in self.secrets.keys() {
            apply(client, namespace, self.secret_object(name)).await;
        }
        apply(client, namespace, self.object()).await;
        Companion::new(client, namespace, &self.name, self.issuer.clone())
    }
}

/// A `CompanionDeployment` in the cluster.
#[derive(Clone)]
pub struct Companion {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Signs the tokens it believes.
    pub issuer: Issuer,
    client: Client,
    since: Instant,
}

impl Companion {
    /// One that was applied, by whomever.
    pub fn new(client: &Client, namespace: &str, name: &str, issuer: Issuer) -> Self {
        Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            issuer,
            client: client.clone(),
            since: Instant::now(),
        }
    }

    /// Objects of any kind in its namespace.
    pub fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = NamespaceResourceScope>,
        K::DynamicType: Default,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Label selector of all that belongs to it, or of one component.
    pub fn selector(&self, component: Option<&str>) -> String {
        let all = format!(
            "app.kubernetes.io/name=companion,app.kubernetes.io/instance={}",
            self.name
        );
        component.map_or(all.clone(), |component| {
            format!("{all},app.kubernetes.io/component={component}")
        })
    }

    /// The resource as it is now.
    pub async fn resource(&self) -> CompanionDeployment {
        self.api()
            .get(&self.name)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Edits the spec, as a JSON merge patch.
    pub async fn edit(&self, change: Value) {
        self.patch(json!({ "spec": change })).await;
    }

    /// Sets an annotation on the resource.
    pub async fn annotate(&self, name: &str, value: &str) {
        self.patch(json!({ "metadata": { "annotations": { name: value } } }))
            .await;
    }

    async fn patch(&self, change: Value) {
        let resource = ApiResource::erase::<CompanionDeployment>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        api.patch(
            &self.name,
            &PatchParams {
                field_manager: Some(MANAGER.into()),
                ..Default::default()
            },
            &Patch::Merge(change),
        )
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// `kubectl scale`.
    pub async fn scale(&self, replicas: u32) {
        let change = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        self.api::<CompanionDeployment>()
            .patch_scale(&self.name, &PatchParams::default(), &change)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Waits until the status is about the present spec and `holds` is true of the resource.
    pub async fn await_state(
        &self,
        what: &str,
        within: Duration,
        holds: impl Fn(&CompanionDeployment) -> bool + Clone,
    ) -> CompanionDeployment {
        let current = move |resource: Option<&CompanionDeployment>| {
            resource.is_some_and(|resource| {
                let observed = resource.status.as_ref().and_then(|status| status.observed_generation);
                observed == resource.metadata.generation && holds(resource)
            })
        };
        await_condition(&self.api(), &self.name, what, within, current)
            .await
            .expect("it is there")
    }

    /// Waits until a condition has this status.
    pub async fn await_status(&self, kind: &str, status: &str, within: Duration) -> Condition {
        let (wanted, what) = (status.to_owned(), format!("{kind}={status}"));
        let (of, resource_kind) = (kind.to_owned(), kind.to_owned());
        let resource = self
            .await_state(&what, within, move |resource| {
                condition(resource, &of).is_some_and(|found| found.status == wanted)
            })
            .await;
        condition(&resource, &resource_kind).expect("it was just seen")
    }

    /// Waits until it is Ready, and says how long that took.
    pub async fn await_ready(&self) -> CompanionDeployment {
        self.await_status("Ready", "True", READY).await;
        println!(
            "{}/{} was Ready after {:.1} s",
            self.namespace,
            self.name,
            self.since.elapsed().as_secs_f32()
        );
        self.resource().await
    }

    /// The Deployment of its workers.
    pub async fn deployment(&self) -> Deployment {
        self.api()
            .get(&self.name)
            .await
            .unwrap_or_else(|error| panic!("deployment {}: {error}", self.name))
    }

    /// Waits until its Deployment asks for so many workers.
    pub async fn await_replicas(&self, replicas: i32, within: Duration) {
        let wanted = move |deployment: Option<&Deployment>| deployment.and_then(wanted_replicas) == Some(replicas);
        await_condition(
            &self.api(),
            &self.name,
            &format!("{replicas} workers are asked for"),
            within,
            wanted,
        )
        .await;
    }

    /// Waits until exactly so many workers serve, and gives their pods.
    pub async fn await_workers(&self, count: usize, within: Duration) -> Vec<Pod> {
        eventually(&format!("{count} serving workers"), within, || async {
            let pods = self.workers().await;
            let names: Vec<_> = pods.iter().map(ResourceExt::name_any).collect();
            ensure(pods.len() == count, || format!("{names:?}"))?;
            Ok(pods)
        })
        .await
    }

    /// Pods of workers that serve.
    pub async fn workers(&self) -> Vec<Pod> {
        self.ready_pods("worker").await
    }

    /// Pods of one component that are ready and not going.
    pub async fn ready_pods(&self, component: &str) -> Vec<Pod> {
        let list = self
            .api::<Pod>()
            .list(&ListParams::default().labels(&self.selector(Some(component))))
            .await;
        list.expect("pods can be listed")
            .into_iter()
            .filter(is_serving)
            .collect()
    }

    /// The configuration that its workers were given.
    pub async fn config(&self) -> WorkerConfig {
        self.config_of(&self.deployment().await).await
    }

    /// Where its Service is reached from this machine.
    pub async fn url(&self) -> String {
        let service: Service = self
            .api()
            .get(&self.name)
            .await
            .unwrap_or_else(|error| panic!("service {}: {error}", self.name));
        let address = service.spec.and_then(|spec| spec.cluster_ip).expect("a cluster IP");
        format!("http://{address}:80")
    }

    /// The whole service as this user sees it.
    pub async fn chat(&self, user: &str) -> Chat {
        Chat::new(self.url().await, self.issuer.token(user))
    }

    /// One worker as this user sees it.
    pub fn chat_with(&self, pod: &Pod, user: &str) -> Chat {
        Chat::new(format!("http://{}:8080", address(pod)), self.issuer.token(user))
    }

    /// The configuration that pods of this Deployment are given.
    pub async fn config_of(&self, deployment: &Deployment) -> WorkerConfig {
        let template = deployment.spec.as_ref().and_then(|spec| spec.template.spec.clone());
        let volumes = template.expect("a pod template").volumes.unwrap_or_default();
        let name = volumes
            .into_iter()
            .find_map(|volume| volume.config_map)
            .expect("a volume with the configuration")
            .name;
        let map: ConfigMap = self
            .api()
            .get(&name)
            .await
            .unwrap_or_else(|error| panic!("configmap {name}: {error}"));
        let text = map
            .data
            .and_then(|mut data| data.remove("config.yaml"))
            .expect("key config.yaml");
        serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("configmap {name}: {error}\n{text}"))
    }
}

/// The address of a pod that runs.
pub fn address(pod: &Pod) -> String {
    let status = pod.status.as_ref();
    status
        .and_then(|status| status.pod_ip.clone())
        .expect("a pod that runs has an address")
}

/// What a worker's pod tells of itself.
pub async fn metrics(pod: &Pod) -> String {
    let url = format!("http://{}:9090/metrics", address(pod));
    let answer = http().get(&url).send().await;
    let answer = answer.unwrap_or_else(|error| panic!("{url}: {error:?}"));
    answer.text().await.expect("metrics are text")
}

/// The condition of this type.
pub fn condition(resource: &CompanionDeployment, kind: &str) -> Option<Condition> {
    resource
        .status
        .as_ref()?
        .conditions
        .iter()
        .find(|condition| condition.type_ == kind)
        .cloned()
}

/// How many workers a Deployment asks for.
pub fn wanted_replicas(deployment: &Deployment) -> Option<i32> {
    deployment.spec.as_ref()?.replicas
}

fn is_serving(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|list| list.iter().any(|one| one.type_ == "Ready" && one.status == "True"));
    ready && pod.metadata.deletion_timestamp.is_none()
}
