//! What the worker is told: the configuration file that the operator writes and the secrets in its environment.
//! In: a path and the process's variables; out: [`Settings`] that are whole and make sense, or a sentence that names the
//! setting and what to do.

mod secrets;
mod validate;

use std::path::{Path, PathBuf};

use companion_crds::config::{WorkerConfig, env};

pub use secrets::Secrets;

/// The configuration file and the secrets.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The file.
    pub config: WorkerConfig,
    /// The environment.
    pub secrets: Secrets,
}

/// Why the worker does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there.
    #[error("failed to read the configuration file {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: std::io::Error,
    },
    /// The file is no configuration.
    #[error("{path}: {message}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Place and cause.
        message: String,
    },
    /// A setting makes no sense.
    #[error("{setting}: {problem}")]
    Setting {
        /// Its place in the file, or the name of its variable.
        setting: String,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl ConfigError {
    /// The error that `setting` is wrong as `problem` says.
    pub fn setting(setting: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting: setting.into(),
            problem: problem.into(),
        }
    }
}

impl Settings {
    /// Reads and checks the file at `path`, and takes the secrets that are set. Which secrets must be there is each
    /// command's own matter.
    ///
    /// # Errors
    /// The first thing that is wrong, by name.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let mut config: WorkerConfig = serde_saphyr::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        if let Some(path) = std::env::var(env::MODEL_DIR).ok().filter(|path| !path.is_empty()) {
            config.embeddings.local.path = path;
        }
        let secrets = Secrets::from_environment(&config);
        Self::checked(config, secrets)
    }

    /// Both together, if `config` makes sense.
    ///
    /// # Errors
    /// The first thing that is wrong, by name.
    pub fn checked(config: WorkerConfig, secrets: Secrets) -> Result<Self, ConfigError> {
        validate::check(&config)?;
        Ok(Self { config, secrets })
    }

    /// Folder of the embedding model.
    pub fn model_path(&self) -> PathBuf {
        PathBuf::from(&self.config.embeddings.local.path)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A configuration as the operator writes it, for tests of what reads it.
    pub const EXAMPLE: &str = "
environment: Development
tenant: chat/demo
database: { poolSize: 8, maxWorkers: 2 }
llm:
  providers: [{ name: demo, simulated: {} }]
  routes: { normal: { provider: demo, model: demo-1 } }
auth: { jwt: { issuer: https://id.example, audience: companion } }
";

    /// [`EXAMPLE`], parsed.
    pub fn example() -> WorkerConfig {
        serde_saphyr::from_str(EXAMPLE).unwrap()
    }

    fn problem(from: &str, to: &str) -> String {
        let config: WorkerConfig = serde_saphyr::from_str(&EXAMPLE.replace(from, to)).unwrap();
        validate::check(&config).unwrap_err().to_string()
    }

    #[test]
    fn the_example_is_accepted() {
        validate::check(&example()).unwrap();
    }

    #[test]
    fn a_route_to_a_provider_that_is_not_there_is_named() {
        let text = problem("provider: demo,", "provider: other,");
        assert_eq!(
            text,
            "llm.routes.normal.provider: no provider is called \"other\" (found: demo)"
        );
    }

    #[test]
    fn a_fallback_to_a_provider_that_is_not_there_is_named() {
        let text = problem(
            "model: demo-1",
            "model: demo-1, fallback: [{ provider: local, model: small }]",
        );
        assert_eq!(
            text,
            "llm.routes.normal.fallback[0].provider: no provider is called \"local\" (found: demo)"
        );
    }

    #[test]
    fn the_metadata_service_is_no_provider_however_its_address_is_written() {
        for host in ["169.254.169.254", "2852039166", "[::ffff:a9fe:a9fe]", "[fd00:ec2::254]"] {
            let text = problem(
                "simulated: {}",
                &format!("openAi: {{ baseURL: \"http://{host}/v1\", keyed: false }}"),
            );
            assert!(
                text.starts_with("llm.providers[demo].openAi.baseURL: "),
                "{host}: {text}"
            );
        }
    }

    #[test]
    fn a_price_that_is_none_is_named() {
        let text = problem(
            "llm:",
            "llm:\n  prices: [{ model: demo-1, inputPerMillion: free, outputPerMillion: \"0\" }]",
        );
        assert!(text.starts_with("llm.prices[demo-1].inputPerMillion: "), "{text}");
    }

    #[test]
    fn a_pool_too_small_to_serve_is_refused() {
        assert!(problem("poolSize: 8", "poolSize: 1").starts_with("database.poolSize: 1 is too small"));
    }

    #[test]
    fn an_address_that_is_none_is_refused() {
        assert!(
            problem("tenant: chat/demo", "tenant: chat/demo\nlisten: { admin: nowhere }").starts_with("listen.admin: ")
        );
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let error = serde_saphyr::from_str::<WorkerConfig>(&EXAMPLE.replace("poolSize", "poolsize")).unwrap_err();
        assert!(error.to_string().contains("poolsize"), "{error}");
    }
}
