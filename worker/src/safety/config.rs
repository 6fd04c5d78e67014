//! What a deployment's settings say of safety, put together once.

use companion_crds::config::WorkerConfig;
use companion_crds::content::{Adult, OutputGuard};

use super::course::Policy;

/// The policy of `config`.
pub fn policy(config: &WorkerConfig) -> Policy {
    let routes = &config.llm.routes;
    Policy {
        adult: config.content.adult == Adult::AgeVerified,
        romance: routes.romance.is_some(),
        explicit: routes.explicit.is_some(),
        fetish: routes.fetish.is_some(),
        lock: config.sessions.route_lock_messages,
    }
}

/// Whether replies are read as they come.
pub fn guarded(config: &WorkerConfig) -> bool {
    config.content.output_guard == OutputGuard::Enabled
}
