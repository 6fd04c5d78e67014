//! A language model that misbehaves: what the client sees then, and that nothing hangs.

use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::sse::Event;
use companion_tests::stub_provider::{Behaviour, Odd, Pace, StubProvider, Wrong, answer};
use companion_tests::wire::Wire;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{eventually, eventually::ensure};
use serde_json::{Value, json};

async fn setup(stub: &StubProvider) -> Setup {
    let timeouts = json!({ "firstToken": "2s", "idle": "2s", "turn": "6s" });
    Setup::with_stub(stub)
        .await
        .with(json!({ "llm": { "timeouts": timeouts, "retries": { "max": 1 } } }))
}

/// The stub `first`, and `second` as its fallback, both priced.
async fn setup_with_fallback(first: &StubProvider, second: &StubProvider) -> Setup {
    let provider =
        |name: &str, stub: &StubProvider| json!({ "name": name, "openAi": { "baseURL": stub.url(), "keyed": false } });
    setup(first).await.with(json!({ "llm": {
        "providers": [provider("stub", first), provider("spare", second)],
        "routes": { "normal": {
            "provider": "stub", "model": "stub", "fallback": [{ "provider": "spare", "model": "other" }],
        } },
        "prices": [{
            "model": "stub", "inputPerMillion": "2", "cachedInputPerMillion": "0.5", "outputPerMillion": "10",
        }],
    } }))
}

/// The text of a stream, and all its chunks.
fn said(events: &[Event]) -> (String, Vec<&Value>) {
    let chunks: Vec<&Value> = events
        .iter()
        .filter_map(|event| {
            if let Event::Chunk(chunk) = event {
                Some(chunk)
            } else {
                None
            }
        })
        .collect();
    let text = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    (text, chunks)
}

/// The code of the error that ends a stream.
fn code(chunks: &[&Value]) -> String {
    let last = chunks.last().copied().unwrap_or(&Value::Null);
    last["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// The value of a metric; 0 where it has none yet.
async fn metric(worker: &Worker, name: &str) -> u64 {
    let metrics = worker.metrics().await;
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0)
}

async fn nothing_is_open(stub: &StubProvider) {
    eventually("the provider is let go", Duration::from_secs(1), || async {
        ensure(stub.open_answers() == 0, || {
            format!("{} answers are open", stub.open_answers())
        })
    })
    .await;
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
    nothing_is_open(&stub).await;
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
        let (said, chunks) = said(&events);
        assert_eq!(said, answer(2), "{failure:?}");
        assert!(code(&chunks).starts_with("provider_"), "{failure:?}: {chunks:?}");
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
    nothing_is_open(&stub).await;
    assert_eq!((stub.requests().len(), stub.cancelled_answers()), (1, 1));
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

#[tokio::test]
async fn an_unusual_form_is_a_whole_answer() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for odd in Odd::ALL {
        stub.next([Behaviour::Odd(odd)]);
        let start = Instant::now();
        let reply = worker.chat("ada").stream("Hello").await;
        assert_eq!(reply.text, answer(8), "{odd:?}");
        assert_eq!(reply.companion["stored"], true, "{odd:?}");
        assert!(
            start.elapsed() < Duration::from_secs(2),
            "{odd:?}: {:?}",
            start.elapsed()
        );
    }
    assert_eq!(stub.requests().len(), Odd::ALL.len(), "none was asked for twice");
}

#[tokio::test]
async fn a_wrong_form_ends_with_a_code_and_what_was_said_is_stored_as_partial() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for (wrong, expected) in Wrong::AFTER_TWO_WORDS {
        stub.next([Behaviour::Wrong(wrong)]);
        let events = worker
            .chat("ada")
            .open(message("Hello", true))
            .await
            .rest()
            .await
            .unwrap();
        let (said, chunks) = said(&events);
        assert_eq!(said, answer(2), "{wrong:?}");
        assert_eq!(code(&chunks), expected, "{wrong:?}: {chunks:?}");
        assert_ne!(
            events.last(),
            Some(&Event::Done),
            "{wrong:?}: it must not look complete"
        );
        // Most calls must succeed for the breaker to stay closed.
        for _ in 0..2 {
            worker.chat("ada").say("Hello").await;
        }
    }
    nothing_is_open(&stub).await;
    let partial = format!(
        "SELECT count(*)::text FROM companion.messages WHERE partial AND text = '{}'",
        answer(2)
    );
    let stored = setup.database.ask(&partial).await;
    assert_eq!(stored, Wrong::AFTER_TWO_WORDS.len().to_string());
}

