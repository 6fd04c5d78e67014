//! Redis behind Sentinel: the primary dies, a replica takes its place, and chat goes on; once sentinels name the new one it
//! is used. Real servers, a real sentinel, a real failover.

use std::time::{Duration, Instant};

use companion_tests::redis_server::RedisServer;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};
use serde_json::json;

#[tokio::test]
async fn a_replica_takes_over_and_is_used() {
    let stub = StubProvider::start().await;
    let mut primary = RedisServer::start().await;
    let port = primary.address.port().to_string();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]).await;
    let sentinel = RedisServer::start_sentinel(&primary).await;
    eventually("the replica is known", Duration::from_secs(30), || async {
        let known: redis::InfoDict = sentinel.ask(&["INFO", "sentinel"]).await;
        let line: String = known.get("master0").unwrap_or_default();
        ensure(line.contains("slaves=1"), || line)
    })
    .await;
    let mut setup = Setup::with_stub(&stub)
        .await
        .with(json!({ "redis": { "mode": "Sentinel" } }));
    setup.redis_url = format!("redis://{}?master=companion", sentinel.address);
    let (done, report) = setup.run(&["preflight"]).await;
    assert!(done, "{report}");
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    eventually("redis is used", Duration::from_secs(6), || async {
        let reply = chat.say("The code word is heliotrope.").await;
        ensure(!reply.degraded("session"), || format!("{reply:?}"))
    })
    .await;

    primary.kill().await;
    let goes_on = async || {
        let reply = chat.say("The code word is heliotrope.").await;
        assert_eq!(reply.companion["stored"], true, "{reply:?}");
        assert!(stub.last_request().prompt().matches("heliotrope").count() >= 2);
        reply
    };
    assert!(goes_on().await.degraded("session"));
    eventually("the replica is the primary", Duration::from_secs(30), || async {
        let asked = replica.try_ask(&["INFO", "replication"]).await;
        let role: redis::InfoDict = asked.map_err(|error| error.to_string())?;
        let role: String = role.get("role").unwrap_or_default();
        goes_on().await;
        ensure(role == "master", || role)
    })
    .await;
    let promoted = Instant::now();
    eventually("it is used", Duration::from_secs(10), || async {
        let reply = goes_on().await;
        ensure(!reply.degraded("session"), || format!("{reply:?}"))
    })
    .await;
    println!("used {:?} after its promotion", promoted.elapsed());
    assert_eq!(worker.admin("/readyz").await, 200);
}

#[tokio::test]
async fn a_url_that_does_not_fit_is_refused_by_name() {
    let mut setup = Setup::new().await.with(json!({ "redis": { "mode": "Sentinel" } }));
    setup.redis_url = "redis://:hushhush@127.0.0.1:26379".into();
    for command in ["serve", "preflight"] {
        let (done, text) = setup.run(&[command]).await;
        assert!(
            !done && text.contains("COMPANION_REDIS_URL") && text.contains("?master=name"),
            "{text}"
        );
        assert!(!text.contains("hushhush"), "{text}");
    }
}
