//! Keyed hashes of secrets' values. A plain hash of a short password in an annotation could be guessed by anyone who
//! reads it; the key keeps that to those who may read the operator's own Secret.

use std::fmt::Write as _;
use std::io::Read as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use sha2::{Digest as _, Sha256};

/// The Secret with the key, in the operator's namespace.
const SECRET: &str = "companion-operator-hmac";
const KEY: &str = "key";
const KEY_BYTES: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server did not give or take it.
    #[error("failed to read or make the secret {SECRET:?} in the operator's namespace")]
    Api(#[from] kube::Error),
    /// Somebody's Secret of the same name.
    #[error(
        "the secret {SECRET:?} has no key {KEY:?} of {KEY_BYTES} bytes: delete it, and the operator makes a new one"
    )]
    Malformed,
    /// The operating system gave no randomness.
    #[error("failed to read random bytes")]
    Random(#[from] std::io::Error),
}

/// `count` bytes from the operating system's random source.
pub fn random_bytes(count: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// `bytes` as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first 8 hexadecimal digits of the SHA-256 of `parts`: names of children that follow their content.
pub fn short(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    hex(&digest.finalize()[..4])
}

/// Makes hashes with one key.
pub struct SecretHasher {
    key: Vec<u8>,
    name: String,
}

impl SecretHasher {
    /// With the key in `namespace`, which is made if there is none.
    pub async fn load(client: Client, namespace: &str) -> Result<Self, Error> {
        let api: Api<Secret> = Api::namespaced(client, namespace);
        let secret = match api.get_opt(SECRET).await? {
            Some(secret) => secret,
            None => match api.create(&PostParams::default(), &new_key()?).await {
                // Another replica was faster.
                Err(kube::Error::Api(status)) if status.is_already_exists() => api.get(SECRET).await?,
                made => made?,
            },
        };
        let key = secret.data.unwrap_or_default().remove(KEY).ok_or(Error::Malformed)?.0;
        if key.len() != KEY_BYTES {
            return Err(Error::Malformed);
        }
        Ok(Self::new(key))
    }

    fn new(key: Vec<u8>) -> Self {
        let name = hex(&Sha256::digest(&key)[..4]);
        Self { key, name }
    }

    /// `<key's name>.<hash>` of named values, in the order given.
    pub fn hash(&self, values: &[(&str, &[u8])]) -> String {
        // Any length is a valid HMAC key.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        for (name, value) in values {
            for part in [name.as_bytes(), value] {
                mac.update(&(part.len() as u64).to_be_bytes());
                mac.update(part);
            }
        }
        format!("{}.{}", self.name, hex(&mac.finalize().into_bytes()[..12]))
    }
}

fn new_key() -> Result<Secret, Error> {
    Ok(Secret {
        metadata: ObjectMeta {
            name: Some(SECRET.into()),
            ..ObjectMeta::default()
        },
        data: Some([(KEY.to_owned(), ByteString(random_bytes(KEY_BYTES)?))].into()),
        ..Secret::default()
    })
}

#[cfg(test)]
impl SecretHasher {
    /// With a fixed key.
    pub fn fixed() -> Self {
        Self::new(vec![7; KEY_BYTES])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_names_its_key_and_changes_with_every_value() {
        let hasher = SecretHasher::fixed();
        let hash = hasher.hash(&[("url", b"a"), ("key", b"b")]);
        assert_eq!(hash, hasher.hash(&[("url", b"a"), ("key", b"b")]));
        assert_ne!(hash, hasher.hash(&[("url", b"ab"), ("key", b"")]));
        let other = SecretHasher::new(vec![8; KEY_BYTES]).hash(&[("url", b"a"), ("key", b"b")]);
        assert_ne!(hash.split_once('.').unwrap().0, other.split_once('.').unwrap().0);
    }

    #[test]
    fn random_bytes_are_as_many_as_asked_for_and_differ() {
        assert_eq!(random_bytes(16).unwrap().len(), 16);
        assert_ne!(random_bytes(16).unwrap(), random_bytes(16).unwrap());
    }
}
