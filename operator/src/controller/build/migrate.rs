//! The Job that brings the database's schema to what the image needs. It alone, with preflight, gets the URL of the role
//! that owns the schema.

use companion_crds::config::env;
use k8s_openapi::api::batch::v1::Job;

use super::job::{self, Task};
use super::labels::Component;
use super::pod;
use crate::controller::validate::Validated;

/// The phase that keeps what running workers need.
pub const EXPAND: &str = "expand";

/// The Job of one attempt.
pub fn migrate(from: &Validated, config_map: &str, inputs: &str, attempt: u32) -> Job {
    let database = from
        .worker_variables
        .iter()
        .filter(|variable| variable.variable == env::DATABASE_URL);
    job::job(
        from,
        Task {
            component: Component::Migrate,
            inputs,
            attempt,
            args: ["migrate", "--phase", EXPAND, "--config", "/etc/companion/config.yaml"]
                .map(String::from)
                .into(),
            env: database.chain([&from.direct_url]).map(pod::secret_variable).collect(),
            config_map,
            retries: from.spec.migrations.retries,
            deadline: from.spec.migrations.timeout.duration().as_secs().max(1),
        },
    )
}
