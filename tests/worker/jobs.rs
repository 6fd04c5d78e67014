//! Who works on what comes after replies: every worker, or one that does nothing else.

use std::time::Duration;

use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use serde_json::json;

#[tokio::test]
async fn jobs_can_be_left_to_a_worker_that_does_nothing_else() {
    let setup = Setup::new().await;
    let serving = setup.start_with(&["--jobs", "off"]).await;
    let chat = serving.chat("ada");
    chat.in_conversation("one").say("My sister Anna lives in Lisbon.").await;
    // Relay and queue look every half second.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(chat.memories().await.is_empty(), "nobody works on jobs yet");

    let working = setup.start_with(&["--jobs", "only"]).await;
    chat.await_memory("Lisbon").await;
    assert!(
        reqwest::get(format!("{}/v1/models", working.url)).await.is_err(),
        "it does not serve"
    );
    eventually("the job is counted", Duration::from_secs(5), || async {
        let metrics = working.metrics().await;
        ensure(
            metrics.contains("companion_jobs_total{outcome=\"ok\",task=\"extract\"} 1"),
            || metrics,
        )
    })
    .await;
}

#[tokio::test]
async fn a_job_that_does_not_end_before_its_worker_goes_back_to_the_queue() {
    let stub = StubProvider::start().await;
    let patient = json!({ "llm": { "timeouts": { "firstToken": "50s", "idle": "50s", "turn": "60s" } } });
    let setup = Setup::with_stub(&stub).await.with(patient);
    let serving = setup.start_with(&["--jobs", "off"]).await;
    let chat = serving.chat("ada").in_conversation("trip");
    // So many that some are too old for a prompt.
    for number in 0..10 {
        chat.say(&format!("Message {number}")).await;
    }
    let asked = || {
        let prompts = stub.requests().into_iter().map(|request| request.prompt());
        prompts.filter(|prompt| prompt.contains("You keep notes")).count()
    };

    stub.pace(Pace {
        first_token: Duration::from_secs(40),
        ..Pace::default()
    });
    let mut first = setup.start_with(&["--jobs", "only"]).await;
    eventually("a summary is asked for", Duration::from_secs(20), || async {
        ensure(asked() == 1, || asked().to_string())
    })
    .await;
    stub.pace(Pace::default());
    first.terminate();
    assert!(
        first.ended(Duration::from_secs(10)).await,
        "it does not wait for the model"
    );

    // One whose worker had just vanished would wait for a minute.
    let _second = setup.start_with(&["--jobs", "only"]).await;
    eventually("a summary", Duration::from_secs(20), || async {
        let made = setup.database.list("SELECT text FROM companion.summaries").await;
        ensure(!made.is_empty(), || format!("none, asked for {}", asked()))
    })
    .await;
    assert_eq!(asked(), 2);
}
