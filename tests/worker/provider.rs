//! A language model that misbehaves: what the client sees then, and that nothing hangs.

use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::sse::Event;
use companion_tests::stub_provider::{Behaviour, Pace, StubProvider, answer};
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use serde_json::json;

async fn setup(stub: &StubProvider) -> Setup {
    let timeouts = json!({ "firstToken": "2s", "idle": "2s", "turn": "6s" });
    Setup::with_stub(stub)
        .await
        .with(json!({ "llm": { "timeouts": timeouts, "retries": { "max": 1 } } }))
}

#[tokio::test]
async fn one_failure_before_the_first_token_is_tried_again() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for failure in [Behaviour::Refuse(500), Behaviour::Refuse(503), Behaviour::Refuse(429)] {
        let before = stub.requests().len();
        stub.next([failure]);
        assert_eq!(worker.chat("ada").say("Hello").await.text, answer(8), "{failure:?}");
        assert_eq!(stub.requests().len() - before, 2, "{failure:?}");
    }
}

#[tokio::test]
async fn a_failure_that_stays_is_told_in_openais_form_without_the_providers_secrets() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for (failure, tries) in [
        (Behaviour::Refuse(500), 2),
        (Behaviour::Refuse(401), 1),
        (Behaviour::Refuse(400), 1),
        (Behaviour::Redirect, 1),
    ] {
        let before = stub.requests().len();
        stub.always(failure);
        let reply = worker.chat("ada").complete(message("Hello", false)).await;
        assert!(
            matches!(reply.status.as_u16(), 502..=504),
            "{failure:?}: {} {}",
            reply.status,
            reply.text
        );
        assert!(
            reply.body["error"]["message"].is_string() && !reply.code().is_empty(),
            "{failure:?}: {}",
            reply.text
        );
        assert!(
            !reply.text.contains("stub_refuses"),
            "{failure:?}: the provider's own words reach the user: {}",
            reply.text
        );
        assert_eq!(stub.requests().len() - before, tries, "{failure:?}");
    }
}

#[tokio::test]
async fn a_silent_provider_is_given_up_within_the_first_token_deadline() {
    let stub = StubProvider::start().await;
    stub.always(Behaviour::Silent);
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    let start = Instant::now();
    let reply = worker.chat("ada").complete(message("Hello", false)).await;
    assert_eq!(reply.status.as_u16(), 504, "{}", reply.text);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    eventually("the provider is let go", Duration::from_secs(1), || async {
        ensure(stub.open_answers() == 0, || {
            format!("{} answers are open", stub.open_answers())
        })
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_and_keeps_what_was_said() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for failure in [
        Behaviour::StallAfter(2),
        Behaviour::BreakAfter(2),
        Behaviour::GarbageAfter(2),
    ] {
        stub.next([failure]);
        let conversation = format!("{failure:?}").to_lowercase();
        let chat = worker.chat("ada").in_conversation(&conversation);
        let events = chat.open(message("Hello", true)).await.rest().await.unwrap();
        let chunks: Vec<_> = events
            .iter()
            .filter_map(|event| {
                if let Event::Chunk(chunk) = event {
                    Some(chunk)
                } else {
                    None
                }
            })
            .collect();
        let said: String = chunks
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
            .collect();
        assert_eq!(said, answer(2), "{failure:?}");
        assert!(
            chunks.iter().any(|chunk| chunk["error"]["code"].is_string()),
            "{failure:?}: {chunks:?}"
        );
        assert!(
            !chunks
                .iter()
                .any(|chunk| chunk["choices"][0]["finish_reason"] == "stop"),
            "{failure:?}: it must not look complete"
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_away_frees_the_provider_within_a_second() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::from_millis(50),
        words: 200,
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let mut stream = worker.chat("ada").open(message("Hello", true)).await;
    stream.first_text().await.unwrap();
    assert_eq!(stub.open_answers(), 1);
    drop(stream);
    eventually("the provider is let go", Duration::from_secs(1), || async {
        ensure(stub.open_answers() == 0, || {
            "the answer is still being written".to_owned()
        })
    })
    .await;
    eventually("the partial turn is accounted", Duration::from_secs(5), || async {
        let turns = setup
            .database
            .ask("SELECT count(*)::text FROM companion.messages WHERE partial")
            .await;
        ensure(turns == "1", || format!("{turns} partial turns"))
    })
    .await;
}

#[tokio::test]
async fn the_api_key_reaches_its_provider_and_nothing_else() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    worker.chat("ada").say("Hello").await;
    let sent = stub.last_request().authorization;
    assert!(!sent.contains("ey"), "the user's token went to the provider: {sent}");
}

#[tokio::test]
async fn a_fast_stream_is_not_held_back() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::from_millis(200),
        words: 5,
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let start = Instant::now();
    let mut stream = worker.chat("ada").open(message("Hello", true)).await;
    stream.first_text().await.unwrap();
    let first = start.elapsed();
    stream.rest().await.unwrap();
    assert!(
        start.elapsed() > Duration::from_millis(700),
        "the stub takes 800 ms after its first word"
    );
    assert!(
        first < Duration::from_millis(500),
        "the first word came after {first:?}, with the others"
    );
}
