//! A user takes everything along, or is gone.

use companion_tests::named::Heard;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use reqwest::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn an_export_holds_all_and_an_erasure_leaves_nothing_in_postgresql_or_redis() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    let mut heard = Heard::default();
    chat.send_message(&conversation, "My sister Anna lives in Lisbon.")
        .await
        .hear(&mut heard, usize::MAX)
        .await;
    chat.in_conversation("trip").say("The code word is heliotrope.").await;
    chat.await_memory("Anna").await;

    let export = chat.get("/api/v1/export").await;
    assert_eq!(export.status, StatusCode::OK, "{}", export.text);
    let lines: Vec<Value> = export
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.last().unwrap()["complete"], true);
    for said in ["heliotrope", "The user's sister Anna"] {
        assert!(export.text.contains(said), "{said} is not in the export");
    }

    let unsure = chat.post("/api/v1/erase", json!({})).await;
    assert_eq!(
        (unsure.status, &unsure.body["field"]),
        (StatusCode::BAD_REQUEST, &json!("confirm"))
    );
    let erased = chat
        .post("/api/v1/erase", json!({ "confirm": "erase everything" }))
        .await;
    assert_eq!(erased.status, StatusCode::OK, "{}", erased.text);
    assert_eq!(erased.body["receipt"]["rows"]["messages"], 4, "{}", erased.text);

    assert_eq!(chat.memories().await, Vec::<String>::new());
    assert_eq!(chat.get("/api/v1/conversations").await.body["conversations"], json!([]));
    let turn = chat.get(&format!("/api/v1/turns/{}/events", heard.turn())).await;
    assert_eq!(
        turn.status,
        StatusCode::NOT_FOUND,
        "the turn's events are still in Redis: {}",
        turn.text
    );
    chat.in_conversation("trip").say("What did I say?").await;
    let prompt = stub.last_request().prompt();
    assert!(
        !prompt.contains("heliotrope"),
        "the recent messages are still in Redis: {prompt}"
    );
}
