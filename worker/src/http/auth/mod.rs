//! Who a request comes from. In: an Authorization header; out: an [`Identity`] that it proves, or nothing, without a
//! reason that would help a forger. Tokens prove a user, API keys a server; nothing here makes either for a client.

mod api_key;
mod jwks;
mod jwt;
mod published;

use companion_crds::api_key::Scope;
use companion_crds::config::WorkerConfig;

use crate::config::{ConfigError, Secrets};
use crate::identity::UserId;

use api_key::ApiKeys;
pub use api_key::{ApiKey, make as make_key};
use jwt::Tokens;
pub use jwt::{is_subject, issue};

/// What a token may do: all that its own user may, and nothing else.
const OF_TOKENS: &[Scope] = &[Scope::Chat];

/// What a request proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// It is this user's.
    User(UserId),
    /// It is a server's.
    Key(ApiKey),
}

impl Identity {
    /// What it may do.
    pub fn scopes(&self) -> &[Scope] {
        match self {
            Self::User(_) => OF_TOKENS,
            Self::Key(key) => &key.scopes,
        }
    }
}

/// Why a request proves nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// There is nothing to believe.
    Invalid,
    /// The issuer's keys were never fetched, or too long ago: it cannot be told.
    NoKeys,
}

/// Who is believed.
pub struct Auth {
    tenant: String,
    issuer: String,
    tokens: Tokens,
    keys: ApiKeys,
}

impl Auth {
    /// Believes tokens and keys as `config` says. Published keys are fetched from now on; nothing waits for them.
    ///
    /// # Errors
    /// The signing key is not set or too weak, or the API keys cannot be read.
    pub fn new(config: &WorkerConfig, secrets: &Secrets) -> Result<Self, ConfigError> {
        let keys = match &config.auth.api_keys {
            Some(keys) => ApiKeys::read(keys.path.as_ref())?,
            None => ApiKeys::default(),
        };
        Ok(Self {
            tenant: config.tenant.clone(),
            issuer: config.auth.jwt.issuer.clone(),
            tokens: Tokens::new(config, secrets)?,
            keys,
        })
    }

    /// The API key in the value of an Authorization header, if it is one that is believed. Needs no waiting, so that its
    /// limit is counted in the address's place.
    pub fn key(&self, authorization: &str) -> Option<ApiKey> {
        self.keys.find(bearer(authorization)?)
    }

    /// The user whom the token in the value of an Authorization header proves.
    ///
    /// # Errors
    /// It proves none.
    pub async fn token(&self, authorization: &str) -> Result<UserId, Unproven> {
        let token = bearer(authorization).ok_or(Unproven::Invalid)?;
        let subject = self.tokens.subject(token).await?;
        Ok(self.user(&subject))
    }

    /// The user whom the issuer of the tokens calls `subject`: the same one, whether a token says so or a key that acts for
    /// them.
    pub fn user(&self, subject: &str) -> UserId {
        UserId::derive(&self.tenant, &self.issuer, subject)
    }

    /// The user that `key` is when it acts for nobody else.
    pub fn user_of_key(&self, key: &ApiKey) -> UserId {
        UserId::derive(&self.tenant, api_key::ISSUER, &key.name)
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, rest) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

/// Whether an issuer of users could be taken for our own: ids of its subjects would be those of keys.
pub fn is_reserved(issuer: &str) -> bool {
    issuer == api_key::ISSUER
}
