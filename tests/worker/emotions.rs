//! What messages sound like: told to the client, known to the model, kept, counted, exported and gone with the user.

use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use serde_json::json;

const SAD: &str = "I feel so sad today, my dog died yesterday";

#[tokio::test]
async fn a_mood_is_told_known_to_the_model_and_kept_in_order() {
    let stub = StubProvider::start().await;
    let worker = Setup::with_stub(&stub).await.start().await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    let heard = chat.hear(&conversation, SAD).await;
    let told = heard.one("emotion");
    assert_eq!(told["emotion"], "sad", "{told}");
    assert!(told["confidence"].as_f64() > Some(0.3), "{told}");
    let prompt = stub.last_request().of_role("user");
    assert!(prompt.contains("Mood: The user seems sad"), "{prompt}");
    let heard = chat.hear(&conversation, "What time is it in Tokyo?").await;
    assert!(heard.events.iter().all(|event| event.name != "emotion"));
    assert!(!stub.last_request().of_role("user").contains("Mood:"));
    chat.hear(&conversation, "Thank you so much, that really helped!").await;

    let moods = chat.get("/api/v1/emotions?limit=1").await;
    assert_eq!(moods.body["moods"][0]["emotion"], "grateful", "{}", moods.text);
    let next = moods.body["next_cursor"].as_str().expect("there is more");
    let older = chat.get(&format!("/api/v1/emotions?cursor={next}")).await;
    assert_eq!(older.body["moods"][0]["emotion"], "sad", "{}", older.text);
    let statistics = chat.get("/api/v1/emotions/statistics?days=7").await;
    assert_eq!(
        statistics.body["counts"],
        json!({ "sad": 1, "grateful": 1 }),
        "{}",
        statistics.text
    );
    assert_eq!(statistics.body["needs_attention"], false, "{}", statistics.text);
    let wrong = chat.get("/api/v1/emotions/statistics?days=0").await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.code()),
        (400, "invalid_request"),
        "{}",
        wrong.text
    );

    let of_another = worker.chat("bob").get("/api/v1/emotions").await;
    assert_eq!(of_another.body["moods"], json!([]));
    assert!(chat.get("/api/v1/export").await.text.contains("\"table\":\"moods\""));
    assert_eq!(chat.delete("/api/v1/emotions").await.status.as_u16(), 204);
    assert_eq!(chat.get("/api/v1/emotions").await.body["moods"], json!([]));
}
