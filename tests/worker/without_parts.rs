//! A part that is away, on the wire: the connection cut, or silent, which is worse. The table of the turn's contract says
//! what still works then.

use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::wire::Wire;
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use reqwest::StatusCode;
use serde_json::json;

async fn behind_a_redis_wire(mut setup: Setup) -> (Setup, Wire) {
    let wire = Wire::to(&setup.redis_url).await;
    setup.redis_url = wire.through(&setup.redis_url);
    (setup, wire)
}

async fn behind_a_postgres_wire(mut setup: Setup) -> (Setup, Wire) {
    let wire = Wire::to(&setup.database_url).await;
    setup.database_url = wire.through(&setup.database_url);
    (setup, wire)
}

#[tokio::test]
async fn without_redis_a_conversation_goes_on_from_postgresql() {
    let stub = StubProvider::start().await;
    let (setup, wire) = behind_a_redis_wire(Setup::with_stub(&stub).await).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    chat.say("The code word is heliotrope.").await;
    for away in [Wire::cut, Wire::silence] {
        away(&wire);
        for _ in 0..3 {
            let reply = chat.say("Go on").await;
            assert_eq!(reply.companion["stored"], true, "{reply:?}");
            assert!(
                stub.last_request().prompt().contains("The code word is heliotrope."),
                "{}",
                stub.last_request().prompt()
            );
            wire_pause().await;
        }
        assert_eq!(
            worker.admin("/readyz").await,
            200,
            "a shared part being away never makes a worker unready"
        );
        wire.mend();
        eventually("redis is used again", Duration::from_secs(15), || async {
            let reply = worker.chat("bob").say("Hello").await;
            ensure(!reply.degraded("session"), || format!("{reply:?}"))
        })
        .await;
        // The six messages that a prompt holds begin with the code word again.
        chat.say("The code word is heliotrope.").await;
    }
}

#[tokio::test]
async fn a_blink_of_redis_makes_no_reply_forget_the_last_one() {
    let stub = StubProvider::start().await;
    let (setup, wire) = behind_a_redis_wire(Setup::with_stub(&stub).await).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    chat.say("My name is on the list").await;
    // Away while the second turn is settled, back before the third: the buffer never saw the second.
    stub.pace(Pace {
        first_token: Duration::from_millis(300),
        ..Pace::default()
    });
    let (second, ()) = tokio::join!(chat.say("The code word is heliotrope."), async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        wire.cut();
    });
    assert_eq!(second.companion["stored"], true);
    wire.mend();
    eventually("redis is used again", Duration::from_secs(15), || async {
        let reply = worker.chat("bob").say("Hello").await;
        ensure(!reply.degraded("session"), || format!("{reply:?}"))
    })
    .await;
    chat.say("What is it?").await;
    let prompt = stub.last_request().prompt();
    assert!(prompt.contains("heliotrope"), "{prompt}");
}

/// Longer than the pause in which the worker leaves a failed Redis alone.
async fn wire_pause() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_silent_redis_costs_little_time() {
    let stub = StubProvider::start().await;
    let (setup, wire) = behind_a_redis_wire(Setup::with_stub(&stub).await).await;
    let worker = setup.start().await;
    worker.chat("ada").say("Hello").await;
    wire.silence();
    let start = Instant::now();
    for _ in 0..10 {
        worker.chat("ada").say("Hello").await;
    }
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "ten turns took {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn without_redis_a_worker_enforces_its_share_of_the_limits() {
    let (setup, wire) =
        behind_a_redis_wire(Setup::new().await.with(json!({ "limits": { "perUserPerMinute": 8 } }))).await;
    let worker = setup.start().await;
    wire.cut();
    let mut taken = 0;
    for _ in 0..20 {
        taken += usize::from(worker.chat("ada").complete(message("Hello", false)).await.status == StatusCode::OK);
    }
    // The share of one of two workers is 4; a minute may turn in between.
    assert!((4..=8).contains(&taken), "{taken} of 20 were taken");
}

#[tokio::test]
async fn without_postgresql_a_reply_comes_and_says_that_it_is_not_stored() {
    let (setup, wire) = behind_a_postgres_wire(Setup::new().await).await;
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    chat.say("The code word is heliotrope.").await;
    for away in [Wire::cut, Wire::silence] {
        away(&wire);
        let start = Instant::now();
        let reply = chat.stream("What did I say?").await;
        assert_eq!(reply.companion["stored"], false, "{reply:?}");
        assert!(reply.degraded("recall"), "{reply:?}");
        assert!(
            reply.text.contains("heliotrope"),
            "the recent conversation is in Redis: {}",
            reply.text
        );
        assert!(start.elapsed() < Duration::from_secs(12), "{:?}", start.elapsed());
        let list = chat.get("/api/v1/memories").await;
        assert_eq!(list.status, StatusCode::SERVICE_UNAVAILABLE, "{}", list.text);
        assert_eq!(worker.admin("/readyz").await, 200);
        wire.mend();
        eventually("turns are stored again", Duration::from_secs(15), || async {
            let reply = worker.chat("bob").say("Hello").await;
            ensure(reply.companion["stored"] == true, || format!("{reply:?}"))
        })
        .await;
    }
}

#[tokio::test]
async fn without_either_a_reply_still_comes() {
    let (setup, redis) = behind_a_redis_wire(Setup::new().await).await;
    let (setup, postgres) = behind_a_postgres_wire(setup).await;
    let worker = setup.start().await;
    redis.cut();
    postgres.cut();
    let reply = worker.chat("ada").stream("Hello").await;
    assert_eq!(reply.companion["stored"], false, "{reply:?}");
    assert!(reply.text.contains("Hello"), "{reply:?}");
}
