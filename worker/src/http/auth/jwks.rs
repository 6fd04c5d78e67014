//! A set of public keys as an issuer publishes it (RFC 7517). In: the document; out: the keys that tokens may be signed
//! with, each with the algorithms it stands for. Those follow from the key's own type, curve and `alg`, never from a token:
//! whoever makes a token chooses among what the key allows, and a public key is never a secret for HMAC (RFC 8725).

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

const OF_RSA: [Algorithm; 4] = [Algorithm::RS256, Algorithm::RS384, Algorithm::RS512, Algorithm::PS256];

/// Fewest base64 digits of an RSA modulus: 2048 bits (RFC 7518, section 3.3).
const MIN_MODULUS: usize = 341;
/// Most keys that are taken of a set.
const MAX_KEYS: usize = 100;

/// A key that tokens may be signed with.
#[derive(Debug)]
pub struct PublicKey {
    kid: Option<String>,
    /// What a signature by it may be.
    pub algorithms: Vec<Algorithm>,
    /// For checking one.
    pub key: DecodingKey,
}

/// The keys of an issuer.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

/// What keys a token's header leaves.
pub enum Found<'a> {
    /// This one.
    Key(&'a PublicKey),
    /// None, but the issuer may have a newer one.
    UnknownKid,
    /// None.
    Nothing,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// The keys in `document` that can be used. Others are passed over: sets hold keys for encryption too, and of kinds yet
    /// to come.
    ///
    /// # Errors
    /// It is no set, or has no key that can be used.
    pub fn read(document: &[u8]) -> Result<Self, String> {
        let document: Document =
            serde_json::from_slice(document).map_err(|error| format!("the answer is no JWK set: {error}"))?;
        let of = document.keys.len();
        let keys: Vec<PublicKey> = document
            .keys
            .into_iter()
            .take(MAX_KEYS)
            .filter_map(public_key)
            .collect();
        if keys.is_empty() {
            return Err(format!(
                "none of its {of} keys can be used; tokens need RSA of 2048 bits, P-256, P-384 or Ed25519"
            ));
        }
        Ok(Self { keys })
    }

    /// The key for a token that says it is signed with `algorithm` by `kid`. A token without a `kid` has a key only if there
    /// is no choice.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Found<'_> {
        let fits = |key: &&PublicKey| key.algorithms.contains(&algorithm);
        let Some(kid) = kid else {
            let mut fitting = self.keys.iter().filter(fits);
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Found::Key(key),
                _ => Found::Nothing,
            };
        };
        let mut named = self
            .keys
            .iter()
            .filter(|key| key.kid.as_deref() == Some(kid))
            .peekable();
        if named.peek().is_none() {
            return Found::UnknownKid;
        }
        named.find(fits).map_or(Found::Nothing, Found::Key)
    }
}

/// Whether any key of any set may be used with `algorithm`.
pub fn is_asymmetric(algorithm: Algorithm) -> bool {
    OF_RSA.contains(&algorithm) || matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA)
}

fn public_key(key: Value) -> Option<PublicKey> {
    let jwk: Jwk = serde_json::from_value(key).ok()?;
    let common = &jwk.common;
    let for_signatures = common
        .public_key_use
        .as_ref()
        .is_none_or(|used| *used == PublicKeyUse::Signature)
        && (common.key_operations.as_ref()).is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    if !for_signatures {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(key) if key.n.trim_end_matches('=').len() >= MIN_MODULUS => OF_RSA.to_vec(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        _ => return None,
    };
    if let Some(named) = common.key_algorithm {
        let named = Algorithm::try_from(named).ok()?;
        algorithms.retain(|algorithm| *algorithm == named);
    }
    if algorithms.is_empty() {
        return None;
    }
    Some(PublicKey {
        key: DecodingKey::from_jwk(&jwk).ok()?,
        kid: jwk.common.key_id,
        algorithms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Base64 of so many digits; the last one carries no bits that would be left over.
    fn modulus(digits: usize) -> String {
        "u".repeat(digits - 1) + "w"
    }

    fn rsa(change: Value) -> Value {
        let mut key = json!({ "kty": "RSA", "kid": "r", "n": modulus(342), "e": "AQAB" });
        key.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        key
    }

    fn ec(curve: &str) -> Value {
        json!({ "kty": "EC", "kid": "e", "crv": curve, "x": "A".repeat(43), "y": "A".repeat(43) })
    }

    fn read(keys: &[Value]) -> Result<KeySet, String> {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes())
    }

    fn algorithms(key: Value) -> Vec<Algorithm> {
        read(&[key]).map_or_else(|_| Vec::new(), |set| set.keys[0].algorithms.clone())
    }

    #[test]
    fn what_a_key_may_sign_follows_from_the_key() {
        assert_eq!(algorithms(rsa(json!({}))), OF_RSA);
        assert_eq!(
            algorithms(rsa(json!({ "alg": "PS256", "use": "sig" }))),
            [Algorithm::PS256]
        );
        assert_eq!(algorithms(ec("P-256")), [Algorithm::ES256]);
        assert_eq!(algorithms(ec("P-384")), [Algorithm::ES384]);
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43) });
        assert_eq!(algorithms(ed), [Algorithm::EdDSA]);
    }

    #[test]
    fn keys_that_cannot_check_a_token_are_passed_over() {
        for key in [
            json!({ "kty": "oct", "kid": "s", "k": "c2VjcmV0", "alg": "HS256" }),
            rsa(json!({ "alg": "HS256" })),
            rsa(json!({ "alg": "none" })),
            rsa(json!({ "use": "enc" })),
            rsa(json!({ "key_ops": ["encrypt"] })),
            rsa(json!({ "n": modulus(171) })),
            ec("P-521"),
            ec("secp256k1"),
            json!("nonsense"),
            json!({ "kty": "RSA" }),
        ] {
            assert!(read(std::slice::from_ref(&key)).is_err(), "{key}");
            assert_eq!(read(&[key, rsa(json!({}))]).unwrap().keys.len(), 1);
        }
        for document in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[]}"#, "<html>"] {
            assert!(KeySet::read(document.as_bytes()).is_err(), "{document}");
        }
    }

    #[test]
    fn a_token_has_a_key_by_its_kid_or_where_there_is_no_choice() {
        let set = read(&[rsa(json!({})), ec("P-256")]).unwrap();
        assert!(matches!(set.find(Some("r"), Algorithm::RS384), Found::Key(_)));
        assert!(matches!(set.find(Some("r"), Algorithm::ES256), Found::Nothing));
        assert!(matches!(set.find(Some("r"), Algorithm::HS256), Found::Nothing));
        for kid in ["x", "", "../r", "r' OR 1=1 --", "https://evil.example/r"] {
            assert!(
                matches!(set.find(Some(kid), Algorithm::RS256), Found::UnknownKid),
                "{kid}"
            );
        }
        assert!(matches!(set.find(None, Algorithm::ES256), Found::Key(_)));
        let two = read(&[rsa(json!({})), rsa(json!({ "kid": "s" }))]).unwrap();
        assert!(matches!(two.find(None, Algorithm::RS256), Found::Nothing));
    }
}
