//! The bounds of a turn, on the wire: its deadline, how many of a user's turns are kept, and a floor that was given to a later
//! turn meanwhile.

use std::time::{Duration, Instant};

use companion_tests::named::Heard;
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::worker::Setup;
use redis::AsyncCommands as _;
use redis::aio::MultiplexedConnection;
use serde_json::json;

/// What `session/replay.rs` keeps of a user.
const KEPT_TURNS: usize = 8;

async fn redis_of(setup: &Setup) -> MultiplexedConnection {
    let client = redis::Client::open(setup.redis_url.as_str()).expect("a URL");
    client.get_multiplexed_async_connection().await.expect("Redis answers")
}

async fn keys(redis: &mut MultiplexedConnection, setup: &Setup, what: &str) -> Vec<String> {
    let pattern = format!("c:{}:*:{what}:*", setup.database.name);
    redis.keys(pattern).await.expect("Redis answers")
}

#[tokio::test]
async fn a_reply_that_takes_too_long_ends_at_its_deadline_and_is_kept_as_partial() {
    let stub = StubProvider::start().await;
    let times = json!({ "llm": { "timeouts": { "firstToken": "2s", "idle": "2s", "turn": "2s" } } });
    let worker = Setup::with_stub(&stub).await.with(times).start().await;
    stub.pace(Pace {
        gap: Duration::from_millis(100),
        words: 200,
        ..Pace::default()
    });
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    let (begun, mut heard) = (Instant::now(), Heard::default());
    chat.send_message(&conversation, "Talk")
        .await
        .hear(&mut heard, usize::MAX)
        .await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    assert_eq!(heard.one("error")["code"], "turn_timeout", "{heard:?}");
    let messages = chat
        .get(&format!("/api/v1/conversations/{conversation}/messages"))
        .await;
    let reply = &messages.body["messages"][0];
    assert_eq!(
        (&reply["partial"], &reply["text"]),
        (&json!(true), &json!(heard.text)),
        "{}",
        messages.text
    );
}

#[tokio::test]
async fn of_many_turns_the_newest_are_kept_and_the_others_are_told_from_the_store() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let conversation = chat.converse().await;
    let mut turns = Vec::new();
    for number in 0..KEPT_TURNS + 3 {
        let mut heard = Heard::default();
        let stream = chat.send_message(&conversation, &format!("Number {number}")).await;
        stream.hear(&mut heard, usize::MAX).await;
        turns.push(heard);
    }
    let mut redis = redis_of(&setup).await;
    assert_eq!(keys(&mut redis, &setup, "events").await.len(), KEPT_TURNS);
    for heard in [&turns[0], &turns[KEPT_TURNS + 2]] {
        let mut again = Heard::default();
        chat.come_back(&heard.turn(), "")
            .await
            .hear(&mut again, usize::MAX)
            .await;
        assert_eq!(again.text, heard.text);
    }
}

#[tokio::test]
async fn a_turn_that_lost_its_floor_to_a_later_one_leaves_the_recent_messages_to_that_one() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    chat.say("The code word is heliotrope.").await;
    let mut redis = redis_of(&setup).await;
    let fences = keys(&mut redis, &setup, "fence").await;
    let [fence] = fences.as_slice() else {
        panic!("one conversation: {fences:?}")
    };
    stub.pace(Pace {
        first_token: Duration::from_millis(700),
        ..Pace::default()
    });
    let (late, ()) = tokio::join!(chat.say("I am slow"), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        // As if its worker had slept for longer than its lease, and another turn had begun.
        let number: i64 = redis.get(fence).await.expect("a number");
        let () = redis.set(fence, number + 1_000_000).await.expect("Redis answers");
    });
    assert_eq!(late.companion["stored"], true);
    assert!(
        keys(&mut redis, &setup, "messages").await.is_empty(),
        "the buffer is not the late turn's to write"
    );
    stub.pace(Pace::default());
    chat.say("What is it?").await;
    let prompt = stub.last_request().prompt();
    assert!(
        prompt.contains("heliotrope") && prompt.contains("I am slow"),
        "{prompt}"
    );
}
