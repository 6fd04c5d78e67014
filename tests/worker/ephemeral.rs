//! What is not to be kept: `store: false`, our header, and what front ends ask for themselves. It is answered from what the
//! request says alone, and leaves nothing but what it cost.

use std::time::Duration;

use companion_tests::Chat;
use companion_tests::chat::Answer;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// Rows of what users said and what was learned.
async fn rows(chat: &Chat) -> Value {
    let export = chat.get("/api/v1/export").await;
    let last: Value = serde_json::from_str(export.text.lines().last().unwrap()).unwrap();
    let mut rows = last["rows"].clone();
    rows.as_object_mut().unwrap().remove("usage");
    rows
}

async fn ask(chat: &Chat, change: Value) -> Answer {
    let mut body = json!({ "model": "default", "messages": [{ "role": "user", "content": "What am I allergic to?" }] });
    companion_tests::merge(&mut body, change);
    chat.complete(body).await
}

#[tokio::test]
async fn what_is_not_to_be_kept_knows_nothing_of_the_user_and_leaves_nothing() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    chat.in_conversation("one").say("I'm allergic to nuts.").await;
    chat.await_memory("nuts").await;
    let before = rows(&chat).await;

    let task = "### Task:\nSuggest a title.\n<chat_history>\nUSER: My sister Anna lives in Lisbon.\n</chat_history>";
    let header = chat.with("X-Companion-Ephemeral", "true");
    let table = [
        (chat.in_conversation("one"), json!({ "store": false })),
        (chat.with("Idempotency-Key", "k"), json!({ "store": false })),
        (
            header,
            json!({ "messages": [{ "role": "user", "content": "My brother Tom lives in Oslo." }] }),
        ),
        (
            chat.clone(),
            json!({ "messages": [{ "role": "user", "content": task }] }),
        ),
    ];
    for (chat, change) in table {
        let reply = ask(&chat, change.clone()).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text);
        let companion = &reply.body["companion"];
        assert_eq!(
            (
                &companion["stored"],
                &companion["conversation_id"],
                &companion["recalled"]
            ),
            (&json!(false), &json!(null), &json!([])),
            "{change}"
        );
        assert_eq!(companion["degraded"], json!([]), "{change}");
        let prompt = stub.last_request().prompt();
        assert!(!prompt.contains("nuts"), "{change}: {prompt}");
    }
    // The next fact comes after all others in the user's queue: when it is there, nothing else was learned.
    chat.in_conversation("one").say("My sister Eva lives in Rome.").await;
    chat.await_memory("Rome").await;
    let memories = chat.memories().await;
    assert_eq!(memories.len(), 2, "{memories:?}");
    let after = rows(&chat).await;
    assert_eq!(
        after["turns"].as_u64().unwrap(),
        before["turns"].as_u64().unwrap() + 1,
        "{before} {after}"
    );
    eventually("all six turns are counted", Duration::from_secs(10), || async {
        let usage = chat.get("/api/v1/usage").await;
        ensure(usage.body["total"]["turns"] == 6, || usage.text)
    })
    .await;
}
