//! How many workers run, where, with what, and how they are replaced.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Toleration;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Span;

/// A Secret for pulling images, in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PullSecret {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[schemars(extend("x-kubernetes-validations" = crate::text::object_name()))]
    pub name: String,
}

/// Workers follow the load, by a HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minReplicas <= self.maxReplicas")
    .message("autoscaling.minReplicas must not be greater than autoscaling.maxReplicas"))]
pub struct Autoscaling {
    /// Fewest workers.
    #[serde(default = "default_min")]
    #[schemars(range(min = 1, max = 1000))]
    pub min_replicas: u32,
    /// Most workers. Lowered to what the database's connections allow; the condition ConnectionsFit says so.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: u32,
    /// Mean CPU use to aim for, in percent of the request.
    #[serde(rename = "targetCPUUtilization", default = "default_cpu")]
    #[schemars(range(min = 1, max = 100))]
    pub target_cpu_utilization: u32,
    /// How long the load must be low before workers go.
    #[serde(default = "default_stabilization")]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+(ms|s|m|h)$') && duration(self) <= duration('1h')").message("autoscaling.scaleDownStabilization must be at most 1h"))]
    pub scale_down_stabilization: Span,
}

fn default_min() -> u32 {
    1
}

fn default_cpu() -> u32 {
    70
}

fn default_stabilization() -> Span {
    Span::seconds(300)
}

/// How new workers replace old ones. None is taken away before its successor serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollout {
    /// Workers above the wanted number during a rollout. They count in the connection budget.
    #[schemars(range(min = 1, max = 100))]
    pub max_surge: u32,
}

impl Default for Rollout {
    fn default() -> Self {
        Self { max_surge: 1 }
    }
}

// Amounts are taken by index: of a field of a map the API server knows no length, and it would refuse the rule as too costly.
/// What one worker asks of its node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.requests.cpu) && has(self.requests.memory)")
        .message("resources.requests needs cpu and memory"),
    validation = Rule::new("has(self.limits.memory)").message("resources.limits needs memory"),
    validation = Rule::new("!has(self.limits.memory) || isQuantity(self.limits['memory']) && quantity(self.limits['memory']).compareTo(quantity('256Mi')) >= 0")
        .message("resources.limits.memory must be at least 256Mi: the embedding model takes part of it"),
    validation = Rule::new("!has(self.limits.memory) || !has(self.requests.memory) || quantity(self.limits['memory']).compareTo(quantity(self.requests['memory'])) >= 0")
        .message("resources.limits.memory must be at least resources.requests.memory, which is 512Mi unless it is set"),
    validation = Rule::new("!has(self.limits.cpu) || !has(self.requests.cpu) || quantity(self.limits['cpu']).compareTo(quantity(self.requests['cpu'])) >= 0")
        .message("resources.limits.cpu must be at least resources.requests.cpu, which is 1 unless it is set"),
)]
pub struct Resources {
    /// What it is sure to get: `cpu` and `memory`.
    #[serde(default = "default_requests")]
    #[schemars(schema_with = "crate::text::quantities")]
    pub requests: BTreeMap<String, String>,
    /// What it may not pass: `memory`, and `cpu` if wanted.
    #[serde(default = "default_limits")]
    #[schemars(schema_with = "crate::text::quantities")]
    pub limits: BTreeMap<String, String>,
}

impl Default for Resources {
    fn default() -> Self {
        Self {
            requests: default_requests(),
            limits: default_limits(),
        }
    }
}

fn default_requests() -> BTreeMap<String, String> {
    // The local embedder keeps one core busy for some 10 ms a message.
    [("cpu", "1"), ("memory", "512Mi")]
        .map(|(name, amount)| (name.to_owned(), amount.to_owned()))
        .into()
}

fn default_limits() -> BTreeMap<String, String> {
    [("memory".to_owned(), "1Gi".to_owned())].into()
}

/// Which nodes workers run on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Scheduling {
    /// Labels that a node must have.
    #[schemars(extend("maxProperties" = 32))]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that workers stand.
    #[schemars(length(max = 32))]
    pub tolerations: Vec<Toleration>,
    /// What workers are spread over.
    pub topology_spread: TopologySpread,
    /// Their priority class; empty for the cluster's default.
    #[schemars(length(max = 253))]
    #[schemars(extend("x-kubernetes-validations" = crate::text::object_name()))]
    pub priority_class_name: String,
}

/// What workers are spread over, as evenly as the cluster allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TopologySpread {
    /// Zones, and nodes within them.
    #[default]
    Zone,
    /// Nodes.
    Node,
    /// Nothing.
    None,
}

/// When and how the schema changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Migrations {
    /// `Manual` waits for the annotation `companion.dev/approve-migration` to name the image.
    pub approval: Approval,
    /// Longest time of one attempt.
    #[schemars(extend("x-kubernetes-validations" = crate::text::longer_than_zero("migrations.timeout")))]
    pub timeout: Span,
    /// Tries within one attempt. A failed attempt is followed by another after 1, 2, 4 ... 30 minutes.
    #[schemars(range(min = 0, max = 10))]
    pub retries: u32,
}

impl Default for Migrations {
    fn default() -> Self {
        Self {
            approval: Approval::Automatic,
            timeout: Span::seconds(900),
            retries: 3,
        }
    }
}

/// Who starts a migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Approval {
    /// The operator, as soon as preflight has passed.
    #[default]
    Automatic,
    /// A person, by annotation.
    Manual,
}

/// What becomes of managed storage and its passwords when the resource is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// They stay, and a resource of the same name finds them again.
    #[default]
    Retain,
    /// They go with the resource.
    Delete,
}
