//! Every class of wrong token that RFC 8725 names, under the shared key and under a published one. Tokens of the other
//! algorithms come over HTTP, in tests/worker.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use serde_json::{Value, json};

use super::*;

const KEY: &str = "q7Xv0mTgB2nLkR9sYdWc4HzE8uJpA1fK3oViNrCtGxQy5bMl";

/// An Ed25519 private key as PKCS #8: what comes before its 32 bytes.
const ED25519: [u8; 16] = [48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 112, 4, 34, 4, 32];

fn tokens() -> Tokens {
    Tokens {
        claims: claims(&crate::config::tests::example().auth.jwt),
        keys: Keys::Shared(shared(&KEY.into())),
    }
}

/// The subject of a token under the shared key.
fn subject(token: &str) -> Option<String> {
    futures::executor::block_on(tokens().subject(token)).ok()
}

fn good() -> Value {
    json!({ "iss": "https://id.example", "aud": "companion", "sub": "sam", "exp": now() + 60 })
}

fn signed(algorithm: Algorithm, key: &str, claims: &Value) -> String {
    let key = EncodingKey::from_secret(key.as_bytes());
    encode(&Header::new(algorithm), claims, &key).unwrap()
}

fn with(name: &str, value: Value) -> String {
    let mut claims = good();
    claims[name] = value;
    signed(Algorithm::HS256, KEY, &claims)
}

fn without(name: &str) -> String {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(name);
    signed(Algorithm::HS256, KEY, &claims)
}

/// A token with these very claims, spelt so.
fn spelt(claims: &str) -> String {
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(claims).unwrap();
    let key = EncodingKey::from_secret(KEY.as_bytes());
    encode(&Header::new(Algorithm::HS256), &raw, &key).unwrap()
}

#[test]
fn a_good_token_is_its_subject() {
    for token in [
        with("sub", json!("sam")),
        with("aud", json!(["other", "companion"])),
        with("exp", json!(now() - 30)),
        with("nbf", json!(now() + 30)),
        with("iat", json!(now())),
        with("roles", json!(["admin"])),
    ] {
        assert_eq!(subject(&token).as_deref(), Some("sam"), "{token}");
    }
}

#[test]
fn a_token_that_is_wrong_in_any_way_is_nobody() {
    let token = with("sub", json!("sam"));
    let parts: Vec<&str> = token.split('.').collect();
    for (what, token) in [
        ("expired", with("exp", json!(now() - 120))),
        ("no expiry", without("exp")),
        ("an expiry that is no number", with("exp", json!("tomorrow"))),
        ("not yet", with("nbf", json!(now() + 120))),
        ("issued in the future", with("iat", json!(now() + 120))),
        ("other issuer", with("iss", json!("https://evil.example"))),
        (
            "an issuer that begins alike",
            with("iss", json!("https://id.example.evil")),
        ),
        (
            "two issuers",
            with("iss", json!(["https://evil.example", "https://id.example"])),
        ),
        ("no issuer", without("iss")),
        ("other audience", with("aud", json!("else"))),
        ("no audience", without("aud")),
        ("no subject", without("sub")),
        ("empty subject", with("sub", json!(" "))),
        ("a subject that is no text", with("sub", json!(7))),
        ("a long subject", with("sub", json!("s".repeat(MAX_SUBJECT + 1)))),
        ("other key", signed(Algorithm::HS256, &KEY.replace('q', "p"), &good())),
        ("other hash", signed(Algorithm::HS512, KEY, &good())),
        ("no token", String::new()),
        ("nonsense", "a.b.c".to_owned()),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("a part too many", format!("{token}.{}", parts[2])),
        ("huge", "a".repeat(MAX_TOKEN + 1)),
    ] {
        assert_eq!(subject(&token), None, "{what}");
    }
}

