//! The harness of every test that needs real parts: Kubernetes, PostgreSQL, Redis, a worker process. The language model
//! is the one part that is simulated, by a stub that speaks the OpenAI API and can misbehave on demand.
//!
//! A test says what it needs through these modules and leaves nothing behind: namespaces and processes go with it, each
//! test has a database and a tenant of its own. Everything waits with a bound, and says what it waited for.

pub mod audit;
pub mod browser;
pub mod chat;
pub mod collector;
pub mod companion;
pub mod database;
pub mod diagnosis;
pub mod environment;
pub mod eventually;
pub mod jwks;
pub mod kube;
pub mod machine;
pub mod named;
pub mod operator;
pub mod process;
pub mod redis_cluster;
pub mod redis_server;
pub mod samples;
pub mod shared;
pub mod signer;
pub mod sse;
pub mod stub_provider;
pub mod token;
pub mod wire;
pub mod worker;

pub use chat::Chat;
pub use companion::{Blueprint, Companion};
pub use database::TestDatabase;
pub use eventually::eventually;
pub use named::Heard;
pub use operator::Operator;
pub use signer::Signer;
pub use token::Issuer;

/// Lets TLS clients be made; every client of the harness calls it first.
pub(crate) fn install_tls() {
    // An error only says that another test was faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A name that no other test has: `prefix` and twelve random letters and digits.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}-{}", &uuid::Uuid::new_v4().simple().to_string()[..12])
}

/// Puts `change` over `value` as a JSON merge patch (RFC 7386) does: objects join, `null` removes, the rest replaces.
pub fn merge(value: &mut serde_json::Value, change: serde_json::Value) {
    use serde_json::Value;
    match (value, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    fields.remove(&name);
                } else {
                    merge(fields.entry(name).or_insert(Value::Object(Default::default())), change);
                }
            }
        }
        (value, change) => *value = change,
    }
}
