//! `CompanionDeployment`: the one resource a platform team applies. Its spec is put together here from one file per
//! concern, with the rules that span several of them.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::auth::Auth;
use crate::content::Content;
use crate::database::Database;
use crate::jobs::Jobs;
use crate::llm::Llm;
use crate::memory::{Embeddings, Memory, Sessions};
use crate::redis::Redis;
use crate::serving::{Cache, ChatPage, Drain, Limits, OnDisconnect};
use crate::status::CompanionDeploymentStatus;
use crate::telemetry::Telemetry;
use crate::workload::{Autoscaling, DeletionPolicy, Migrations, PullSecret, Resources, Rollout, Scheduling};

/// The rule for a reference to an image: host and port, path, tag, digest, all but the path optional.
const IMAGE: &str = r"self.matches('^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?(:[0-9]+)?/|[[][0-9a-fA-F:]+[]](:[0-9]+)?/)?[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][-A-Za-z0-9_.]*)?(@[a-z0-9]+:[0-9a-f]+)?$')";

/// A pool of chat workers and everything it needs.
#[derive(Clone, Debug, PartialEq, CustomResource, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "companion.dev",
    version = "v1alpha1",
    kind = "CompanionDeployment",
    plural = "companiondeployments",
    shortname = "cdep",
    category = "companion",
    namespaced,
    status = "CompanionDeploymentStatus",
    derive = "PartialEq",
    annotation("helm.sh/resource-policy", "keep"),
    doc = "A pool of chat workers and everything it needs: database schema, Redis, connection budget, autoscaling.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Workers", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Wanted", type_ = "integer", json_path = ".status.replicas", priority = "1"),
    printcolumn(name = "Schema", type_ = "integer", json_path = ".status.schemaVersion", priority = "1"),
    printcolumn(name = "Pool", type_ = "integer", json_path = ".status.connections.perWorker", priority = "1"),
    printcolumn(name = "Image", type_ = "string", json_path = ".status.image", priority = "1"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].message", priority = "1"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.size() <= 40 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be at most 40 lower-case letters, digits and dashes, and begin with a letter: services are named after it")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!(has(self.replicas) && has(self.autoscaling))")
        .message("set replicas or autoscaling, not both: the autoscaler owns the number"),
    validation = Rule::new("[self.drain.gracePeriod, self.llm.timeouts.turn].all(span, span.matches('^[0-9]+(ms|s|m|h)$')) && duration(self.drain.gracePeriod) >= duration(self.llm.timeouts.turn) + duration('10s')")
        .message("drain.gracePeriod must be at least llm.timeouts.turn plus 10s, or streams are cut when a worker stops"),
    validation = Rule::new("has(self.database.managed) == has(oldSelf.database.managed)")
        .message("database cannot change between managed and external: make a new resource and move the data"),
    validation = Rule::new("has(self.tenant) == has(oldSelf.tenant) && (!has(self.tenant) || self.tenant == oldSelf.tenant)")
        .message("tenant cannot be changed: it is part of every user's identity"),
    validation = Rule::new("self.environment != 'Production' || !has(self.auth.cors) || !has(self.auth.cors.origins) || !('*' in self.auth.cors.origins)")
        .message("auth.cors.origins: Production takes no *: name the origins of your pages"),
    validation = Rule::new("self.environment != 'Production' || !has(self.chatPage) || self.chatPage == 'Disabled'")
        .message("chatPage: Production takes no page for trying things out: leave it Disabled"),
    validation = Rule::new("self.environment != 'Production' || !has(self.content) || !has(self.content.outputGuard) || self.content.outputGuard == 'Enabled'")
        .message("content.outputGuard: Production takes no unguarded replies: leave it Enabled"),
    validation = Rule::new("!has(self.content) || !has(self.content.adult) || self.content.adult == 'Disabled' || has(self.llm.routes.explicit) || has(self.llm.routes.fetish)")
        .message("content.adult: AgeVerified needs llm.routes.explicit or llm.routes.fetish: no other route answers adult messages"),
)]
pub struct CompanionDeploymentSpec {
    /// Production refuses unsafe settings.
    #[serde(default)]
    pub environment: Environment,
    /// The worker's image, best by digest. Default: the operator's own release when the resource was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    #[x_kube(validation = Rule::new(IMAGE).message("image must be a reference such as registry.example/companion-worker:1.2, or one with @sha256:..."))]
    pub image: Option<String>,
    /// Secrets for pulling images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub image_pull_secrets: Vec<PullSecret>,
    /// A fixed number of workers. Default: 1, unless `autoscaling` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<u32>,
    /// Workers that follow the load, instead of `replicas`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,
    /// How new workers replace old ones.
    #[serde(default)]
    pub rollout: Rollout,
    /// What one worker asks of its node.
    #[serde(default)]
    pub resources: Resources,
    /// Which nodes workers run on.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// A ServiceAccount that exists already. Default: one made for this resource, without a token.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    #[schemars(extend("x-kubernetes-validations" = crate::text::object_name()))]
    pub service_account_name: String,
    /// Separates users on a shared database or Redis. Default: `namespace/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), pattern("^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$"))]
    pub tenant: Option<String>,
    /// Long-term memory.
    pub database: Database,
    /// Sessions, limits and stream replay.
    pub redis: Redis,
    /// When and how the schema changes.
    #[serde(default)]
    pub migrations: Migrations,
    /// What becomes of managed storage when the resource is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// Which models answer.
    pub llm: Llm,
    /// The model that makes memories searchable.
    #[serde(default)]
    pub embeddings: Embeddings,
    /// Who may chat.
    pub auth: Auth,
    /// What may be said.
    #[serde(default)]
    pub content: Content,
    /// What is remembered and recalled.
    #[serde(default)]
    pub memory: Memory,
    /// The recent conversation in Redis.
    #[serde(default)]
    pub sessions: Sessions,
    /// Replies that are made once for everybody who asks the same.
    #[serde(default)]
    pub cache: Cache,
    /// Bounds on what is asked of the service.
    #[serde(default)]
    pub limits: Limits,
    /// Who works on what comes after replies.
    #[serde(default)]
    pub jobs: Jobs,
    /// How a worker goes.
    #[serde(default)]
    pub drain: Drain,
    /// What becomes of a turn on the companion API whose client goes away.
    #[serde(default)]
    pub on_disconnect: OnDisconnect,
    /// A small page to chat with in a browser.
    #[serde(default)]
    pub chat_page: ChatPage,
    /// Where traces go.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// Stops the workers and starts no new Job; one at work ends. Data and settings stay.
    #[serde(default)]
    pub suspend: bool,
}

/// What kind of use a deployment is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Environment {
    /// Refuses unsafe settings.
    #[default]
    Production,
    /// For trying things out.
    Development,
}
