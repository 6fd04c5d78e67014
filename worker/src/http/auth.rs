//! Bearer tokens: HS256 with the shared key, checked as RFC 8725 advises. In: an Authorization header; out: the user, or
//! nothing, without a reason that would help a forger. The algorithm is pinned here and never read from the token, so
//! neither `none` nor another family can be chosen by whoever made it.

use companion_crds::Environment;
use companion_crds::config::{JwtConfig, WorkerConfig};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, Secrets};
use crate::identity::UserId;

/// Clocks may differ by this many seconds.
const LEEWAY: u64 = 60;
/// Longest token that is looked at.
const MAX_TOKEN: usize = 8 * 1024;
/// Longest subject.
const MAX_SUBJECT: usize = 512;

/// What is believed of a token. One issuer, one subject: a list in their place is no token of ours.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: u64,
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

/// Who is believed.
pub struct Auth {
    tenant: String,
    key: DecodingKey,
    validation: Validation,
}

impl Auth {
    /// Believes tokens as `config` says, signed with the key in `secrets`.
    ///
    /// # Errors
    /// The key is not set or too weak.
    pub fn new(config: &WorkerConfig, secrets: &Secrets) -> Result<Self, ConfigError> {
        let key = secrets.jwt_hs256(config.environment)?;
        Ok(Self::with_key(&config.tenant, &config.auth.jwt, key))
    }

    fn with_key(tenant: &str, jwt: &JwtConfig, key: &SecretString) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&jwt.issuer]);
        validation.set_audience(&[&jwt.audience]);
        Self {
            tenant: tenant.to_owned(),
            key: DecodingKey::from_secret(key.expose_secret().as_bytes()),
            validation,
        }
    }

    /// The user whom the value of an Authorization header proves.
    pub fn user(&self, authorization: &str) -> Option<UserId> {
        let (scheme, token) = authorization.split_once(' ')?;
        let token = token.trim();
        if !scheme.eq_ignore_ascii_case("bearer") || token.len() > MAX_TOKEN {
            return None;
        }
        let claims = decode::<Claims>(token, &self.key, &self.validation).ok()?.claims;
        let subject = claims.sub.as_str();
        if subject.trim().is_empty() || subject.len() > MAX_SUBJECT {
            return None;
        }
        Some(UserId::derive(&self.tenant, &claims.iss, subject))
    }
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
    let key = secrets.jwt_hs256(config.environment)?;
    let now = chrono::Utc::now().timestamp().unsigned_abs();
    let JwtConfig { issuer, audience } = &config.auth.jwt;
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
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const KEY: &str = "q7Xv0mTgB2nLkR9sYdWc4HzE8uJpA1fK3oViNrCtGxQy5bMl";

    fn auth() -> Auth {
        let jwt = JwtConfig {
            issuer: "https://id.example".into(),
            audience: "companion".into(),
        };
        Auth::with_key("chat/demo", &jwt, &KEY.into())
    }

    fn now() -> i64 {
        chrono::Utc::now().timestamp()
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example", "aud": "companion", "sub": "sam", "exp": now() + 60 })
    }

    fn signed(algorithm: Algorithm, key: &str, claims: &Value) -> String {
        let token = encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(key.as_bytes()),
        )
        .unwrap();
        format!("Bearer {token}")
    }

    fn with(change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        signed(Algorithm::HS256, KEY, &claims)
    }

    #[test]
    fn a_good_token_is_its_subject() {
        let sam = UserId::derive("chat/demo", "https://id.example", "sam");
        assert_eq!(auth().user(&with(|_| {})), Some(sam));
        assert_eq!(
            auth().user(&with(|claims| claims["aud"] = json!(["other", "companion"]))),
            Some(sam)
        );
        assert_eq!(
            auth().user(&with(|claims| claims["exp"] = json!(now() - 30))),
            Some(sam),
            "within the leeway"
        );
        assert_eq!(auth().user(&with(|_| {}).replace("Bearer", "bearer")), Some(sam));
    }

    #[test]
    fn a_token_that_is_wrong_in_any_way_is_nobody() {
        for (what, header) in [
            ("expired", with(|claims| claims["exp"] = json!(now() - 120))),
            (
                "no expiry",
                with(|claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
            ),
            ("not yet", with(|claims| claims["nbf"] = json!(now() + 120))),
            (
                "other issuer",
                with(|claims| claims["iss"] = json!("https://evil.example")),
            ),
            (
                "two issuers",
                with(|claims| claims["iss"] = json!(["https://evil.example", "https://id.example"])),
            ),
            (
                "no issuer",
                with(|claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
            ),
            ("other audience", with(|claims| claims["aud"] = json!("else"))),
            (
                "no audience",
                with(|claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
            ),
            (
                "no subject",
                with(|claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
            ),
            ("empty subject", with(|claims| claims["sub"] = json!(" "))),
            ("subject that is no text", with(|claims| claims["sub"] = json!(7))),
            ("other key", signed(Algorithm::HS256, &KEY.replace('q', "p"), &claims())),
            ("other hash", signed(Algorithm::HS512, KEY, &claims())),
            ("other scheme", with(|_| {}).replace("Bearer", "Basic")),
            ("no token", "Bearer ".to_owned()),
            ("nonsense", "Bearer a.b.c".to_owned()),
            ("huge", format!("Bearer {}", "a".repeat(MAX_TOKEN + 1))),
        ] {
            assert_eq!(auth().user(&header), None, "{what}");
        }
    }

    #[test]
    fn an_unsigned_token_is_nobody() {
        // {"alg":"none"} and its spellings, with the claims of a good token.
        let good = with(|_| {});
        let payload = good.split('.').nth(1).unwrap();
        for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIn0", "eyJhbGciOiJOT05FIn0"] {
            assert_eq!(auth().user(&format!("Bearer {header}.{payload}.")), None);
            assert_eq!(auth().user(&format!("Bearer {header}.{payload}")), None);
        }
    }

    #[test]
    fn production_makes_no_tokens() {
        let mut config = crate::config::tests::example();
        config.environment = Environment::Production;
        let text = issue(&config, &Secrets::default(), "sam", 60).unwrap_err().to_string();
        assert!(text.starts_with("environment: Production makes no tokens"), "{text}");
    }
}
