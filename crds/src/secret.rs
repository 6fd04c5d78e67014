//! How a resource names a secret value: one key of one Secret in its own namespace, or all of one. And which values are
//! too weak.

use std::collections::BTreeSet;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::Environment;

/// RFC 7518 section 3.2: an HS256 key is at least as long as its hash.
const MIN_HS256_BYTES: usize = 32;

/// A key of random bytes, in whatever spelling, has at least so many different ones.
const MIN_DIFFERENT_BYTES: usize = 10;

/// Words of keys that come from a tutorial or a template.
const TELLTALES: [&str; 8] = [
    "secret",
    "changeme",
    "change-me",
    "change_me",
    "password",
    "example",
    "default",
    "12345678",
];

/// How to make a key that is taken everywhere.
pub const MAKE_A_KEY: &str = "make one with: openssl rand -base64 48";

/// Why `key` cannot sign tokens in `environment`, if it cannot. The operator asks before workers start, and they ask again.
pub fn hs256_weakness(key: &[u8], environment: Environment) -> Option<String> {
    let Ok(text) = std::str::from_utf8(key) else {
        return Some("no UTF-8 text, which an environment variable cannot carry".into());
    };
    if text.contains('\0') {
        return Some("a zero byte in it, which an environment variable cannot carry".into());
    }
    if key.len() < MIN_HS256_BYTES {
        return Some(format!("{} bytes, at least {MIN_HS256_BYTES} are needed", key.len()));
    }
    if environment != Environment::Production {
        return None;
    }
    let different = key.iter().collect::<BTreeSet<_>>().len();
    if different < MIN_DIFFERENT_BYTES {
        return Some(format!(
            "only {different} different bytes, production needs a random key"
        ));
    }
    let lower = text.to_lowercase();
    let telltale = TELLTALES.iter().find(|word| lower.contains(*word))?;
    Some(format!("contains {telltale:?}, production needs a random key"))
}

/// One key of a Secret in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[schemars(extend("x-kubernetes-validations" = crate::text::object_name()))]
    pub name: String,
    /// Key within its data.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = Rule::new("self.matches('^[-._a-zA-Z0-9]+$')")
        .message("a key of a Secret has letters, digits, -, _ and . alone"))]
    pub key: String,
}

/// A whole Secret in the resource's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    #[schemars(extend("x-kubernetes-validations" = crate::text::object_name()))]
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_can_be_guessed_or_not_be_handed_over_is_refused() {
        let random = "q7Xv0mTgB2nLkR9sYdWc4HzE8uJpA1fK3oViNrCtGxQy5bMl";
        let table: [(&[u8], Option<&str>, Option<&str>); 7] = [
            (random.as_bytes(), None, None),
            (b"short", Some("5 bytes"), Some("5 bytes")),
            (&[b'a'; 64], Some("only 1 different bytes"), None),
            (
                b"my-super-SECRET-jwt-key-of-this-service",
                Some("contains \"secret\""),
                None,
            ),
            (
                b"CHANGEME-CHANGEME-0123-abcdefghij",
                Some("contains \"changeme\""),
                None,
            ),
            (&[0xff; 40], Some("no UTF-8 text"), Some("no UTF-8 text")),
            (&[0; 40], Some("a zero byte"), Some("a zero byte")),
        ];
        for (key, production, development) in table {
            for (environment, expected) in [
                (Environment::Production, production),
                (Environment::Development, development),
            ] {
                let weakness = hs256_weakness(key, environment);
                let begins = match (&weakness, expected) {
                    (Some(weakness), Some(expected)) => weakness.starts_with(expected),
                    (weakness, expected) => weakness.is_none() && expected.is_none(),
                };
                assert!(begins, "{environment:?} {key:?}: {weakness:?}");
            }
        }
    }
}
