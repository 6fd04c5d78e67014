//! What a user's turns cost: told with each, and by the day.

use companion_tests::stub_provider::{Behaviour, Odd, StubProvider};
use companion_tests::worker::Setup;
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn what_turns_cost_is_told_with_each_and_summed_by_the_day_for_their_own_user() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await.with(json!({ "llm": { "prices": [{
        "model": "stub", "inputPerMillion": "2", "cachedInputPerMillion": "0.5", "outputPerMillion": "10",
    }] } }));
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    for _ in 0..2 {
        stub.next([Behaviour::Odd(Odd::Counted)]);
        let reply = chat.in_conversation("one").say("Hello").await;
        // 600 tokens at 2 dollars a million, 400 cached ones at half a dollar, 50 of the reply at 10.
        assert_eq!(reply.companion["cost_microdollars"], 1900, "{reply:?}");
    }
    let usage = chat.get("/api/v1/usage").await;
    assert_eq!(usage.status, StatusCode::OK, "{}", usage.text);
    let counts = json!({
        "turns": 2, "prompt_tokens": 2000, "cached_tokens": 800, "completion_tokens": 100, "cost_microdollars": 3800,
    });
    assert_eq!(usage.body["total"], counts);
    let mut day = usage.body["days"][0].clone();
    let date = day.as_object_mut().unwrap().remove("day").unwrap();
    let mut expected = counts;
    companion_tests::merge(
        &mut expected,
        json!({ "route": "normal", "provider": "stub", "model": "stub" }),
    );
    assert_eq!(day, expected);
    assert_eq!(usage.body["to"], date);

    // What it cost stays when the conversation goes, and goes with the user.
    let conversations = chat.get("/api/v1/conversations").await;
    let id = conversations.body["conversations"][0]["id"].as_str().unwrap();
    assert_eq!(
        chat.delete(&format!("/api/v1/conversations/{id}")).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(chat.get("/api/v1/usage").await.body["total"]["turns"], 2);
    assert_eq!(worker.chat("bob").get("/api/v1/usage").await.body["days"], json!([]));
    let erased = chat
        .post("/api/v1/erase", json!({ "confirm": "erase everything" }))
        .await;
    assert_eq!(erased.body["receipt"]["rows"]["usage"], 1, "{}", erased.text);
    assert_eq!(chat.get("/api/v1/usage").await.body["days"], json!([]));

    let wrong = chat.get("/api/v1/usage?from=yesterday").await;
    assert_eq!(
        (wrong.status, &wrong.body["field"]),
        (StatusCode::BAD_REQUEST, &json!("from"))
    );
}
