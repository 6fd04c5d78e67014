//! Wrong requests: each gets the status and the shape that clients know, and the field's name.

use std::time::Duration;

use companion_tests::worker::Setup;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CHAT: &str = "/v1/chat/completions";

fn user(content: Value) -> Value {
    json!([{ "role": "user", "content": content }])
}

#[tokio::test]
async fn a_wrong_completion_request_names_the_field() {
    let setup = Setup::new().await.with(json!({ "limits": { "messageChars": 100 } }));
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let cases = [
        ("no messages", json!({ "model": "default" }), 400, "messages"),
        (
            "messages not a list",
            json!({ "model": "default", "messages": "hello" }),
            400,
            "messages",
        ),
        (
            "empty messages",
            json!({ "model": "default", "messages": [] }),
            400,
            "messages",
        ),
        (
            "no role",
            json!({ "model": "default", "messages": [{ "content": "hello" }] }),
            400,
            "role",
        ),
        (
            "an unknown role",
            json!({ "model": "default", "messages": [{ "role": "wizard", "content": "hello" }] }),
            400,
            "role",
        ),
        (
            "content a number",
            json!({ "model": "default", "messages": user(json!(5)) }),
            400,
            "content",
        ),
        (
            "no content",
            json!({ "model": "default", "messages": [{ "role": "user" }] }),
            400,
            "content",
        ),
        (
            "an image",
            json!({ "model": "default", "messages": user(json!([{ "type": "image_url", "image_url": { "url": "x" } }])) }),
            400,
            "content",
        ),
        (
            "only blanks",
            json!({ "model": "default", "messages": user(json!("  \n ")) }),
            400,
            "messages[0].content",
        ),
        (
            "a role that nobody has",
            json!({ "model": "default", "messages": [{ "role": "tool", "content": "hello" }] }),
            400,
            "messages[0].role",
        ),
        (
            "too long",
            json!({ "model": "default", "messages": user(json!("x".repeat(101))) }),
            400,
            "messages[0].content",
        ),
        (
            "stream not a boolean",
            json!({ "model": "default", "stream": "yes", "messages": user(json!("hello")) }),
            400,
            "stream",
        ),
        (
            "two answers",
            json!({ "model": "default", "n": 2, "messages": user(json!("hello")) }),
            400,
            "n",
        ),
        (
            "temperature a text",
            json!({ "model": "default", "temperature": "hot", "messages": user(json!("hello")) }),
            400,
            "temperature",
        ),
        (
            "an unknown model",
            json!({ "model": "gpt-17", "messages": user(json!("hello")) }),
            404,
            "model",
        ),
    ];
    for (what, body, status, param) in cases {
        let answer = chat.complete(body).await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", answer.text);
        let error = &answer.body["error"];
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{what}: {}",
            answer.text
        );
        assert!(error["type"].is_string(), "{what}: {}", answer.text);
        let named = format!("{} {}", error["param"], error["message"]);
        assert!(
            named.contains(param),
            "{what}: the error must name {param}: {}",
            answer.text
        );
    }
    assert_eq!(
        chat.complete(json!({ "model": "gpt-17", "messages": user(json!("hello")) }))
            .await
            .code(),
        "model_not_found"
    );
}

