//! `/metrics` of a worker that serves: every metric that moves without a fault is made to move. What a metric counts
//! exactly is tested where it is counted.

use std::time::Duration;

use companion_tests::chat::message;
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::worker::{Setup, Worker};
use companion_tests::{eventually, eventually::ensure};
use reqwest::StatusCode;
use serde_json::json;
use sqlx::Connection;

#[tokio::test]
async fn every_metric_that_needs_no_fault_moves() {
    let stub = StubProvider::start().await;
    let price = json!({ "model": "stub", "inputPerMillion": "2", "outputPerMillion": "10" });
    let setup = Setup::with_stub(&stub).await.with(json!({
        "limits": { "perUserPerMinute": 30 }, "llm": { "prices": [price] },
    }));
    let worker = setup.start().await;
    let chat = worker.chat("ada");

    stub.pace(Pace {
        gap: Duration::from_millis(50),
        words: 20,
        ..Pace::default()
    });
    let mut stream = chat.open(message("My sister Anna lives in Lisbon.", true)).await;
    stream.first_text().await.unwrap();
    assert_eq!(value(&worker, "companion_turns_in_flight").await, 1.0);
    stream.rest().await.unwrap();
    assert_eq!(value(&worker, "companion_turns_in_flight").await, 0.0);
    stub.pace(Pace::default());

    chat.await_memory("Lisbon").await;
    assert!(
        chat.say("Where does my sister live?")
            .await
            .recalled()
            .contains("Lisbon")
    );
    while chat.complete(message("Hello", false)).await.status == StatusCode::OK {}
    list_waits_for_a_connection(&setup, &worker).await;

    for name in [
        "companion_http_requests_total",
        "companion_first_token_seconds_count",
        "companion_tokens_per_second_count",
        "companion_redis_up",
        "companion_turn_overhead_seconds_count",
        "companion_turn_seconds_count",
        "companion_refused_total",
        "companion_provider_calls_total",
        "companion_provider_cost_microdollars_total",
        "companion_provider_tokens_total",
        "companion_memories_recalled_total",
        "companion_recall_seconds_count",
        "companion_jobs_total",
        "companion_facts_total",
        "companion_database_connections_open",
    ] {
        let value = value(&worker, name).await;
        assert!(value > 0.0, "{name} is {value}:\n{}", worker.metrics().await);
    }
}

#[tokio::test]
async fn users_of_a_day_are_counted_once_over_all_workers() {
    let setup = Setup::new().await;
    let (one, other) = (setup.start().await, setup.start().await);
    for chat in [one.chat("ada"), other.chat("ada"), other.chat("bob")] {
        chat.say("Hello").await;
    }
    for worker in [&one, &other] {
        eventually("two users are counted", Duration::from_secs(5), || async {
            let active = value(worker, "companion_active_users").await;
            ensure(active == 2.0, || active.to_string())
        })
        .await;
    }
}

/// While a list waits in PostgreSQL, a connection is in use.
async fn list_waits_for_a_connection(setup: &Setup, worker: &Worker) {
    let mut owner = sqlx::PgConnection::connect(&setup.database.owner_url).await.unwrap();
    let mut held = owner.begin().await.unwrap();
    sqlx::query("LOCK TABLE companion.memories")
        .execute(&mut *held)
        .await
        .unwrap();
    let chat = worker.chat("bob");
    tokio::join!(chat.get("/api/v1/memories"), async {
        eventually("a connection is in use", Duration::from_secs(5), || async {
            let used = value(worker, "companion_database_connections_in_use").await;
            ensure(used >= 1.0, || format!("{used}"))
        })
        .await;
        held.rollback().await.unwrap();
    });
}

/// All series of a metric together.
async fn value(worker: &Worker, name: &str) -> f64 {
    let text = worker.metrics().await;
    let series = text.lines().filter_map(|line| line.strip_prefix(name));
    let values = series.filter(|rest| rest.starts_with(['{', ' ']));
    values
        .filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}
