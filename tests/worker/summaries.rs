//! What is too old for a prompt is summed up by a job and enters as data; it goes with the conversation it is of.

use std::time::Duration;

use companion_tests::Chat;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{eventually, eventually::ensure};
use serde_json::json;

async fn scene(change: serde_json::Value) -> (Setup, StubProvider, Worker) {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await.with(change);
    let worker = setup.start().await;
    (setup, stub, worker)
}

/// Twenty messages, the first of which is too old for a prompt then.
async fn talk(chat: &Chat) {
    chat.say("The code word is heliotrope.").await;
    for number in 1..10 {
        chat.say(&format!("Message {number}")).await;
    }
}

fn asked_for_a_summary(stub: &StubProvider) -> Vec<String> {
    let requests = stub.requests().into_iter().map(|request| request.prompt());
    requests.filter(|prompt| prompt.contains("You keep notes")).collect()
}

async fn summaries(setup: &Setup) -> Vec<String> {
    setup.database.list("SELECT text FROM companion.summaries").await
}

async fn await_summary(setup: &Setup) {
    eventually("a summary", Duration::from_secs(20), || async {
        ensure(!summaries(setup).await.is_empty(), || "there is none".into())
    })
    .await;
}

#[tokio::test]
async fn a_long_conversation_is_summed_up_and_goes_on_with_the_summary() {
    let (setup, stub, worker) = scene(json!({})).await;
    let chat = worker.chat("ada").in_conversation("trip");
    talk(&chat).await;
    await_summary(&setup).await;
    let asked = asked_for_a_summary(&stub);
    assert!(asked[0].contains("person: The code word is heliotrope."), "{asked:?}");
    assert!(
        !asked[0].contains("Message 9"),
        "the last six messages enter prompts as they are: {asked:?}"
    );

    chat.say("What now?").await;
    let prompt = stub.last_request().prompt();
    assert!(prompt.contains("<earlier>"), "{prompt}");
    let usage = chat.get("/api/v1/usage").await;
    let days = usage.body["days"].as_array().unwrap().clone();
    let of = |route: &str| {
        days.iter()
            .find(|day| day["route"] == route)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        (&of("summary")["turns"], &of("normal")["turns"]),
        (&json!(0), &json!(11)),
        "{days:?}"
    );

    let other = worker.chat("bob").in_conversation("trip");
    other.say("Hello").await;
    assert!(
        !stub.last_request().prompt().contains("<earlier>\n"),
        "another user's conversation"
    );
}

#[tokio::test]
async fn a_summary_goes_with_its_conversation() {
    let (setup, _stub, worker) = scene(json!({})).await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    for number in 0..10 {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let reply = chat
            .with("accept", "application/json")
            .post(&path, json!({ "text": format!("Message {number}") }))
            .await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    await_summary(&setup).await;
    chat.post(&format!("/api/v1/conversations/{conversation}/reset"), json!({}))
        .await;
    assert!(summaries(&setup).await.is_empty(), "what was reset is in no summary");
}

#[tokio::test]
async fn without_a_budget_nothing_is_summed_up() {
    let (setup, stub, worker) = scene(json!({ "memory": { "tokenBudgetPerUserPerDay": 0 } })).await;
    talk(&worker.chat("ada").in_conversation("trip")).await;
    let done = "SELECT count(*)::text FROM graphile_worker.jobs WHERE task_identifier = 'summarise'";
    eventually("the job is done", Duration::from_secs(20), || async {
        let left = setup.database.ask(done).await;
        let waiting = setup.database.ask("SELECT count(*)::text FROM companion.outbox").await;
        ensure(left == "0" && waiting == "0", || format!("{left} {waiting}"))
    })
    .await;
    assert!(asked_for_a_summary(&stub).is_empty() && summaries(&setup).await.is_empty());
}
