//! A client that loses its connection comes back, to whichever worker, and gets exactly the rest; a request that is made
//! twice is answered once.

use std::time::Duration;

use companion_tests::chat::message;
use companion_tests::environment::times;
use companion_tests::named::Heard;
use companion_tests::stub_provider::{self, Pace, StubProvider};
use companion_tests::wire::Wire;
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use futures::StreamExt;
use reqwest::StatusCode;
use serde_json::json;

/// Words of a reply that takes a second.
const WORDS: usize = 50;
const ALL: usize = usize::MAX;

fn slowly(stub: &StubProvider) {
    stub.pace(Pace {
        gap: Duration::from_millis(20),
        words: WORDS,
        ..Pace::default()
    });
}

#[tokio::test]
async fn a_turn_is_told_in_named_events() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    chat.post(
        "/api/v1/memories",
        json!({ "text": "The user's sister Anna lives in Lisbon." }),
    )
    .await;
    let conversation = chat.converse().await;
    let mut heard = Heard::default();
    chat.send_message(&conversation, "Where does my sister live?")
        .await
        .hear(&mut heard, ALL)
        .await;
    let names: Vec<_> = heard
        .events
        .iter()
        .map(|event| event.name.as_str())
        .filter(|name| *name != "delta")
        .collect();
    assert_eq!(names, ["turn", "memory", "route", "done"]);
    assert_eq!(heard.one("turn")["conversation_id"], json!(conversation));
    assert!(
        heard.one("memory")["memories"][0]["text"]
            .as_str()
            .unwrap()
            .contains("Lisbon")
    );
    assert_eq!(heard.one("route")["simulated"], true);
    let done = heard.one("done");
    assert_eq!((&done["stored"], &done["text"]), (&json!(true), &json!(heard.text)));
    assert_eq!(done["turn_id"], json!(heard.turn()));
    for event in &heard.events {
        assert!(event.id.starts_with(&heard.turn()), "{event:?}");
    }
}

#[tokio::test]
async fn randomly_cut_streams_are_resumed_byte_for_byte_on_another_worker() {
    let stub = StubProvider::start().await;
    slowly(&stub);
    let setup = Setup::with_stub(&stub).await;
    let (first, second) = (setup.start().await, setup.start().await);
    let cut = |number: usize| {
        let (first, second) = (
            first.chat(&format!("user-{number}")),
            second.chat(&format!("user-{number}")),
        );
        async move {
            let conversation = first.converse().await;
            let mut heard = Heard::default();
            // Cut anywhere: after the first event, in the middle, after the end.
            let stream = first.send_message(&conversation, "Tell me something").await;
            stream.hear(&mut heard, 1 + number * 7 % 40).await;
            let (turn, mut rounds) = (heard.turn(), 0);
            while !heard.is_over() {
                let (chat, last) = (
                    if rounds % 2 == 0 { &second } else { &first },
                    heard.last_id().to_owned(),
                );
                chat.come_back(&turn, &last)
                    .await
                    .hear(&mut heard, 1 + (number + rounds) * 5 % 17)
                    .await;
                rounds += 1;
            }
            assert_eq!(heard.text, stub_provider::answer(WORDS), "cut {number}: {heard:?}");
            assert_eq!(heard.one("done")["stored"], true);
            let mut ids: Vec<_> = heard.events.iter().map(|event| &event.id).collect();
            ids.dedup();
            assert_eq!(ids.len(), heard.events.len(), "no event comes twice");
            // Long after the end, from the start and from the middle.
            let mut again = Heard::default();
            second.come_back(&turn, "").await.hear(&mut again, ALL).await;
            assert_eq!(again.text, heard.text);
        }
    };
    let cuts = times(20);
    let at_once = 20;
    futures::stream::iter((0..cuts).map(cut))
        .for_each_concurrent(at_once, |cut| cut)
        .await;
    assert_eq!(stub.requests().len(), cuts, "no model was asked twice");
}

#[tokio::test]
async fn what_is_no_longer_in_redis_is_cut_from_the_stored_reply() {
    let stub = StubProvider::start().await;
    slowly(&stub);
    let mut setup = Setup::with_stub(&stub).await;
    let wire = Wire::to(&setup.redis_url).await;
    setup.redis_url = wire.through(&setup.redis_url);
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    let mut heard = Heard::default();
    chat.send_message(&conversation, "Tell me something")
        .await
        .hear(&mut heard, 12)
        .await;
    // Redis goes in mid-reply: what is told from now on is in no stream.
    wire.cut();
    let (turn, last) = (heard.turn(), heard.last_id().to_owned());
    tokio::time::sleep(Duration::from_millis(100)).await;
    wire.mend();
    chat.come_back(&turn, &last).await.hear(&mut heard, ALL).await;
    assert_eq!(heard.text, stub_provider::answer(WORDS), "{heard:?}");
    assert!(heard.is_over());
}

