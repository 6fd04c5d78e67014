//! A Redis that is there and cannot do what it is asked: a replica after a failover, full, slow, emptied. Replies go on from
//! PostgreSQL and say so, and two seconds after Redis can again it is used again.

use std::time::{Duration, Instant};

use companion_tests::redis_server::RedisServer;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{Chat, eventually, eventually::ensure};
use serde_json::json;

/// Recovery takes two seconds; the rest is for a busy machine.
const USED_AGAIN: Duration = Duration::from_secs(6);

struct Scene {
    /// Keeps the worker's log.
    _setup: Setup,
    redis: RedisServer,
    stub: StubProvider,
    worker: Worker,
    chat: Chat,
}

/// A worker on a Redis of its own, and a conversation that has begun.
async fn scene() -> Scene {
    let (redis, stub) = (RedisServer::start().await, StubProvider::start().await);
    let mut setup = Setup::with_stub(&stub).await;
    setup.redis_url = redis.url.clone();
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    let reply = chat.say("The code word is heliotrope.").await;
    assert!(!reply.degraded("session"), "{reply:?}");
    Scene {
        _setup: setup,
        redis,
        stub,
        worker,
        chat,
    }
}

impl Scene {
    /// The conversation goes on, is stored, and knows what was said.
    async fn goes_on(&self) {
        let reply = self.chat.say("Go on").await;
        assert_eq!(reply.companion["stored"], true, "{reply:?}");
        let prompt = self.stub.last_request().prompt();
        assert!(prompt.contains("heliotrope"), "{prompt}");
        assert_eq!(self.worker.admin("/readyz").await, 200);
    }

    async fn is_used_again(&self) {
        eventually("redis is used again", USED_AGAIN, || async {
            let reply = self.worker.chat("bob").say("Hello").await;
            ensure(!reply.degraded("session"), || format!("{reply:?}"))
        })
        .await;
    }
}

#[tokio::test]
async fn a_primary_that_becomes_a_replica_is_left_alone_until_it_is_primary_again() {
    let scene = scene().await;
    scene.redis.command(&["REPLICAOF", "127.0.0.1", "1"]).await;
    scene.goes_on().await;
    assert!(scene.chat.say("And on").await.degraded("session"));
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.goes_on().await;
    let log = scene.worker.log();
    let connected = log.matches("redis answers").count();
    assert_eq!(connected, 1, "a replica is not connected to again and again: {log}");
    scene.redis.command(&["REPLICAOF", "NO", "ONE"]).await;
    scene.is_used_again().await;
}

#[tokio::test]
async fn a_full_redis_ends_no_conversation() {
    let scene = scene().await;
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    scene.goes_on().await;
    scene.goes_on().await;
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    scene.is_used_again().await;
}

#[tokio::test]
async fn a_redis_that_is_nearly_full_is_given_nothing_that_can_be_done_without() {
    let scene = scene().await;
    let ask = async |text: &str| {
        let body = json!({ "model": "default", "store": false, "messages": [{ "role": "user", "content": text }] });
        scene.chat.complete(body).await.body["companion"]["cached"].clone()
    };
    ask("One?").await;
    assert_eq!(ask("One?").await, json!(true));
    // Some 1 MB is used by a server that is empty.
    scene.redis.command(&["CONFIG", "SET", "maxmemory", "1200000"]).await;
    eventually("the worker has seen it", Duration::from_secs(10), || async {
        let log = scene.worker.log();
        ensure(log.contains("of maxmemory is used"), || log)
    })
    .await;
    ask("Two?").await;
    assert_eq!(ask("Two?").await, json!(false), "nothing is kept");
    scene.goes_on().await;
}

#[tokio::test]
async fn a_slow_redis_costs_a_turn_no_more_than_its_budget() {
    let scene = scene().await;
    // No answer for three seconds, as from a machine that swaps.
    scene.redis.command(&["CLIENT", "PAUSE", "3000", "ALL"]).await;
    let begun = Instant::now();
    scene.goes_on().await;
    scene.goes_on().await;
    assert!(begun.elapsed() < Duration::from_millis(2_500), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(3)).await;
    scene.is_used_again().await;
}

#[tokio::test]
async fn an_emptied_redis_costs_nothing_that_was_said() {
    let scene = scene().await;
    scene.redis.command(&["FLUSHALL"]).await;
    scene.goes_on().await;
    scene.redis.command(&["SCRIPT", "FLUSH"]).await;
    scene.goes_on().await;
    let reply = scene.chat.say("And on").await;
    assert!(!reply.degraded("session"), "{reply:?}");
}
