//! Bearer tokens, checked as RFC 8725 advises: signed with the shared HS256 key, or with a key that the issuer publishes.
//! In: a token; out: its subject, or nothing. The algorithm is the key's and never the token's to choose, so neither `none`
//! nor another family can be chosen by whoever made it; of the header only `alg` and `kid` are read, so a key, or a URL of
//! one, that a token brings along (`jwk`, `jku`, `x5c`, `x5u`) is nothing to us.

use companion_crds::Environment;
use companion_crds::config::{JwtConfig, WorkerConfig};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, Secrets};

use super::Unproven;
use super::jwks::{Found, KeySet, is_asymmetric};
use super::published::Published;

/// Clocks may differ by this many seconds.
const LEEWAY: u64 = 60;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 8 * 1024;
/// Longest subject.
pub const MAX_SUBJECT: usize = 512;

/// What is believed of a token. One issuer, one subject: a list in their place is no token of ours, and neither is one that
/// says a thing twice.
#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(rename = "iss")]
    _issuer: String,
    sub: String,
    #[serde(rename = "exp")]
    _expires: u64,
    iat: Option<f64>,
}

/// The claims of a token that [`issue`] makes.
#[derive(Serialize)]
struct Issued<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    exp: u64,
}

/// Which tokens are believed.
pub struct Tokens {
    /// What their claims must say; each key adds its algorithms.
    claims: Validation,
    keys: Keys,
}

enum Keys {
    Shared(DecodingKey),
    Published(Published),
}

impl Tokens {
    /// Believes tokens as `config` says, signed with the keys that it names or with the one in `secrets`.
    ///
    /// # Errors
    /// The key is not set or too weak, or the URL is none.
    pub fn new(config: &WorkerConfig, secrets: &Secrets) -> Result<Self, ConfigError> {
        let jwt = &config.auth.jwt;
        let keys = match &jwt.jwks_url {
            Some(url) => Keys::Published(Published::new(url)?),
            None => Keys::Shared(shared(secrets.jwt_hs256(config.environment)?)),
        };
        Ok(Self {
            claims: claims(jwt),
            keys,
        })
    }

    /// The subject of `token`.
    ///
    /// # Errors
    /// It is not to be believed, or the keys are not known.
    pub async fn subject(&self, token: &str) -> Result<String, Unproven> {
        if token.len() > MAX_TOKEN {
            return Err(Unproven::Invalid);
        }
        let published = match &self.keys {
            Keys::Shared(key) => return self.checked(token, key, &[Algorithm::HS256]),
            Keys::Published(published) => published,
        };
        let header = decode_header(token).map_err(|_| Unproven::Invalid)?;
        if !is_asymmetric(header.alg) {
            return Err(Unproven::Invalid);
        }
        if let Some(keys) = published.keys()
            && let Some(known) = self.by_one_of(&keys, token, &header)
        {
            return known;
        }
        let keys = published.asked_anew().await.ok_or(Unproven::NoKeys)?;
        self.by_one_of(&keys, token, &header).unwrap_or(Err(Unproven::Invalid))
    }

    /// Nothing if a newer set may have the key.
    fn by_one_of(&self, keys: &KeySet, token: &str, header: &Header) -> Option<Result<String, Unproven>> {
        match keys.find(header.kid.as_deref(), header.alg) {
            Found::Key(key) => Some(self.checked(token, &key.key, &key.algorithms)),
            Found::Nothing => Some(Err(Unproven::Invalid)),
            Found::UnknownKid => None,
        }
    }

    fn checked(&self, token: &str, key: &DecodingKey, algorithms: &[Algorithm]) -> Result<String, Unproven> {
        let mut validation = self.claims.clone();
        validation.algorithms = algorithms.to_vec();
        let token = decode::<Claims>(token, key, &validation).map_err(|_| Unproven::Invalid)?;
        // RFC 7515, section 4.1.11: what a token calls critical must be understood.
        if token.header.crit.is_some() || token.claims.iat.is_some_and(|issued| issued > (now() + LEEWAY) as f64) {
            return Err(Unproven::Invalid);
        }
        let subject = token.claims.sub;
        is_subject(&subject).then_some(subject).ok_or(Unproven::Invalid)
    }
}

/// Whether `text` can be what an issuer calls a user.
pub fn is_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= MAX_SUBJECT
}

fn shared(key: &SecretString) -> DecodingKey {
    DecodingKey::from_secret(key.expose_secret().as_bytes())
}

fn claims(jwt: &JwtConfig) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&jwt.issuer]);
    validation.set_audience(&[&jwt.audience]);
    validation
}

fn now() -> u64 {
    chrono::Utc::now().timestamp().unsigned_abs()
}

/// A token for `subject` that holds for `seconds` from now. For development: production refuses to make tokens, they
/// come from the platform's identity service.
///
/// # Errors
/// The configuration is a production one, or the key is not set or too weak.
pub fn issue(config: &WorkerConfig, secrets: &Secrets, subject: &str, seconds: u64) -> Result<String, ConfigError> {
    if config.environment == Environment::Production {
        let problem =
            "Production makes no tokens: take them from your identity service, or set environment to Development";
        return Err(ConfigError::setting("environment", problem));
    }
    let JwtConfig {
        issuer,
        audience,
        jwks_url,
    } = &config.auth.jwt;
    if jwks_url.is_some() {
        let problem = "tokens are signed by whoever has the keys behind this URL: take them from there";
        return Err(ConfigError::setting("auth.jwt.jwksURL", problem));
    }
    let key = secrets.jwt_hs256(config.environment)?;
    let now = now();
    let claims = Issued {
        iss: issuer,
        aud: audience,
        sub: subject,
        iat: now,
        exp: now.saturating_add(seconds),
    };
    let key = EncodingKey::from_secret(key.expose_secret().as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key)
        .map_err(|error| ConfigError::setting("token", format!("failed to sign: {error}")))
}

#[cfg(test)]
mod tests;
