//! What web pages may do, and what callers may say about where they come from.

use companion_tests::Chat;
use companion_tests::chat::Answer;
use companion_tests::worker::{Setup, Worker};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ALLOW: &str = "access-control-allow-origin";

async fn with_cors(origins: Value) -> (Setup, Worker) {
    let setup = Setup::new()
        .await
        .with(json!({ "auth": { "cors": { "origins": origins } } }));
    let worker = setup.start().await;
    (setup, worker)
}

async fn preflight(worker: &Worker, origin: &str) -> Answer {
    let page = Chat::new(&worker.url, "")
        .with("origin", origin)
        .with("access-control-request-method", "POST")
        .with(
            "access-control-request-headers",
            "authorization,content-type,x-stainless-os",
        );
    page.try_request(Method::OPTIONS, "/v1/chat/completions", None)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_page_of_a_configured_origin_may_call_and_read_even_errors() {
    let (_setup, worker) = with_cors(json!(["https://chat.example", "http://localhost:3000"])).await;
    let asked = preflight(&worker, "https://chat.example").await;
    assert!(asked.status.is_success(), "{}", asked.status);
    assert_eq!(asked.header(ALLOW), "https://chat.example");
    assert!(
        asked.header("access-control-allow-methods").contains("POST"),
        "{:?}",
        asked.headers
    );
    assert!(
        asked.header("access-control-allow-headers").contains("x-stainless-os"),
        "{:?}",
        asked.headers
    );
    for chat in [worker.chat("ada"), Chat::new(&worker.url, "wrong")] {
        let answer = chat.with("origin", "http://localhost:3000").get("/v1/models").await;
        assert_eq!(answer.header(ALLOW), "http://localhost:3000", "{}", answer.text);
        assert!(
            answer.header("vary").to_lowercase().contains("origin"),
            "{:?}",
            answer.headers
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
}

#[tokio::test]
async fn a_page_of_any_other_origin_may_not() {
    let (_setup, worker) = with_cors(json!(["https://chat.example"])).await;
    for origin in [
        "https://evil.example",
        "https://chat.example.evil.example",
        "https://evilchat.example",
        "https://chat.example:8443",
        "http://chat.example",
        "https://CHAT.example",
        "https://chat.example/",
        "null",
        "*",
    ] {
        let asked = preflight(&worker, origin).await;
        assert_eq!(asked.header(ALLOW), "", "{origin}");
        let answer = worker.chat("ada").with("origin", origin).get("/v1/models").await;
        assert_eq!(answer.header(ALLOW), "", "{origin}");
        assert!(
            answer.header("vary").to_lowercase().contains("origin"),
            "{origin}: {:?}",
            answer.headers
        );
    }
}

#[tokio::test]
async fn without_configured_origins_nothing_is_said_to_browsers() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let asked = preflight(&worker, "https://chat.example").await;
    assert_eq!(asked.status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = worker
        .chat("ada")
        .with("origin", "https://chat.example")
        .get("/v1/models")
        .await;
    for answer in [asked, answer] {
        assert!(
            !answer.headers.keys().any(|name| name.starts_with("access-control")),
            "{:?}",
            answer.headers
        );
    }
}

/// How many of twelve requests are let through that say these addresses.
async fn let_through(trusted: Value, from: impl Fn(usize) -> String) -> usize {
    let setup = Setup::new().await.with(json!({
        "auth": { "trustedProxies": trusted }, "limits": { "perIPPerMinute": 5 },
    }));
    let worker = setup.start().await;
    let mut through = 0;
    for number in 0..12 {
        let answer = worker
            .chat("ada")
            .with("x-forwarded-for", &from(number))
            .get("/v1/models")
            .await;
        through += usize::from(answer.status == StatusCode::OK);
    }
    through
}

/// Each says another.
fn another(number: usize) -> String {
    format!("203.0.113.{number}")
}

#[tokio::test]
async fn nobody_escapes_a_limit_by_saying_that_they_come_from_elsewhere() {
    assert!(let_through(json!([]), another).await <= 10);
    assert!(let_through(json!(["10.0.0.0/8"]), another).await <= 10);
}

#[tokio::test]
async fn callers_behind_a_trusted_proxy_have_a_limit_each() {
    assert_eq!(let_through(json!(["127.0.0.0/8"]), another).await, 12);
}

#[tokio::test]
async fn behind_a_trusted_proxy_only_what_the_proxy_says_counts() {
    // The left part is what the caller wrote, the right one what the proxy added.
    let from = |number| format!("10.0.0.{number}, 203.0.113.7");
    let through = let_through(json!(["127.0.0.0/8"]), from).await;
    assert!((5..=10).contains(&through), "{through} of 12 were let through");
}