#[tokio::test]
async fn a_body_that_is_no_json_is_400_and_too_large_is_413() {
    let setup = Setup::new().await.with(json!({ "limits": { "bodyBytes": 4096 } }));
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let deep = format!("{{\"messages\":{}{}}}", "[".repeat(1000), "]".repeat(1000));
    for text in ["", "hello", "{", "[]", "null", "\u{0}", &deep] {
        let answer = chat
            .try_request(Method::POST, CHAT, Some(text.to_owned()))
            .await
            .unwrap();
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{text:.30}: {}", answer.text);
        assert!(
            answer.body["error"]["message"].is_string(),
            "{text:.30}: {}",
            answer.text
        );
    }
    let answer = chat
        .complete(json!({ "model": "default", "messages": user(json!("x".repeat(5000))) }))
        .await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.text);
    assert!(
        answer.body["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("4096")),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_the_shape_of_their_api() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let cases = [
        (Method::GET, "/v1/nothing", 404),
        (Method::GET, CHAT, 405),
        (Method::GET, "/v1/models/nothing", 404),
        (Method::GET, "/api/v1/nothing", 404),
        (Method::PUT, "/api/v1/memories", 405),
        (Method::DELETE, "/api/v1/memories/not-an-id", 400),
        (
            Method::DELETE,
            "/api/v1/memories/018f2b5e-0000-7000-8000-000000000000",
            404,
        ),
    ];
    for (method, path, status) in cases {
        let answer = chat.try_request(method.clone(), path, None).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{method} {path}: {}", answer.text);
        if path.starts_with("/v1") {
            assert!(
                answer.body["error"]["message"].is_string(),
                "{method} {path}: {}",
                answer.text
            );
        } else {
            assert_eq!(
                answer.header("content-type"),
                "application/problem+json",
                "{method} {path}"
            );
            assert!(
                !answer.code().is_empty() && answer.body["status"] == status,
                "{method} {path}: {}",
                answer.text
            );
        }
    }
}

#[tokio::test]
async fn a_wrong_memory_request_names_the_field() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let cases = [
        ("/api/v1/memories", json!({}), "text"),
        ("/api/v1/memories", json!({ "text": 5 }), "text"),
        ("/api/v1/memories", json!({ "text": "   " }), "text"),
        ("/api/v1/memories", json!({ "text": "x".repeat(100_000) }), "text"),
        ("/api/v1/memories/search", json!({}), "query"),
        ("/api/v1/memories/search", json!({ "query": "" }), "query"),
        (
            "/api/v1/memories/search",
            json!({ "query": "bees", "limit": 0 }),
            "limit",
        ),
        (
            "/api/v1/memories/search",
            json!({ "query": "bees", "limit": "ten" }),
            "limit",
        ),
    ];
    for (path, body, field) in cases {
        let answer = chat.post(path, body.clone()).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{path} {body:.60}: {}",
            answer.text
        );
        assert!(
            answer.text.contains(field),
            "{path} {body:.60}: the error must name {field}: {}",
            answer.text
        );
    }
    for query in ["limit=0", "limit=many", "cursor=nonsense"] {
        let answer = chat.get(&format!("/api/v1/memories?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn what_a_request_carries_too_much_is_ignored() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let body = json!({
        "model": "default", "messages": user(json!([{ "type": "text", "text": "Hello " }, { "type": "text", "text": "there" }])),
        "logit_bias": {}, "user": "whoever", "seed": 5, "from_the_future": { "a": 1 },
    });
    let answer = worker.chat("ada").complete(body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_closed_on() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let ask = |begun: &'static [u8]| {
        let address = worker.url.trim_start_matches("http://").to_owned();
        async move {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun).await.unwrap();
            let mut rest = Vec::new();
            let closed = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
            assert!(closed.is_ok(), "{begun:?} holds a connection for more than 20 s");
        }
    };
    // Half a header, nothing at all, and the first bytes of HTTP/2.
    tokio::join!(
        ask(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"),
        ask(b""),
        ask(b"PRI * HT"),
        ask(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    );
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused_in_the_shape_of_its_api() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let (openai, own) = (
        chat.get("/v1/models/%FF").await,
        chat.get("/api/v1/turns/%FF/events").await,
    );
    assert_eq!(
        (openai.status, openai.code()),
        (StatusCode::BAD_REQUEST, "invalid_request"),
        "{}",
        openai.text
    );
    assert_eq!(
        (own.status, own.code()),
        (StatusCode::BAD_REQUEST, "invalid_request"),
        "{}",
        own.text
    );
    assert_eq!(own.header("content-type"), "application/problem+json");
}