#[test]
fn a_token_that_says_a_thing_twice_is_nobody() {
    let rest = format!(r#""iss":"https://id.example","aud":"companion","exp":{}"#, now() + 60);
    assert_eq!(
        subject(&spelt(&format!(r#"{{"sub":"sam",{rest}}}"#))).as_deref(),
        Some("sam")
    );
    for twice in [
        format!(r#"{{"sub":"sam","sub":"kim",{rest}}}"#),
        format!(r#"{{"sub":"sam",{rest},"iss":"https://id.example"}}"#),
        format!(r#"{{"sub":"sam",{rest},"exp":{}}}"#, now() + 9_999),
        format!(r#"{{"sub":"sam",{rest},"aud":"companion"}}"#),
    ] {
        assert_eq!(subject(&spelt(&twice)), None, "{twice}");
    }
}

#[test]
fn an_unsigned_token_is_nobody() {
    // {"alg":"none"} and its spellings, with the claims of a good token.
    let good = with("sub", json!("sam"));
    let payload = good.split('.').nth(1).unwrap();
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJOb25lIn0", "eyJhbGciOiJOT05FIn0"] {
        assert_eq!(subject(&format!("{header}.{payload}.")), None);
        assert_eq!(subject(&format!("{header}.{payload}")), None);
        assert_eq!(under(&published(), &format!("{header}.{payload}.")), None);
    }
}

fn ed25519(seed: u8) -> EncodingKey {
    EncodingKey::from_ed_der(&[&ED25519[..], &[seed; 32]].concat())
}

/// What an issuer publishes that signs with `ed25519(1)`.
fn published() -> Value {
    let mut key = Jwk::from_encoding_key(&ed25519(1), Algorithm::EdDSA).unwrap();
    key.common.key_id = Some("one".into());
    json!({ "keys": [key] })
}

/// The subject of a token under published keys; nothing too if it names one that is not there.
fn under(published: &Value, token: &str) -> Option<String> {
    let keys = KeySet::read(published.to_string().as_bytes()).unwrap();
    let header = decode_header(token).ok()?;
    tokens().by_one_of(&keys, token, &header)?.ok()
}

#[test]
fn a_token_by_a_published_key_is_its_subject_and_by_another_nobody() {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some("one".into());
    assert_eq!(
        under(&published(), &encode(&header, &good(), &ed25519(1)).unwrap()).as_deref(),
        Some("sam")
    );
    assert_eq!(
        under(&published(), &encode(&header, &good(), &ed25519(2)).unwrap()),
        None
    );

    header.crit = Some(vec!["b64".into()]);
    assert_eq!(
        under(&published(), &encode(&header, &good(), &ed25519(1)).unwrap()),
        None,
        "critical"
    );
}

#[test]
fn a_public_key_is_no_secret_and_what_a_token_brings_along_is_no_key() {
    let published = published();
    let point = published["keys"][0]["x"].as_str().unwrap();
    let whole = published["keys"][0].to_string();
    for secret in [point, &whole] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("one".into());
        let token = encode(&header, &good(), &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        assert_eq!(under(&published, &token), None, "HMAC with what is public");
    }

    let own = Jwk::from_encoding_key(&ed25519(2), Algorithm::EdDSA).unwrap();
    assert!(matches!(own.algorithm, AlgorithmParameters::OctetKeyPair(_)));
    for kid in [Some("one"), None] {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = kid.map(Into::into);
        header.jwk = Some(own.clone());
        header.jku = Some("https://evil.example/jwks.json".into());
        header.x5u = Some("https://evil.example/cert.pem".into());
        let token = encode(&header, &good(), &ed25519(2)).unwrap();
        assert_eq!(under(&published, &token), None, "a key of its own");
    }
}

#[test]
fn production_makes_no_tokens() {
    let mut config = crate::config::tests::example();
    config.environment = Environment::Production;
    let text = issue(&config, &Secrets::default(), "sam", 60).unwrap_err().to_string();
    assert!(text.starts_with("environment: Production makes no tokens"), "{text}");
}

#[test]
fn nobody_but_the_issuer_makes_tokens_where_it_publishes_its_keys() {
    let mut config = crate::config::tests::example();
    config.auth.jwt.jwks_url = Some("https://id.example/jwks.json".into());
    let text = issue(&config, &Secrets::default(), "sam", 60).unwrap_err().to_string();
    assert!(text.starts_with("auth.jwt.jwksURL: tokens are signed by"), "{text}");
}
