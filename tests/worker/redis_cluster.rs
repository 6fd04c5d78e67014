//! A Redis Cluster: everything that one server gives, keys of one user in one slot, and a slot that moves while people chat.

use std::time::Duration;

use companion_tests::redis_cluster::RedisCluster;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{Chat, eventually, eventually::ensure};
use serde_json::{Value, json};

async fn scene() -> (Setup, RedisCluster, StubProvider, Worker) {
    let (cluster, stub) = (RedisCluster::start().await, StubProvider::start().await);
    let mut setup = Setup::with_stub(&stub)
        .await
        .with(json!({ "redis": { "mode": "Cluster" } }));
    setup.redis_url = cluster.url();
    let worker = setup.start().await;
    (setup, cluster, stub, worker)
}

/// Each node has to learn each script.
async fn is_used(worker: &Worker) {
    eventually("redis is used", Duration::from_secs(6), || async {
        let reply = worker.chat("zoe").say("Hello").await;
        ensure(!reply.degraded("session"), || format!("{reply:?}"))
    })
    .await;
}

async fn ask(chat: &Chat, text: &str) -> Value {
    let body = json!({ "model": "default", "store": false, "messages": [{ "role": "user", "content": text }] });
    chat.complete(body).await.body["companion"]["cached"].clone()
}

#[tokio::test]
async fn all_that_one_server_gives_a_cluster_gives_too() {
    let (setup, cluster, stub, worker) = scene().await;
    let (done, report) = setup.run(&["preflight"]).await;
    assert!(done, "{report}");
    let users = ["ada", "bob", "cleo", "dan", "eve", "fay"];
    is_used(&worker).await;
    for user in users {
        let chat = worker.chat(user).in_conversation("trip");
        chat.say("The code word is heliotrope.").await;
        chat.say("Go on").await;
        assert!(stub.last_request().prompt().contains("heliotrope"));
    }
    let keys = cluster.keys("c:").await;
    let slots = |name: &str| {
        keys.iter()
            .filter(|(key, _)| key.contains(name))
            .map(|(_, slot)| *slot)
            .collect::<Vec<_>>()
    };
    assert_eq!(slots("fence").len(), users.len());
    let mut all = slots("fence");
    all.sort_unstable();
    all.dedup();
    assert!(all.len() > 1, "users are spread: {keys:?}");

    // Cached replies stand in slots of their own; an erasure finds them all.
    let ada = worker.chat("ada");
    let questions: Vec<String> = (0..12).map(|number| format!("What is {number} and one?")).collect();
    for question in &questions {
        eventually("it is kept", Duration::from_secs(6), || async {
            let cached = ask(&ada, question).await;
            ensure(cached == json!(true), || question.clone())
        })
        .await;
    }
    let erased = ada
        .post("/api/v1/erase", json!({ "confirm": "erase everything" }))
        .await;
    assert!(erased.body["session_keys"].as_u64() >= Some(12), "{}", erased.text);
    for question in &questions {
        assert_eq!(ask(&worker.chat("bob"), question).await, json!(false), "{question}");
    }
    let metrics = worker.metrics().await;
    assert!(
        !metrics.contains("companion_degraded_total{part=\"redis\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_slot_moves_while_its_user_chats() {
    let (setup, cluster, stub, worker) = scene().await;
    let chat = worker.chat("ada").in_conversation("trip");
    is_used(&worker).await;
    chat.say("The code word is heliotrope.").await;
    // The conversation's is the only fence.
    let keys = cluster.keys(&format!("c:{}:{{", setup.database.name)).await;
    let fence = keys.iter().find(|(name, _)| name.contains(":fence:"));
    let slot = fence.expect("ada's keys are there").1;
    let goes_on = async || {
        let reply = chat.say("The code word is heliotrope.").await;
        assert_eq!(reply.companion["stored"], true, "{reply:?}");
        assert!(stub.last_request().prompt().matches("heliotrope").count() >= 2);
        reply
    };
    let moving = cluster.begin_move(slot).await;
    goes_on().await;
    // A script that needs keys of both places is refused; the reply goes on without Redis and says so.
    moving.move_some().await;
    goes_on().await;
    moving.finish().await;
    goes_on().await;
    eventually("redis is used at the new place", Duration::from_secs(6), || async {
        let reply = goes_on().await;
        ensure(!reply.degraded("session"), || format!("{reply:?}"))
    })
    .await;
    let listed = chat.get("/api/v1/conversations").await;
    assert_eq!(
        listed.body["conversations"].as_array().map(Vec::len),
        Some(1),
        "{}",
        listed.text
    );
}
