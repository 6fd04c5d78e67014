//! Who replies: whoever the variables of OpenAI's own clients name, else the simulated model. A shell that has read the
//! lines of `dev --env` holds such variables too, which lead to Companion itself: they are seen through.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::anyhow;
use companion_crds::config::ProviderKind;
use secrecy::SecretString;

/// Its name in the configuration.
pub const NAME: &str = "dev";

/// Where OpenAI's clients call by default.
const OPENAI: &str = "https://api.openai.com/v1";

/// The model that is asked for by default.
const MODEL: &str = "gpt-4o-mini";

/// What the environment says.
#[derive(Default)]
pub struct Given {
    key: Option<String>,
    base_url: Option<String>,
    /// What `dev --env` and `make env` print beside a key.
    own_token: Option<String>,
}

/// Who replies.
#[derive(Debug)]
pub enum Provider {
    /// The stand-in.
    Simulated {
        /// Though a key is set: it is one of ours.
        own: bool,
    },
    /// A service that speaks the OpenAI API.
    OpenAi {
        /// Root of its API.
        base_url: String,
        /// Its key, where it has one.
        key: Option<SecretString>,
        /// The model.
        model: String,
    },
}

impl Given {
    /// Of this process.
    pub fn from_environment() -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            key: variable("OPENAI_API_KEY"),
            base_url: variable("OPENAI_BASE_URL"),
            own_token: variable("COMPANION_TOKEN"),
        }
    }
}

/// Who replies, with `model` where it is given.
///
/// # Errors
/// A model is named, and nobody who has it.
pub fn choose(given: Given, model: Option<&str>) -> anyhow::Result<Provider> {
    let own = given.own_token.is_some() && given.key == given.own_token;
    if own || (given.key.is_none() && given.base_url.is_none()) {
        if model.is_some() {
            return Err(anyhow!(
                "--model: set OPENAI_API_KEY, or OPENAI_BASE_URL for a service without keys, to say who is asked"
            ));
        }
        return Ok(Provider::Simulated { own });
    }
    Ok(Provider::OpenAi {
        base_url: given.base_url.unwrap_or_else(|| OPENAI.into()),
        key: given.key.map(SecretString::from),
        model: model.unwrap_or(MODEL).into(),
    })
}

impl Provider {
    /// Its part of the configuration, and the model.
    pub fn kind(&self) -> (ProviderKind, String) {
        match self {
            Self::Simulated { .. } => (ProviderKind::Simulated {}, "simulated".into()),
            Self::OpenAi { base_url, key, model } => {
                let kind = ProviderKind::OpenAi {
                    base_url: base_url.clone(),
                    keyed: key.is_some(),
                };
                (kind, model.clone())
            }
        }
    }

    /// Its key by its name.
    pub fn keys(&self) -> BTreeMap<String, SecretString> {
        match self {
            Self::OpenAi { key: Some(key), .. } => BTreeMap::from([(NAME.into(), key.clone())]),
            _ => BTreeMap::new(),
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulated { .. } => f.write_str("simulated; set OPENAI_API_KEY for a real one"),
            Self::OpenAi { base_url, model, .. } => write!(f, "{model} at {base_url}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(key: &str, base_url: &str, own_token: &str, model: Option<&str>) -> Result<String, String> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let given = Given {
            key: some(key),
            base_url: some(base_url),
            own_token: some(own_token),
        };
        let provider = choose(given, model).map_err(|error| error.to_string())?;
        Ok(format!("{provider} ({} keys)", provider.keys().len()))
    }

    #[test]
    fn a_key_or_an_address_makes_replies_real_and_our_own_token_does_not() {
        let simulated = "simulated; set OPENAI_API_KEY for a real one (0 keys)";
        let table = [
            (chosen("", "", "", None), simulated),
            (chosen("tok", "http://127.0.0.1:8080/v1", "tok", None), simulated),
            (
                chosen("sk-1", "", "tok", None),
                "gpt-4o-mini at https://api.openai.com/v1 (1 keys)",
            ),
            (
                chosen("", "http://127.0.0.1:11434/v1", "", Some("llama3")),
                "llama3 at http://127.0.0.1:11434/v1 (0 keys)",
            ),
        ];
        for (given, expected) in table {
            assert_eq!(given.unwrap(), expected);
        }
        let error = chosen("", "", "", Some("llama3")).unwrap_err();
        assert!(error.starts_with("--model: set OPENAI_API_KEY"), "{error}");
    }
}
