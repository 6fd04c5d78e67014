//! Conversations of the companion API: made, listed page by page, named by one editor at a time, emptied, deleted.

use companion_tests::named::Heard;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use reqwest::{Method, StatusCode};
use serde_json::json;

const ALL: usize = usize::MAX;

#[tokio::test]
async fn conversations_are_listed_newest_first_with_a_cursor_that_nothing_moves() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(chat.converse().await);
    }
    made.reverse();
    let first = chat.get("/api/v1/conversations?limit=2").await;
    chat.converse().await;
    let second = chat
        .get(&format!(
            "/api/v1/conversations?limit=2&cursor={}",
            first.body["next_cursor"].as_str().unwrap()
        ))
        .await;
    let third = chat
        .get(&format!(
            "/api/v1/conversations?limit=2&cursor={}",
            second.body["next_cursor"].as_str().unwrap()
        ))
        .await;
    let ids: Vec<_> = [&first, &second, &third]
        .iter()
        .flat_map(|page| page.body["conversations"].as_array().unwrap())
        .map(|conversation| conversation["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids, made);
    assert!(third.body["next_cursor"].is_null());
    for wrong in ["limit=0", "limit=101", "cursor=nonsense"] {
        let answer = chat.get(&format!("/api/v1/conversations?{wrong}")).await;
        let field = wrong.split('=').next().unwrap();
        assert_eq!(
            (answer.status, &answer.body["field"]),
            (StatusCode::BAD_REQUEST, &json!(field))
        );
    }
    assert_eq!(
        worker.chat("bob").get("/api/v1/conversations").await.body["conversations"],
        json!([])
    );
}

#[tokio::test]
async fn an_edit_of_what_was_edited_meanwhile_is_refused() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let made = chat.post("/api/v1/conversations", json!({ "title": "Trip" })).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let path = made.header("location").to_owned();
    let tag = made.header("etag").to_owned();
    let rename = async |tag: &str, title: serde_json::Value| {
        let body = json!({ "title": title }).to_string();
        let editor = if tag.is_empty() {
            chat.clone()
        } else {
            chat.with("if-match", tag)
        };
        editor.try_request(Method::PATCH, &path, Some(body)).await.unwrap()
    };
    let renamed = rename(&tag, json!("Lisbon")).await;
    assert_eq!(
        (renamed.status, &renamed.body["title"]),
        (StatusCode::OK, &json!("Lisbon"))
    );
    let stale = rename(&tag, json!("Porto")).await;
    assert_eq!(
        (stale.status, stale.code()),
        (StatusCode::PRECONDITION_FAILED, "edited_meanwhile")
    );
    assert_eq!(chat.get(&path).await.body["title"], "Lisbon");
    let unconditional = rename("", json!(null)).await;
    assert!(unconditional.body["title"].is_null(), "{}", unconditional.text);
    for (tag, title, field) in [
        ("nonsense", json!("x"), "If-Match"),
        ("*", json!(""), "title"),
        ("*", json!(7), "title"),
    ] {
        let wrong = rename(tag, title).await;
        assert_eq!(
            (wrong.status, &wrong.body["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{}",
            wrong.text
        );
    }
}

#[tokio::test]
async fn messages_are_read_back_page_by_page_and_a_reset_forgets_them_everywhere() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    for text in ["My code word is heliotrope", "And again"] {
        let mut heard = Heard::default();
        chat.send_message(&conversation, text).await.hear(&mut heard, ALL).await;
        assert_eq!(heard.one("done")["stored"], true);
    }
    assert!(
        stub.last_request().prompt().contains("heliotrope"),
        "the conversation goes on"
    );
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let page = chat.get(&format!("{path}?limit=3")).await;
    let seqs: Vec<_> = page.body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["seq"].as_i64())
        .collect();
    assert_eq!(seqs, [Some(4), Some(3), Some(2)]);
    let rest = chat
        .get(&format!("{path}?cursor={}", page.body["next_cursor"].as_str().unwrap()))
        .await;
    assert_eq!(rest.body["messages"][0]["text"], "My code word is heliotrope");
    assert_eq!(rest.body["messages"][0]["role"], "user");

    let reset = chat
        .post(&format!("/api/v1/conversations/{conversation}/reset"), json!({}))
        .await;
    assert_eq!(reset.status, StatusCode::NO_CONTENT, "{}", reset.text);
    assert_eq!(chat.get(&path).await.body["messages"], json!([]));
    let mut heard = Heard::default();
    chat.send_message(&conversation, "What did I say?")
        .await
        .hear(&mut heard, ALL)
        .await;
    let prompt = stub.last_request().of_role("user");
    assert!(!prompt.contains("And again"), "{prompt}");
}

#[tokio::test]
async fn a_conversation_that_is_deleted_or_another_users_does_not_exist() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let (ada, bob) = (worker.chat("ada"), worker.chat("bob"));
    let conversation = ada.converse().await;
    let path = format!("/api/v1/conversations/{conversation}");
    let calls = [
        (Method::GET, path.clone(), None),
        (
            Method::PATCH,
            path.clone(),
            Some(json!({ "title": "Mine" }).to_string()),
        ),
        (Method::GET, format!("{path}/messages"), None),
        (
            Method::POST,
            format!("{path}/messages"),
            Some(json!({ "text": "Hello" }).to_string()),
        ),
        (Method::POST, format!("{path}/reset"), None),
        (Method::DELETE, path.clone(), None),
    ];
    for (method, path, body) in calls.clone() {
        let answer = bob.try_request(method.clone(), &path, body).await.unwrap();
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "conversation_not_found"),
            "{method} {path}"
        );
    }
    assert_eq!(ada.delete(&path).await.status, StatusCode::NO_CONTENT);
    for (method, path, body) in calls {
        let answer = ada.try_request(method.clone(), &path, body).await.unwrap();
        assert_eq!(
            (answer.status, answer.code()),
            (StatusCode::NOT_FOUND, "conversation_not_found"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_message_may_be_answered_in_one_piece() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    let whole = chat
        .with("accept", "application/json")
        .post(
            &format!("/api/v1/conversations/{conversation}/messages"),
            json!({ "text": "Hello" }),
        )
        .await;
    assert_eq!(whole.status, StatusCode::OK, "{}", whole.text);
    assert_eq!(whole.body["stored"], true);
    assert!(whole.body["text"].as_str().unwrap().contains("Hello"));
    for (body, field) in [
        (json!({}), "text"),
        (json!({ "text": " " }), "text"),
        (json!({ "text": "x".repeat(4001) }), "text"),
    ] {
        let wrong = chat
            .post(&format!("/api/v1/conversations/{conversation}/messages"), body)
            .await;
        assert_eq!(
            (wrong.status, &wrong.body["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{}",
            wrong.text
        );
    }
}
