//! Who is let in: the right token, and none of the wrong ones.

use companion_tests::worker::Setup;
use reqwest::StatusCode;

const PATHS: [&str; 2] = ["/v1/models", "/api/v1/memories"];

#[tokio::test]
async fn every_wrong_token_gets_401_and_never_a_hint() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    for path in PATHS {
        assert_eq!(
            worker.chat("ada").get(path).await.status,
            StatusCode::OK,
            "the right token must be taken on {path}"
        );
        let mut texts = Vec::new();
        for (wrong, token) in setup.issuer.wrong_tokens("ada") {
            let answer = companion_tests::Chat::new(&worker.url, &token).get(path).await;
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{path}: {wrong}: {}",
                answer.text
            );
            assert!(
                answer.header("www-authenticate").starts_with("Bearer"),
                "{path}: {wrong}: {:?}",
                answer.headers
            );
            assert_eq!(answer.code(), "invalid_token", "{path}: {wrong}: {}", answer.text);
            if !token.is_empty() {
                texts.push(
                    answer.body["error"]["message"]
                        .as_str()
                        .or(answer.body["detail"].as_str())
                        .map(str::to_owned),
                );
            }
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{path}: the answer tells wrong tokens apart: {texts:?}");
    }
}

#[tokio::test]
async fn two_issuers_of_one_user_name_never_meet() {
    let setup = Setup::new().await;
    let other = companion_tests::Issuer {
        issuer: "https://second.test".into(),
        ..setup.issuer.clone()
    };
    let first = setup.start().await;
    first
        .chat("ada")
        .post(
            "/api/v1/memories",
            serde_json::json!({ "text": "The user keeps bees." }),
        )
        .await;

    let setup = setup.with(serde_json::json!({ "auth": { "jwt": { "issuer": other.issuer } } }));
    let second = setup.start().await;
    let chat = companion_tests::Chat::new(&second.url, other.token("ada"));
    assert_eq!(chat.memories().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_token_command_mints_a_token_that_works() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let (done, token) = setup.run(&["token", "--user", "ada"]).await;
    assert!(done, "{token}");
    let token = token.split_whitespace().last().expect("the token is printed");
    let answer = companion_tests::Chat::new(&worker.url, token).get("/v1/models").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn the_token_command_is_refused_under_production() {
    let setup = Setup::unmigrated()
        .await
        .with(serde_json::json!({ "environment": "Production" }));
    let (done, text) = setup.run(&["token", "--user", "ada"]).await;
    assert!(!done && text.contains("Production"), "{text}");
}

#[tokio::test]
async fn a_short_signing_key_stops_the_worker_with_what_to_do() {
    let mut setup = Setup::new().await;
    setup.issuer.secret = "short".into();
    let mut worker = setup.launch();
    assert!(!worker.ended(std::time::Duration::from_secs(20)).await);
    let log = worker.log();
    assert!(
        log.contains("at least 32 are needed") && log.contains("COMPANION_JWT_HS256_SECRET"),
        "{log}"
    );
}