#[tokio::test]
async fn a_compressed_answer_is_not_unpacked() {
    let stub = StubProvider::start().await;
    stub.always(Behaviour::Wrong(Wrong::Compressed));
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    let reply = worker.chat("ada").complete(message("Hello", true)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (502, "provider_broke_off"),
        "{}",
        reply.text
    );
}

#[tokio::test]
async fn a_connection_that_is_reset_ends_the_stream_with_a_code() {
    let stub = StubProvider::start().await;
    stub.always(Behaviour::StallAfter(2));
    let wire = Wire::to(&stub.url()).await;
    let provider = json!({ "name": "stub", "openAi": { "baseURL": wire.through(&stub.url()), "keyed": false } });
    let setup = setup(&stub).await.with(json!({ "llm": { "providers": [provider] } }));
    let worker = setup.start().await;
    for cut in [Wire::reset, Wire::cut] {
        let mut stream = worker.chat("ada").open(message("Hello", true)).await;
        stream.first_text().await.unwrap();
        let start = Instant::now();
        cut(&wire);
        let events = stream.rest().await.unwrap();
        assert_eq!(code(&said(&events).1), "provider_broke_off", "{events:?}");
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        let reply = worker.chat("ada").complete(message("Hello", false)).await;
        assert_eq!(reply.status.as_u16(), 502, "{}", reply.text);
        wire.mend();
    }
}

#[tokio::test]
async fn a_provider_that_fails_is_followed_by_its_fallback() {
    let (first, second) = (StubProvider::start().await, StubProvider::start().await);
    let setup = setup_with_fallback(&first, &second).await;
    let worker = setup.start().await;
    for (failure, tries) in [
        (Behaviour::Refuse(500), 2),
        (Behaviour::Refuse(401), 1),
        (Behaviour::Refuse(404), 1),
        (Behaviour::Mute, 1),
    ] {
        let before = first.requests().len();
        first.always(failure);
        let reply = worker.chat("ada").say("Hello").await;
        assert_eq!(reply.text, answer(8), "{failure:?}");
        assert_eq!(first.requests().len() - before, tries, "{failure:?}");
        assert_eq!(second.last_request().body["model"], "other", "{failure:?}");
    }
    nothing_is_open(&first).await;
    let answered = "SELECT string_agg(DISTINCT provider || ' ' || model, ',') FROM companion.turns";
    assert_eq!(setup.database.ask(answered).await, "spare other");
}

