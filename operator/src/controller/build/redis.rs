//! Managed Redis: one instance with an append-only file. Its memory is bounded below the container's, and nothing is
//! evicted: sessions and limits expire by themselves.

use companion_crds::redis::ManagedRedis;
use k8s_openapi::api::core::v1::EnvVar;

use super::labels::Component;
use super::pod;
use super::server::{self, Kind, Server};
use crate::controller::plan::ServerPlan;
use crate::controller::validate::{SecretVariable, Validated, redis_secret};
use crate::quantity;

/// Key of the password in its Secret.
pub const PASSWORD_KEY: &str = "password";
/// Part of the container's memory that data may take; the rest is for its copy on write and its buffers.
const DATA_PERCENT: u64 = 60;

/// The children of managed Redis.
pub fn redis(from: &Validated, plan: &ServerPlan, wish: &ManagedRedis) -> Server {
    let max_memory = quantity::bytes(&wish.memory).unwrap_or_default() / 100 * DATA_PERCENT;
    let password = SecretVariable {
        variable: "REDIS_PASSWORD".into(),
        secret: redis_secret(&from.identity.name),
        key: PASSWORD_KEY.into(),
    };
    server::server(
        from,
        Kind {
            component: Component::Redis,
            plan,
            port: 6379,
            start: include_str!("scripts/redis.sh"),
            ready: include_str!("scripts/redis-ready.sh"),
            env: vec![
                pod::secret_variable(&password),
                EnvVar {
                    name: "REDIS_MAXMEMORY".into(),
                    value: Some(max_memory.to_string()),
                    value_from: None,
                },
            ],
            resources: pod::resources(
                &pod::amounts([("cpu", "50m"), ("memory", &wish.memory)]),
                &pod::amounts([("memory", &wish.memory)]),
            ),
            storage: &wish.storage,
            data: "/data",
            scratch: &[("run", "/run/redis", "1Mi")],
        },
    )
}
