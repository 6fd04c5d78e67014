//! The values of Secrets, as the environment carries them. They are never printed: [`SecretString`] shows no value, and
//! errors name variables only.

use std::collections::BTreeMap;

use companion_crds::Environment;
use companion_crds::config::{ProviderKind, WorkerConfig, env};
use companion_crds::secret::{MAKE_A_KEY, hs256_weakness};
use secrecy::{ExposeSecret, SecretString};

use super::ConfigError;

/// Secrets that are set, empty ones counted as not set.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    pub(crate) database_url: Option<SecretString>,
    pub(crate) database_direct_url: Option<SecretString>,
    pub(crate) database_replica_urls: Vec<Option<SecretString>>,
    pub(crate) redis_url: Option<SecretString>,
    pub(crate) jwt_hs256: Option<SecretString>,
    pub(crate) provider_keys: BTreeMap<String, SecretString>,
}

impl Secrets {
    /// What the process's environment holds for `config`.
    pub fn from_environment(config: &WorkerConfig) -> Self {
        let keyed = config
            .llm
            .providers
            .iter()
            .filter(|provider| matches!(provider.kind, ProviderKind::OpenAi { keyed: true, .. }));
        Self {
            database_url: variable(env::DATABASE_URL),
            database_direct_url: variable(env::DATABASE_DIRECT_URL),
            database_replica_urls: (1..=config.database.replicas)
                .map(|number| variable(&env::database_replica_url(number)))
                .collect(),
            redis_url: variable(env::REDIS_URL),
            jwt_hs256: variable(env::JWT_HS256_SECRET),
            provider_keys: keyed
                .filter_map(|provider| Some((provider.name.clone(), variable(&env::provider_api_key(&provider.name))?)))
                .collect(),
        }
    }

    /// PostgreSQL URL of the workers.
    ///
    /// # Errors
    /// It is not set.
    pub fn database_url(&self) -> Result<&SecretString, ConfigError> {
        required(
            &self.database_url,
            env::DATABASE_URL,
            "postgres://user:password@host:5432/database",
        )
    }

    /// PostgreSQL URL of the role that owns the schema.
    ///
    /// # Errors
    /// It is not set.
    pub fn database_direct_url(&self) -> Result<&SecretString, ConfigError> {
        required(
            &self.database_direct_url,
            env::DATABASE_DIRECT_URL,
            "postgres://owner:password@host:5432/database",
        )
    }

    /// PostgreSQL URLs of the read replicas.
    ///
    /// # Errors
    /// One is not set.
    pub fn database_replica_urls(&self) -> Result<Vec<&SecretString>, ConfigError> {
        let form = "postgres://user:password@host:5432/database";
        (1..)
            .zip(&self.database_replica_urls)
            .map(|(number, url)| required(url, &env::database_replica_url(number), form))
            .collect()
    }

    /// Redis URL.
    ///
    /// # Errors
    /// It is not set.
    pub fn redis_url(&self) -> Result<&SecretString, ConfigError> {
        required(&self.redis_url, env::REDIS_URL, "redis://:password@host:6379")
    }

    /// Key of the tokens, strong enough for `environment`.
    ///
    /// # Errors
    /// It is not set, too short, or in production one that can be guessed.
    pub fn jwt_hs256(&self, environment: Environment) -> Result<&SecretString, ConfigError> {
        let key = required(
            &self.jwt_hs256,
            env::JWT_HS256_SECRET,
            "a random text of at least 32 bytes",
        )?;
        match hs256_weakness(key.expose_secret().as_bytes(), environment) {
            Some(problem) => Err(ConfigError::setting(
                env::JWT_HS256_SECRET,
                format!("{problem}; {MAKE_A_KEY}"),
            )),
            None => Ok(key),
        }
    }

    /// API key of the provider called `name`.
    ///
    /// # Errors
    /// It is not set.
    pub fn provider_key(&self, name: &str) -> Result<&SecretString, ConfigError> {
        self.provider_keys
            .get(name)
            .ok_or_else(|| not_set(&env::provider_api_key(name), "the provider's API key"))
    }
}

fn variable(name: &str) -> Option<SecretString> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .map(SecretString::from)
}

fn required<'a>(value: &'a Option<SecretString>, name: &str, form: &str) -> Result<&'a SecretString, ConfigError> {
    value.as_ref().ok_or_else(|| not_set(name, form))
}

fn not_set(name: &str, form: &str) -> ConfigError {
    ConfigError::setting(name, format!("not set; set this environment variable to {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANDOM: &str = "q7Xv0mTgB2nLkR9sYdWc4HzE8uJpA1fK3oViNrCtGxQy5bMl";

    #[test]
    fn a_short_key_is_refused_everywhere_and_the_text_says_how_to_make_one() {
        for environment in [Environment::Development, Environment::Production] {
            let secrets = Secrets {
                jwt_hs256: Some("short".into()),
                ..Secrets::default()
            };
            let text = secrets.jwt_hs256(environment).unwrap_err().to_string();
            assert_eq!(
                text,
                "COMPANION_JWT_HS256_SECRET: 5 bytes, at least 32 are needed; make one with: openssl rand -base64 48"
            );
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secrets = Secrets {
            jwt_hs256: Some(RANDOM.into()),
            ..Secrets::default()
        };
        assert!(!format!("{secrets:?}").contains(RANDOM));
    }
}