#[tokio::test]
async fn a_worker_that_dies_leaves_a_turn_that_is_known_to_be_interrupted() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::from_millis(200),
        words: 500,
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub).await;
    let (mut first, second) = (setup.start().await, setup.start().await);
    let conversation = first.chat("ada").converse().await;
    let mut heard = Heard::default();
    first
        .chat("ada")
        .send_message(&conversation, "Tell me something")
        .await
        .hear(&mut heard, 5)
        .await;
    first.kill().await;
    let (turn, last) = (heard.turn(), heard.last_id().to_owned());
    second
        .chat("ada")
        .come_back(&turn, &last)
        .await
        .hear(&mut heard, ALL)
        .await;
    let error = heard.one("error");
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&json!("turn_interrupted"), &json!(true))
    );
    let stored = setup
        .database
        .ask("SELECT count(*)::text FROM companion.messages")
        .await;
    assert_eq!(stored, "0", "half a turn is not stored by anyone else");
}

#[tokio::test]
async fn the_same_request_while_it_runs_hears_the_same_turn() {
    let stub = StubProvider::start().await;
    slowly(&stub);
    let setup = Setup::with_stub(&stub).await;
    let (first, second) = (setup.start().await, setup.start().await);
    let ask = |chat: companion_tests::Chat, stream: bool| async move {
        let chat = chat.with("idempotency-key", "k1");
        if stream {
            chat.stream("Hello").await.text
        } else {
            String::new()
        }
    };
    // One body for all: the stream flag is part of it.
    let asks = [
        first.chat("ada"),
        second.chat("ada"),
        first.chat("ada"),
        second.chat("ada"),
    ]
    .map(|chat| ask(chat, true));
    for text in futures::future::join_all(asks).await {
        assert_eq!(text, stub_provider::answer(WORDS));
    }
    assert_eq!(stub.requests().len(), 1, "the model was asked once");
    let stored = setup.database.ask("SELECT count(*)::text FROM companion.turns").await;
    assert_eq!(stored, "1");

    let other = second.chat("ada").with("idempotency-key", "k2");
    let (running, reused) = tokio::join!(other.stream("Hello"), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        first
            .chat("ada")
            .with("idempotency-key", "k2")
            .complete(message("Something else", false))
            .await
    });
    assert_eq!(running.text, stub_provider::answer(WORDS));
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reused.text);
}

#[tokio::test]
async fn a_message_goes_on_without_its_client_unless_told_otherwise() {
    let stub = StubProvider::start().await;
    slowly(&stub);
    let setup = Setup::with_stub(&stub).await;
    let goes_on = setup.start().await;
    let setup = setup.with(json!({ "onDisconnect": "Cancel" }));
    let cancels = setup.start().await;
    for (worker, user) in [(&goes_on, "ada"), (&cancels, "bob")] {
        let conversation = worker.chat(user).converse().await;
        let mut heard = Heard::default();
        worker
            .chat(user)
            .send_message(&conversation, "Tell me something")
            .await
            .hear(&mut heard, 6)
            .await;
    }
    eventually("both turns have ended", Duration::from_secs(5), || async {
        ensure(stub.open_answers() == 0, || format!("{} are open", stub.open_answers()))
    })
    .await;
    eventually("both turns are stored", Duration::from_secs(5), || async {
        let stored = setup
            .database
            .list("SELECT partial::text FROM companion.messages WHERE role = 'assistant' ORDER BY partial")
            .await;
        ensure(stored == ["false", "true"], || format!("{stored:?}"))
    })
    .await;
}

#[tokio::test]
async fn a_turn_of_another_user_is_one_that_does_not_exist() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let ada = worker.chat("ada");
    let conversation = ada.converse().await;
    let mut heard = Heard::default();
    ada.send_message(&conversation, "My code word is heliotrope")
        .await
        .hear(&mut heard, ALL)
        .await;
    let bob = worker.chat("bob");
    let theirs = bob.get(&format!("/api/v1/turns/{}/events", heard.turn())).await;
    let nobodys = bob
        .get("/api/v1/turns/00000000-0000-7000-8000-000000000000/events")
        .await;
    assert_eq!((theirs.status, &theirs.text), (StatusCode::NOT_FOUND, &nobodys.text));
    for (header, field) in [
        ("nonsense", "Last-Event-ID"),
        ("00000000-0000-7000-8000-000000000000:1-1", "Last-Event-ID"),
    ] {
        let wrong = ada
            .with("last-event-id", header)
            .get(&format!("/api/v1/turns/{}/events", heard.turn()))
            .await;
        assert_eq!(
            (wrong.status, &wrong.body["field"]),
            (StatusCode::BAD_REQUEST, &json!(field)),
            "{}",
            wrong.text
        );
    }
}
