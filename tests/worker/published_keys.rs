//! Tokens by keys that the issuer publishes: every algorithm, rotation, and an issuer that misbehaves.

use std::time::{Duration, Instant};

use companion_tests::jwks::{JwksServer, Publishes};
use companion_tests::worker::{Setup, Worker};
use companion_tests::{Chat, Signer, eventually, eventually::ensure};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::StatusCode;

async fn status(worker: &Worker, token: &str) -> StatusCode {
    Chat::new(&worker.url, token).get("/v1/models").await.status
}

#[tokio::test]
async fn every_algorithm_that_is_promised_is_taken_and_its_user_is_the_tokens_subject() {
    let all = [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ];
    let signers = all.map(Signer::new);
    let issuer = JwksServer::start(&signers.each_ref()).await;
    let setup = Setup::new().await.with_jwks(&issuer.url);
    let worker = setup.start().await;
    let claims = setup.issuer.claims("ada");
    let text = serde_json::json!({ "text": "The user keeps bees." });
    let first = Chat::new(&worker.url, signers[0].sign(&claims));
    assert_eq!(first.post("/api/v1/memories", text).await.status, StatusCode::CREATED);
    for (algorithm, signer) in all.iter().zip(&signers) {
        let chat = Chat::new(&worker.url, signer.sign(&claims));
        assert_eq!(chat.memories().await, ["The user keeps bees."], "{algorithm:?}");
        let bob = Chat::new(&worker.url, signer.sign(&setup.issuer.claims("bob")));
        assert_eq!(bob.memories().await, Vec::<String>::new(), "{algorithm:?}");
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn no_token_chooses_its_own_key_or_algorithm() {
    let (rsa, ed, stranger) = (
        Signer::new(Algorithm::RS256),
        Signer::new(Algorithm::EdDSA),
        Signer::new(Algorithm::EdDSA),
    );
    let issuer = JwksServer::start(&[&rsa, &ed]).await;
    let setup = Setup::new().await.with_jwks(&issuer.url);
    let worker = setup.start().await;
    let claims = setup.issuer.claims("ada");
    assert_eq!(status(&worker, &rsa.sign(&claims)).await, StatusCode::OK);

    for (wrong, token) in setup.issuer.wrong_tokens("ada") {
        assert_eq!(status(&worker, &token).await, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    // The shared key is in the worker's environment all the same; it is nothing beside published ones.
    assert_eq!(
        status(&worker, &setup.issuer.token("ada")).await,
        StatusCode::UNAUTHORIZED,
        "the shared key"
    );

    let public = rsa.published();
    for secret in [public["n"].as_str().unwrap().to_owned(), public.to_string()] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some(rsa.kid.clone());
        let token = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap();
        assert_eq!(
            status(&worker, &token).await,
            StatusCode::UNAUTHORIZED,
            "HMAC with the public key"
        );
    }

    let mut header = stranger.header();
    header.kid = Some(ed.kid.clone());
    header.jwk = serde_json::from_value(stranger.published()).unwrap();
    let elsewhere = JwksServer::start(&[&stranger]).await;
    header.jku = Some(elsewhere.url.clone());
    header.x5u = Some(elsewhere.url.clone());
    assert_eq!(
        status(&worker, &stranger.sign_under(&header, &claims)).await,
        StatusCode::UNAUTHORIZED,
        "a key that the token brings along"
    );
    let mut header = rsa.header();
    header.kid = Some(ed.kid.clone());
    assert_eq!(
        status(&worker, &rsa.sign_under(&header, &claims)).await,
        StatusCode::UNAUTHORIZED,
        "another's kid"
    );
    let mut header = rsa.header();
    header.alg = Algorithm::RS512;
    assert_eq!(
        status(&worker, &rsa.sign_under(&header, &claims)).await,
        StatusCode::UNAUTHORIZED,
        "an algorithm that the key is not for"
    );
    assert_eq!(elsewhere.asked(), 0, "no URL of a token is ever fetched");
    for kid in ["../../etc/passwd", "x' OR '1'='1", "http://169.254.169.254/", "\0"] {
        let mut header = ed.header();
        header.kid = Some(kid.into());
        assert_eq!(
            status(&worker, &ed.sign_under(&header, &claims)).await,
            StatusCode::UNAUTHORIZED,
            "{kid:?}"
        );
    }
}

#[tokio::test]
async fn a_new_key_is_taken_at_once_and_tokens_with_unknown_ones_cause_one_fetch() {
    let (old, new) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
    let issuer = JwksServer::start(&[&old]).await;
    let setup = Setup::new().await.with_jwks(&issuer.url);
    let worker = setup.start().await;
    let claims = setup.issuer.claims("ada");
    assert_eq!(status(&worker, &old.sign(&claims)).await, StatusCode::OK);
    assert_eq!(issuer.asked(), 1);

    issuer.rotate(&[&new]);
    let token = new.sign(&claims);
    let at_once = futures::future::join_all((0..20).map(|_| status(&worker, &token))).await;
    assert!(at_once.iter().all(|status| *status == StatusCode::OK), "{at_once:?}");
    assert_eq!(issuer.asked(), 2, "one fetch for all of them");
    assert_eq!(
        status(&worker, &old.sign(&claims)).await,
        StatusCode::UNAUTHORIZED,
        "a key taken back"
    );

    for _ in 0..20 {
        let unknown = Signer::new(Algorithm::EdDSA);
        assert_eq!(status(&worker, &unknown.sign(&claims)).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(issuer.asked(), 2, "unknown keys are looked for once in 30 s");
    assert_eq!(status(&worker, &token).await, StatusCode::OK);
}

#[tokio::test]
async fn known_keys_stay_while_the_issuer_misbehaves() {
    for misbehaves in [
        Publishes::Nothing,
        Publishes::Redirect,
        Publishes::Page,
        Publishes::Endless,
        Publishes::Error,
    ] {
        let (known, unknown) = (Signer::new(Algorithm::ES256), Signer::new(Algorithm::ES256));
        let issuer = JwksServer::start(&[&known]).await;
        let setup = Setup::new().await.with_jwks(&issuer.url);
        let worker = setup.start().await;
        let claims = setup.issuer.claims("ada");
        assert_eq!(status(&worker, &known.sign(&claims)).await, StatusCode::OK);

        issuer.rotate(&[&known, &unknown]);
        issuer.always(misbehaves);
        let (fetched, token) = (unknown.sign(&claims), known.sign(&claims));
        let waiting = async {
            let began = Instant::now();
            assert_eq!(
                status(&worker, &fetched).await,
                StatusCode::UNAUTHORIZED,
                "{misbehaves:?}"
            );
            assert!(
                began.elapsed() < Duration::from_secs(5),
                "{misbehaves:?}: {:?}",
                began.elapsed()
            );
        };
        let meanwhile = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let began = Instant::now();
            assert_eq!(status(&worker, &token).await, StatusCode::OK, "{misbehaves:?}");
            assert!(
                began.elapsed() < Duration::from_secs(1),
                "{misbehaves:?}: {:?}",
                began.elapsed()
            );
        };
        tokio::join!(waiting, meanwhile);
        assert_eq!(status(&worker, &token).await, StatusCode::OK, "{misbehaves:?}");
    }
}

#[tokio::test]
async fn without_any_keys_a_token_cannot_be_told_and_the_issuers_return_heals() {
    let signer = Signer::new(Algorithm::EdDSA);
    let issuer = JwksServer::start(&[&signer]).await;
    issuer.always(Publishes::Error);
    let setup = Setup::new().await.with_jwks(&issuer.url);
    let worker = setup.start().await;
    let token = signer.sign(&setup.issuer.claims("ada"));
    let answer = Chat::new(&worker.url, &token).get("/v1/models").await;
    assert_eq!(
        (answer.status, answer.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "keys_unavailable"),
        "{}",
        answer.text
    );
    assert!(
        answer.header("retry-after").parse::<u64>().is_ok(),
        "{:?}",
        answer.headers
    );
    assert_eq!(
        status(&worker, &setup.issuer.token("ada")).await,
        StatusCode::UNAUTHORIZED,
        "no key would make it good"
    );
    assert_eq!(worker.admin("/readyz").await, 200);

    issuer.always(Publishes::Keys);
    eventually("the keys are known", Duration::from_secs(20), || async {
        let status = status(&worker, &token).await;
        ensure(status == StatusCode::OK, || status.to_string())
    })
    .await;
}
