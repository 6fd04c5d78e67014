//! Who works on what comes after replies: facts to remember, vectors, summaries.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who works on jobs, and how many pods do nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.mode == 'Separate' || self.replicas == 1")
    .message("jobs.replicas counts only with jobs.mode Separate: with InWorkers every worker takes jobs on"))]
pub struct Jobs {
    /// Who works on them.
    #[serde(default)]
    pub mode: JobsMode,
    /// Pods that do nothing else, with `Separate`. They count in the connection budget.
    #[serde(default = "default_replicas")]
    #[schemars(range(min = 1, max = 100))]
    pub replicas: u32,
}

impl Jobs {
    /// Pods that are to do nothing but jobs.
    pub const fn pods(self) -> u32 {
        match self.mode {
            JobsMode::InWorkers => 0,
            JobsMode::Separate => self.replicas,
        }
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            mode: JobsMode::InWorkers,
            replicas: default_replicas(),
        }
    }
}

fn default_replicas() -> u32 {
    1
}

/// Who works on jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum JobsMode {
    /// Every worker, beside its turns.
    #[default]
    InWorkers,
    /// Pods of a Deployment of their own; workers leave jobs to them.
    Separate,
}
