//! The environment variables that carry secrets into a worker.

/// PostgreSQL URL of the workers.
pub const DATABASE_URL: &str = "COMPANION_DATABASE_URL";

/// PostgreSQL URL of a role that owns the schema; only preflight and migrate get it.
pub const DATABASE_DIRECT_URL: &str = "COMPANION_DATABASE_DIRECT_URL";

/// The variable with the PostgreSQL URL of read replica `number`, counted from 1.
pub fn database_replica_url(number: usize) -> String {
    format!("COMPANION_DATABASE_REPLICA_{number}_URL")
}

/// Redis URL.
pub const REDIS_URL: &str = "COMPANION_REDIS_URL";

/// Shared HS256 key of the tokens.
pub const JWT_HS256_SECRET: &str = "COMPANION_JWT_HS256_SECRET";

/// Folder of the embedding model, instead of the configured one.
pub const MODEL_DIR: &str = "COMPANION_MODEL_DIR";

/// The variable with the API key of the provider called `name`.
pub fn provider_api_key(name: &str) -> String {
    format!("COMPANION_PROVIDER_{}_API_KEY", name.to_uppercase().replace('-', "_"))
}
