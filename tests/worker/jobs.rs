//! Who works on what comes after replies: every worker, or one that does nothing else.

use std::time::Duration;

use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};

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
