//! Servers with an API key: whom they act for, what they may not, and how much they may ask.

use companion_tests::Chat;
use companion_tests::chat::{Answer, message};
use companion_tests::worker::{Setup, Worker};
use reqwest::StatusCode;
use serde_json::{Value, json};

const USER: &str = "x-companion-user";
const FORWARDED: &str = "X-OpenWebUI-User-Id";

async fn remember(chat: &Chat, text: &str) -> Answer {
    chat.post("/api/v1/memories", json!({ "text": text })).await
}

fn naming(user: Value) -> Value {
    let mut body = message("Hello", false);
    body["user"] = user;
    body
}

fn is(answer: &Answer, status: StatusCode, code: &str) {
    assert_eq!((answer.status, answer.code()), (status, code), "{}", answer.text);
}

async fn forwarding(setup: Setup) -> (Setup, Worker) {
    let setup = setup.with(json!({ "auth": { "forwardedUserHeader": FORWARDED } }));
    let worker = setup.start().await;
    (setup, worker)
}

#[tokio::test]
async fn a_key_acts_for_the_very_user_whom_a_token_proves() {
    let mut setup = Setup::new().await;
    let key = setup.api_key("app", "chat,act-as").await;
    let (_setup, worker) = forwarding(setup).await;
    let app = Chat::new(&worker.url, &key);
    remember(&worker.chat("ada"), "The user keeps bees.").await;

    let bees = ["The user keeps bees."];
    assert_eq!(app.with(USER, "ada").memories().await, bees);
    assert_eq!(app.with(FORWARDED, "ada").memories().await, bees);
    assert_eq!(
        app.with(USER, "ada").with(FORWARDED, "bob").memories().await,
        bees,
        "our header goes first"
    );
    assert_eq!(app.with(USER, "bob").memories().await, Vec::<String>::new());
    assert_eq!(app.with(USER, "Ada").memories().await, Vec::<String>::new());
}

