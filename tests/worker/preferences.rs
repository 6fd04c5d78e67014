//! What a user wants to be called, and where they are: kept, edited, known to the model, and gone with the user.

use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use serde_json::{Value, json};

const PATH: &str = "/api/v1/preferences";

#[tokio::test]
async fn they_are_kept_edited_one_by_one_and_known_to_the_model() {
    let stub = StubProvider::start().await;
    let worker = Setup::with_stub(&stub).await.start().await;
    let chat = worker.chat("ada");
    let none = chat.get(PATH).await;
    assert_eq!(
        (none.status.as_u16(), none.header("etag"), &none.body["name"]),
        (200, "\"0\"", &Value::Null)
    );
    let all = json!({ "name": "Ada", "pronouns": "she/her", "language": "pt", "time_zone": "Asia/Tokyo" });
    let kept = chat.patch(PATH, all).await;
    assert_eq!(
        (kept.status.as_u16(), kept.header("etag")),
        (200, "\"1\""),
        "{}",
        kept.text
    );
    chat.say("Hello").await;
    let prompt = stub.last_request().of_role("user");
    for line in [
        "Name: Ada\n",
        "Pronouns: she/her\n",
        "Language: pt\n",
        "(Asia/Tokyo)\n</user>",
    ] {
        assert!(prompt.contains(line), "{prompt}");
    }
    // Another user's prompt knows the time and nothing of ada.
    worker.chat("bob").say("Hello").await;
    let prompt = stub.last_request().of_role("user");
    assert!(prompt.contains("(UTC)\n</user>") && !prompt.contains("Ada"), "{prompt}");

    let less = chat.patch(PATH, json!({ "pronouns": null })).await;
    assert_eq!(
        (&less.body["pronouns"], &less.body["name"]),
        (&Value::Null, &json!("Ada")),
        "{}",
        less.text
    );
    let stale = chat
        .with("if-match", "\"1\"")
        .patch(PATH, json!({ "name": "Eve" }))
        .await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "edited_meanwhile"));
    let seen = chat
        .with("if-match", "\"2\"")
        .patch(PATH, json!({ "name": "Eve" }))
        .await;
    assert_eq!(seen.body["name"], "Eve", "{}", seen.text);
    // Of what is stored nowhere the model is told neither name nor time: others may get that reply.
    chat.complete(json!({ "model": "default", "store": false, "messages": [{ "role": "user", "content": "Hi" }] }))
        .await;
    assert!(!stub.last_request().prompt().contains("Now:"));

    let export = chat.get("/api/v1/export").await;
    assert!(export.text.contains("\"table\":\"preferences\""), "{}", export.text);
    chat.post("/api/v1/erase", json!({ "confirm": "erase everything" }))
        .await;
    assert_eq!(chat.get(PATH).await.body["name"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let worker = Setup::new().await.start().await;
    let chat = worker.chat("ada");
    for (body, field) in [
        (json!({}), "name"),
        (json!({ "nick": "A" }), "name"),
        (json!({ "name": "" }), "name"),
        (json!({ "name": 7 }), "name"),
        (json!({ "name": "x".repeat(101) }), "name"),
        (json!({ "pronouns": "\u{0}" }), "pronouns"),
        (json!({ "language": "english please" }), "language"),
        (json!({ "time_zone": "Lisbon" }), "time_zone"),
    ] {
        let answer = chat.patch(PATH, body.clone()).await;
        assert_eq!(answer.status.as_u16(), 400, "{body}: {}", answer.text);
        assert!(answer.text.contains(field), "{body}: {}", answer.text);
    }
}
