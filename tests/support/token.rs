//! Tokens: right ones, and every kind of wrong one that a service must refuse.

use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// `{"alg":"none","typ":"JWT"}` in base64url: the library rightly refuses to make such a token.
const UNSIGNED_HEADER: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// Who signs tokens, for whom, with which key.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// The HS256 key.
    pub secret: String,
}

impl Issuer {
    /// An issuer with a key of its own.
    pub fn new() -> Self {
        Self {
            issuer: "https://id.test".into(),
            audience: "companion".into(),
            secret: format!("{0}{0}", uuid::Uuid::new_v4().simple()),
        }
    }

    /// A token that the service must take, for an hour.
    pub fn token(&self, user: &str) -> String {
        self.sign(Algorithm::HS256, &self.secret, &self.claims(user))
    }

    /// A token of every kind that must be refused, with what is wrong about it.
    pub fn wrong_tokens(&self, user: &str) -> Vec<(&'static str, String)> {
        let right = self.claims(user);
        let with = |name: &str, value: Value| {
            let mut claims = right.clone();
            claims[name] = value;
            self.sign(Algorithm::HS256, &self.secret, &claims)
        };
        let without = |name: &str| {
            let mut claims = right.clone();
            claims.as_object_mut().expect("claims are an object").remove(name);
            self.sign(Algorithm::HS256, &self.secret, &claims)
        };
        let token = self.token(user);
        let parts: Vec<&str> = token.split('.').collect();
        let (payload, signature) = (parts[1], parts[2]);
        vec![
            ("no token at all", String::new()),
            ("not a token", "hello".into()),
            (
                "signed with another key",
                self.sign(Algorithm::HS256, "another-key-of-at-least-32-bytes-length", &right),
            ),
            ("expired an hour ago", with("exp", json!(now() - 3600))),
            ("without expiry", without("exp")),
            ("alg none without signature", format!("{UNSIGNED_HEADER}.{payload}.")),
            (
                "alg none with a signature",
                format!("{UNSIGNED_HEADER}.{payload}.{signature}"),
            ),
            ("another algorithm", self.sign(Algorithm::HS384, &self.secret, &right)),
            ("another issuer", with("iss", json!("https://evil.test"))),
            ("without issuer", without("iss")),
            ("another audience", with("aud", json!("another"))),
            ("without audience", without("aud")),
            ("without subject", without("sub")),
            ("an empty subject", with("sub", json!(""))),
            ("a changed payload", format!("{}.{}x.{signature}", parts[0], payload)),
        ]
    }

    /// The claims of a right token, for an hour.
    pub fn claims(&self, user: &str) -> Value {
        json!({ "iss": self.issuer, "aud": self.audience, "sub": user, "iat": now(), "exp": now() + 3600 })
    }

    fn sign(&self, algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        jsonwebtoken::encode(
            &Header::new(algorithm),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .expect("claims can be signed")
    }
}

impl Default for Issuer {
    fn default() -> Self {
        Self::new()
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is past 1970")
        .as_secs()
}
