//! The Job that looks at the configuration, the database and Redis before anything depends on them.

use k8s_openapi::api::batch::v1::Job;

use super::job::{self, Task};
use super::labels::Component;
use super::pod;
use crate::controller::validate::Validated;

/// Pulling the image counts, too.
const DEADLINE_SECONDS: u64 = 300;

/// The Job of one attempt.
pub fn preflight(from: &Validated, config_map: &str, inputs: &str, attempt: u32) -> Job {
    let variables = from.worker_variables.iter().chain([&from.direct_url]);
    job::job(
        from,
        Task {
            component: Component::Preflight,
            inputs,
            attempt,
            args: ["preflight", "--config", "/etc/companion/config.yaml"]
                .map(String::from)
                .into(),
            env: variables.map(pod::secret_variable).collect(),
            config_map,
            retries: 0,
            deadline: DEADLINE_SECONDS,
        },
    )
}
