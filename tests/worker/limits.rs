//! How much one may ask: per user over all workers, per address, per worker.

use std::time::Duration;

use companion_tests::Chat;
use companion_tests::chat::message;
use companion_tests::stub_provider::{Behaviour, StubProvider};
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_user_over_the_limit_gets_429_on_every_worker_and_others_go_on() {
    let setup = Setup::new().await.with(json!({ "limits": { "perUserPerMinute": 5 } }));
    let (first, second) = (setup.start().await, setup.start().await);
    let mut answers = Vec::new();
    for number in 0..12 {
        let worker = if number % 2 == 0 { &first } else { &second };
        answers.push(worker.chat("ada").complete(message("Hello", false)).await);
    }
    let taken = answers.iter().filter(|answer| answer.status == StatusCode::OK).count();
    // A minute may turn in between, which allows as many again.
    assert!((5..=10).contains(&taken), "{taken} of 12 were taken");
    let refused = answers
        .iter()
        .find(|answer| answer.status != StatusCode::OK)
        .expect("some are refused");
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = refused
        .header("retry-after")
        .parse()
        .expect("Retry-After is a number of seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(
        refused.headers.keys().any(|name| name.starts_with("ratelimit")),
        "{:?}",
        refused.headers
    );
    assert!(refused.body["error"]["message"].is_string(), "{}", refused.text);
    assert_eq!(
        first.chat("bob").complete(message("Hello", false)).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_address_over_the_limit_gets_429_even_without_a_token() {
    let setup = Setup::new().await.with(json!({ "limits": { "perIPPerMinute": 5 } }));
    let worker = setup.start().await;
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(Chat::new(&worker.url, "wrong").get("/v1/models").await.status);
    }
    assert!(statuses.contains(&StatusCode::TOO_MANY_REQUESTS), "{statuses:?}");
}

#[tokio::test]
async fn a_full_worker_says_503_and_when_to_come_again() {
    let stub = StubProvider::start().await;
    stub.always(Behaviour::StallAfter(1));
    let setup = Setup::with_stub(&stub)
        .await
        .with(json!({ "limits": { "turnsInFlightPerWorker": 2 } }));
    let worker = setup.start().await;
    let mut open = Vec::new();
    for user in ["ada", "bob"] {
        let mut stream = worker.chat(user).open(message("Hello", true)).await;
        stream.first_text().await.unwrap();
        open.push(stream);
    }
    let answer = worker.chat("eve").complete(message("Hello", false)).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text);
    assert!(
        answer.header("retry-after").parse::<u64>().is_ok(),
        "{:?}",
        answer.headers
    );
    assert_eq!(worker.admin("/healthz").await, 200);

    drop(open);
    stub.always(Behaviour::Answer);
    eventually("room again", Duration::from_secs(5), || async {
        let answer = worker.chat("eve").complete(message("Hello", false)).await;
        ensure(answer.status == StatusCode::OK, || answer.text)
    })
    .await;
}