#[tokio::test]
async fn a_reply_of_the_simulated_fallback_says_so() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await.with(json!({ "llm": {
        "providers": [
            { "name": "stub", "openAi": { "baseURL": stub.url(), "keyed": false } },
            { "name": "demo", "simulated": {} },
        ],
        "routes": { "normal": {
            "provider": "stub", "model": "stub", "fallback": [{ "provider": "demo", "model": "demo" }],
        } },
    } }));
    let worker = setup.start().await;
    for (behaviour, simulated) in [(Behaviour::Answer, ""), (Behaviour::Refuse(401), "true")] {
        stub.always(behaviour);
        for stream in [false, true] {
            let reply = worker.chat("ada").complete(message("Hello", stream)).await;
            assert_eq!(
                reply.header("x-companion-simulated"),
                simulated,
                "{behaviour:?}: {}",
                reply.text
            );
            let label = format!("\"simulated\":{}", !simulated.is_empty());
            assert!(reply.text.contains(&label), "{behaviour:?}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_if_there_is_time_and_else_the_fallback_answers_at_once() {
    let (first, second) = (StubProvider::start().await, StubProvider::start().await);
    let setup = setup_with_fallback(&first, &second).await;
    let worker = setup.start().await;
    first.next([Behaviour::RefuseFor(429, 1)]);
    let start = Instant::now();
    worker.chat("ada").say("Hello").await;
    assert!(start.elapsed() >= Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!((first.requests().len(), second.requests().len()), (2, 0));

    first.next([Behaviour::RefuseFor(503, 60)]);
    let start = Instant::now();
    worker.chat("ada").say("Hello").await;
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    assert_eq!((first.requests().len(), second.requests().len()), (3, 1));
}

#[tokio::test]
async fn a_provider_that_keeps_failing_is_left_alone_and_asked_again_later() {
    let (first, second) = (StubProvider::start().await, StubProvider::start().await);
    let setup = setup_with_fallback(&first, &second).await;
    let worker = setup.start().await;
    first.always(Behaviour::Refuse(500));
    for _ in 0..3 {
        worker.chat("ada").say("Hello").await;
    }
    let breaker = "companion_provider_breaker{provider=\"stub\"}";
    assert_eq!(metric(&worker, breaker).await, 2);
    let before = first.requests().len();
    assert_eq!(before, 5, "the fifth failure opens the breaker");
    for _ in 0..5 {
        worker.chat("ada").say("Hello").await;
    }
    assert_eq!(first.requests().len(), before, "an open breaker lets none through");

    second.always(Behaviour::Refuse(401));
    let reply = worker.chat("ada").complete(message("Hello", false)).await;
    assert!(!reply.text.contains("401"), "{}", reply.text);

    first.always(Behaviour::Answer);
    eventually("the provider is asked again", Duration::from_secs(10), || async {
        let reply = worker.chat("ada").complete(message("Hello", false)).await;
        ensure(reply.status.is_success(), || reply.text.clone())
    })
    .await;
    assert_eq!(metric(&worker, breaker).await, 0);
}

#[tokio::test]
async fn where_no_other_is_left_an_open_breaker_says_when_to_come_back() {
    let stub = StubProvider::start().await;
    stub.always(Behaviour::Refuse(503));
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for _ in 0..3 {
        worker.chat("ada").complete(message("Hello", false)).await;
    }
    let reply = worker.chat("ada").complete(message("Hello", false)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (503, "provider_unavailable"),
        "{}",
        reply.text
    );
    assert!(matches!(reply.header("retry-after"), "4" | "5"), "{:?}", reply.headers);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_word_frees_the_provider_and_is_accounted() {
    let stub = StubProvider::start().await;
    let setup = setup(&stub).await;
    let worker = setup.start().await;
    for (behaviour, stream) in [
        (Behaviour::Mute, true),
        (Behaviour::Silent, true),
        (Behaviour::StallAfter(3), false),
    ] {
        stub.next([behaviour]);
        let (asked, left) = (stub.requests().len(), stub.cancelled_answers());
        let chat = worker.chat("ada");
        let asking = tokio::spawn(async move { chat.complete(message("Hello", stream)).await });
        eventually("the provider is asked", Duration::from_secs(5), || async {
            ensure(stub.requests().len() > asked, || "not yet".to_owned())
        })
        .await;
        asking.abort();
        nothing_is_open(&stub).await;
        assert_eq!(stub.cancelled_answers() - left, 1, "{behaviour:?}");
        assert_eq!(
            stub.requests().len() - asked,
            1,
            "{behaviour:?}: nobody waits for another try"
        );
    }
    let cancelled = "companion_provider_calls_total{outcome=\"cancelled\",provider=\"stub\"}";
    eventually("the calls are counted", Duration::from_secs(2), || async {
        let count = metric(&worker, cancelled).await;
        ensure(count == 3, || format!("{count} cancelled calls"))
    })
    .await;
    let prompt = metric(
        &worker,
        "companion_provider_tokens_total{kind=\"prompt\",provider=\"stub\"}",
    )
    .await;
    assert!(prompt > 0, "what was asked and left costs its prompt");
}

#[tokio::test]
async fn tokens_cost_what_the_price_list_says() {
    let (first, second) = (StubProvider::start().await, StubProvider::start().await);
    let setup = setup_with_fallback(&first, &second).await;
    let worker = setup.start().await;
    first.next([Behaviour::Odd(Odd::Counted)]);
    let reply = worker.chat("ada").say("Hello").await;
    assert_eq!(reply.body["usage"]["prompt_tokens"], 1000);
    assert_eq!(reply.body["usage"]["prompt_tokens_details"]["cached_tokens"], 400);
    let cost = metric(&worker, "companion_provider_cost_microdollars_total{provider=\"stub\"}").await;
    // 600 tokens at 2 dollars a million, 400 cached ones at half a dollar, 50 of the reply at 10.
    assert_eq!(cost, 1200 + 200 + 500);
}

#[tokio::test]
async fn a_route_has_a_deadline_of_its_own() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::from_millis(100),
        words: 100,
        ..Pace::default()
    });
    let setup = setup(&stub)
        .await
        .with(json!({ "llm": { "routes": { "normal": { "timeout": "1s" } } } }));
    let worker = setup.start().await;
    let start = Instant::now();
    let reply = worker.chat("ada").complete(message("Hello", false)).await;
    assert_eq!(
        (reply.status.as_u16(), reply.code()),
        (504, "provider_timeout"),
        "{}",
        reply.text
    );
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    nothing_is_open(&stub).await;
}

#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let stub = StubProvider::start().await;
    let mut setup = setup(&stub).await;
    setup.variables = vec![
        ("http_proxy", "http://127.0.0.1:9"),
        ("ALL_PROXY", "http://127.0.0.1:9"),
    ];
    let worker = setup.start().await;
    assert_eq!(worker.chat("ada").say("Hello").await.text, answer(8));
}