#[tokio::test]
async fn openais_user_field_names_the_user_too_and_a_header_goes_before_it() {
    let mut setup = Setup::new().await;
    let key = setup.api_key("app", "chat,act-as").await;
    let worker = setup.start().await;
    let app = Chat::new(&worker.url, &key);
    let conversation = async |chat: &Chat, body: Value| {
        let answer = chat.in_conversation("bees").complete(body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.body["companion"]["conversation_id"].as_str().unwrap().to_owned()
    };
    let ada = conversation(&worker.chat("ada"), message("Hello", false)).await;
    assert_eq!(conversation(&app, naming(json!("ada"))).await, ada);
    assert_eq!(conversation(&app.with(USER, "ada"), naming(json!("bob"))).await, ada);
    assert_ne!(conversation(&app, naming(json!("bob"))).await, ada);
    assert_eq!(
        conversation(&worker.chat("ada"), naming(json!("bob"))).await,
        ada,
        "a token's user is its own"
    );
}

#[tokio::test]
async fn a_key_that_acts_for_users_and_names_none_is_told_how() {
    let mut setup = Setup::new().await;
    let key = setup.api_key("app", "chat,act-as").await;
    let (_setup, worker) = forwarding(setup).await;
    let app = Chat::new(&worker.url, &key);
    for answer in [
        app.complete(message("Hello", false)).await,
        app.get("/api/v1/memories").await,
    ] {
        is(&answer, StatusCode::BAD_REQUEST, "user_required");
        assert!(
            answer.text.contains("X-Companion-User") && answer.text.contains(FORWARDED),
            "{}",
            answer.text
        );
    }
    is(
        &app.complete(naming(Value::Null)).await,
        StatusCode::BAD_REQUEST,
        "user_required",
    );
    is(
        &app.complete(naming(json!(7))).await,
        StatusCode::BAD_REQUEST,
        "invalid_request",
    );
    is(
        &app.complete(naming(json!(" "))).await,
        StatusCode::BAD_REQUEST,
        "invalid_request",
    );
    is(
        &app.with(USER, &"u".repeat(600)).get("/api/v1/memories").await,
        StatusCode::BAD_REQUEST,
        "invalid_request",
    );
    assert_eq!(
        app.get("/v1/models").await.status,
        StatusCode::OK,
        "a client lists models before it has a user"
    );
}

#[tokio::test]
async fn a_key_that_may_not_act_for_users_is_one_itself_and_no_other() {
    let mut setup = Setup::new().await;
    let (one, two) = (setup.api_key("one", "chat").await, setup.api_key("two", "chat").await);
    let (_setup, worker) = forwarding(setup).await;
    let (first, second) = (Chat::new(&worker.url, &one), Chat::new(&worker.url, &two));
    assert_eq!(
        remember(&first, "The user keeps bees.").await.status,
        StatusCode::CREATED
    );
    assert_eq!(first.memories().await, ["The user keeps bees."]);
    assert_eq!(second.memories().await, Vec::<String>::new());
    assert_eq!(
        worker.chat("one").memories().await,
        Vec::<String>::new(),
        "a token with the key's name is another user"
    );

    for answer in [
        first.with(USER, "ada").get("/api/v1/memories").await,
        first.with(FORWARDED, "ada").get("/api/v1/memories").await,
        first.complete(naming(json!("ada"))).await,
        first.with(USER, "one").complete(message("Hello", false)).await,
    ] {
        is(&answer, StatusCode::FORBIDDEN, "missing_scope");
        assert!(answer.text.contains("act-as"), "{}", answer.text);
    }
}

#[tokio::test]
async fn headers_that_name_users_are_nothing_beside_a_token() {
    let mut setup = Setup::new().await;
    setup.api_key("app", "chat,act-as").await;
    let (_setup, worker) = forwarding(setup).await;
    remember(&worker.chat("ada"), "The user keeps bees.").await;
    let bob = worker.chat("bob").with(USER, "ada").with(FORWARDED, "ada");
    assert_eq!(bob.memories().await, Vec::<String>::new());
    let nobody = Chat::new(&worker.url, "").with(USER, "ada").with(FORWARDED, "ada");
    is(
        &nobody.get("/api/v1/memories").await,
        StatusCode::UNAUTHORIZED,
        "invalid_token",
    );
}

#[tokio::test]
async fn a_key_for_support_alone_cannot_chat() {
    let mut setup = Setup::new().await;
    let key = setup.api_key("support", "admin").await;
    let worker = setup.start().await;
    let support = Chat::new(&worker.url, &key);
    for path in ["/v1/models", "/api/v1/memories"] {
        is(&support.get(path).await, StatusCode::FORBIDDEN, "missing_scope");
    }
    is(
        &support.complete(message("Hello", false)).await,
        StatusCode::FORBIDDEN,
        "missing_scope",
    );
}

#[tokio::test]
async fn a_wrong_key_is_nobody_and_counts_for_its_address() {
    let mut setup = Setup::new().await.with(json!({ "limits": { "perIPPerMinute": 5 } }));
    let key = setup.api_key("app", "chat").await;
    let worker = setup.start().await;
    let other = if key.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{other}", &key[..key.len() - 1]);
    let mut codes = Vec::new();
    for _ in 0..12 {
        codes.push(Chat::new(&worker.url, &wrong).get("/v1/models").await.code().to_owned());
    }
    assert_eq!(codes[0], "invalid_token");
    assert!(codes.contains(&"rate_limit_exceeded".to_owned()), "{codes:?}");
    for _ in 0..12 {
        assert_eq!(
            Chat::new(&worker.url, &key).get("/v1/models").await.status,
            StatusCode::OK,
            "its own limit, not the address's"
        );
    }
}

#[tokio::test]
async fn a_key_over_its_limit_gets_429_on_every_worker_and_other_keys_go_on() {
    let mut setup = Setup::new().await.with(json!({ "limits": { "perKeyPerMinute": 5 } }));
    let (busy, calm) = (
        setup.api_key("busy", "chat,act-as").await,
        setup.api_key("calm", "chat").await,
    );
    let (first, second) = (setup.start().await, setup.start().await);
    let mut answers = Vec::new();
    for number in 0..12 {
        let worker = if number % 2 == 0 { &first } else { &second };
        let user = format!("user-{number}");
        answers.push(
            Chat::new(&worker.url, &busy)
                .with(USER, &user)
                .complete(message("Hello", false))
                .await,
        );
    }
    let taken = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    // A minute may turn in between, which allows as many again.
    assert!((5..=10).contains(&taken), "{taken} of 12 were taken");
    let refused = answers.iter().find(|answer| answer.status != StatusCode::OK).unwrap();
    is(refused, StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded");
    assert_eq!(refused.header("ratelimit-limit"), "5");
    assert!(
        refused.header("retry-after").parse::<u64>().is_ok() && refused.text.contains("API key"),
        "{}",
        refused.text
    );
    assert_eq!(
        Chat::new(&first.url, &calm).get("/v1/models").await.status,
        StatusCode::OK
    );
    assert_eq!(first.chat("ada").get("/v1/models").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_malformed_entry_keeps_out_its_own_key_alone_and_is_named_in_the_log() {
    let mut setup = Setup::new().await;
    let key = setup.api_key("app", "chat").await;
    let folder = setup.config["auth"]["apiKeys"]["path"].as_str().unwrap();
    std::fs::write(
        std::path::Path::new(folder).join("pasted"),
        "ck_pasted_0123456789abcdef",
    )
    .unwrap();
    let worker = setup.start().await;
    assert_eq!(
        Chat::new(&worker.url, &key).get("/v1/models").await.status,
        StatusCode::OK
    );
    let log = worker.log();
    assert!(log.contains("pasted") && !log.contains("0123456789abcdef"), "{log}");
}
