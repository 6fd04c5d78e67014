//! How a worker goes: not ready at once, streams to their end, then a good exit.

use std::time::Duration;

use companion_tests::chat::message;
use companion_tests::environment::times;
use companion_tests::process::heavy;
use companion_tests::sse::Event;
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use futures::future::join_all;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn sigterm_lets_streams_finish_and_takes_no_new_ones() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::from_millis(100),
        words: 50,
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub).await;
    let mut worker = setup.start().await;
    let mut stream = worker.chat("ada").open(message("Hello", true)).await;
    stream.first_text().await.unwrap();

    worker.terminate();
    eventually("not ready", Duration::from_secs(1), || async {
        let status = worker.admin("/readyz").await;
        ensure(status == 503, || format!("/readyz gives {status}"))
    })
    .await;
    let refused = worker
        .chat("bob")
        .try_request(
            Method::POST,
            "/v1/chat/completions",
            Some(message("Hello", false).to_string()),
        )
        .await;
    assert!(refused.is_err(), "a worker that goes took a new turn: {refused:?}");
    assert_eq!(stub.requests().len(), 1, "the refused turn reached the model");
    stream.next().await.unwrap().expect("the first stream still goes on");
    let events = stream.rest().await.unwrap();
    assert_eq!(events.last(), Some(&Event::Done), "the stream was cut");
    assert!(worker.ended(Duration::from_secs(10)).await, "it must end well");
    let stored = setup
        .database
        .ask("SELECT count(*)::text FROM companion.messages WHERE role = 'assistant' AND NOT partial")
        .await;
    assert_eq!(stored, "1", "what was streamed while stopping is stored");
}

#[tokio::test]
async fn sigterm_under_many_streams_cuts_none_of_them() {
    const WORDS: usize = 40;
    let streams = times(50).min(500);
    let _alone = heavy().await;
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        first_token: Duration::from_secs(2),
        gap: Duration::from_millis(200),
        words: WORDS,
    });
    let setup = Setup::with_stub(&stub).await.with(json!({
        "limits": { "turnsInFlightPerWorker": 500 },
        "llm": { "timeouts": { "firstToken": "20s", "idle": "20s", "turn": "60s" } },
        "drain": { "gracePeriod": "90s" },
    }));
    let mut worker = setup.start().await;
    let chats = (0..streams).map(|number| worker.chat(&format!("user-{number}")));
    let open = join_all(chats.map(|chat| async move {
        let mut stream = chat.open(message("Hello", true)).await;
        stream.first_text().await.unwrap();
        stream
    }));
    let open = open.await;
    assert_eq!(stub.open_answers(), streams, "all are open at once");
    worker.terminate();
    for events in join_all(open.into_iter().map(|stream| stream.rest())).await {
        let events = events.unwrap();
        assert_eq!(events.last(), Some(&Event::Done), "a stream was cut: {events:?}");
        let pieces = events.iter().filter(
            |event| matches!(event, Event::Chunk(chunk) if chunk["choices"][0]["delta"]["content"].is_string()),
        );
        assert_eq!(pieces.count(), WORDS - 1, "{events:?}");
    }
    assert!(worker.ended(Duration::from_secs(20)).await, "it must end well");
    let stored = setup
        .database
        .ask("SELECT count(*)::text FROM companion.messages WHERE role = 'assistant' AND NOT partial")
        .await;
    assert_eq!(stored, streams.to_string(), "all that was streamed is stored");
}

#[tokio::test]
async fn an_idle_worker_ends_at_once() {
    let setup = Setup::new().await;
    let mut worker = setup.start().await;
    worker.terminate();
    assert!(worker.ended(Duration::from_secs(5)).await);
}

#[tokio::test]
async fn a_worker_that_is_told_of_its_successor_serves_on_with_two_connections() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let mut worker = setup.start().await;
    let chats = (0..12).map(|number| worker.chat(&format!("user-{number}")));
    join_all(chats.map(|chat| async move { chat.say("Hello").await })).await;
    let held = async || {
        let name = &setup.database.name;
        let query = format!("SELECT count(*)::text FROM pg_stat_activity WHERE usename = '{name}_worker'");
        setup.database.ask(&query).await.parse::<u32>().unwrap()
    };
    assert!(held().await > 2);
    let ((), ()) = tokio::join!(worker.leave(), async {
        eventually("two connections are left", Duration::from_secs(4), || async {
            let held = held().await;
            ensure(held <= 2, || held.to_string())
        })
        .await;
        let reply = worker.chat("ada").say("Hello").await;
        assert_eq!(reply.companion["stored"], true, "it serves on: {reply:?}");
        assert_eq!(worker.admin("/readyz").await, 200);
    });
    worker.terminate();
    assert!(worker.ended(Duration::from_secs(5)).await);
}
