//! What a production configuration refuses to start with, each by the name of its setting.

use std::time::Duration;

use companion_tests::worker::Setup;
use serde_json::{Value, json};

async fn refused(change: Value, secret: Option<&str>, words: &[&str]) {
    let mut setup = Setup::unmigrated()
        .await
        .with(json!({ "environment": "Production" }))
        .with(change);
    if let Some(secret) = secret {
        setup.issuer.secret = secret.into();
    }
    let mut worker = setup.launch();
    assert!(!worker.ended(Duration::from_secs(20)).await);
    let log = worker.log();
    for word in words {
        assert!(log.contains(word), "{words:?}: {log}");
    }
    if let Some(secret) = secret.filter(|secret| !secret.is_empty()) {
        assert!(!log.contains(secret), "a secret is never told: {log}");
    }
}

#[tokio::test]
async fn a_weak_missing_or_default_signing_key() {
    let name = "COMPANION_JWT_HS256_SECRET";
    refused(json!({}), Some(""), &[name, "not set"]).await;
    refused(json!({}), Some(&"ab".repeat(32)), &[name, "different bytes"]).await;
    refused(
        json!({}),
        Some("this-is-the-Default-key-0123456789abcdef"),
        &[name, "random"],
    )
    .await;
}

#[tokio::test]
async fn no_authentication() {
    refused(json!({ "auth": null }), None, &["auth"]).await;
    refused(json!({ "auth": { "jwt": null } }), None, &["jwt"]).await;
}

#[tokio::test]
async fn every_page_or_keys_in_the_clear() {
    refused(
        json!({ "auth": { "cors": { "origins": ["*"] } } }),
        None,
        &["auth.cors.origins", "Production"],
    )
    .await;
    let clear = json!({ "auth": { "jwt": { "jwksURL": "http://id.example/jwks.json" } } });
    refused(clear, None, &["auth.jwt.jwksURL", "https"]).await;
}

#[tokio::test]
async fn there_is_no_way_to_get_a_token_from_the_service() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let anybody = companion_tests::Chat::new(&worker.url, "");
    for path in [
        "/token",
        "/v1/token",
        "/api/v1/token",
        "/api/v1/auth/token",
        "/login",
        "/oauth/token",
    ] {
        let answer = anybody.post(path, json!({ "user": "ada" })).await;
        assert_eq!(answer.status, reqwest::StatusCode::NOT_FOUND, "{path}: {}", answer.text);
    }
}
