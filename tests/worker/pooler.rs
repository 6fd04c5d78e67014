//! PgBouncer in transaction mode between workers and PostgreSQL, with three connections to the server for all of them:
//! nothing that a turn, a job, an export or an erasure does depends on the connection of the statement before.

use std::time::Duration;

use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::Setup;
use companion_tests::{environment, eventually, eventually::ensure};
use serde_json::json;

/// A setup whose workers reach their database through PgBouncer, and whose preflight and migrations go around it.
async fn pooled(stub: &StubProvider) -> Setup {
    let pooler = environment::required("COMPANION_TEST_POOLER");
    let mut setup = Setup::with_stub(stub)
        .await
        .with(json!({ "database": { "pooled": true, "poolSize": 12 } }));
    setup.database_url = setup.database.worker_url_at(&pooler);
    setup
}

#[tokio::test]
async fn workers_behind_a_pooler_do_all_that_they_do_without() {
    let stub = StubProvider::start().await;
    let setup = pooled(&stub).await;
    let (done, report) = setup.run(&["preflight"]).await;
    assert!(done, "{report}");
    let (one, two) = (setup.start().await, setup.start().await);
    // Forty users at once, more than there are connections of any kind.
    let users: Vec<String> = (0..40).map(|number| format!("user-{number}")).collect();
    let turns = users.iter().enumerate().map(|(number, user)| {
        let chat = if number % 2 == 0 {
            one.chat(user)
        } else {
            two.chat(user)
        }
        .in_conversation("trip");
        async move {
            for text in [
                "My sister Anna lives in Lisbon.",
                "I am allergic to nuts.",
                "Where does Anna live?",
            ] {
                let reply = chat.say(text).await;
                assert_eq!(reply.companion["stored"], true, "{user}: {reply:?}");
            }
        }
    });
    futures::future::join_all(turns).await;
    let ada = one.chat("user-0");
    eventually("jobs ran", Duration::from_secs(30), || async {
        let memories = ada.memories().await;
        ensure(memories.len() == 2, || format!("{memories:?}"))
    })
    .await;
    let reply = two.chat("user-0").say("Where does Anna live?").await;
    assert!(reply.recalled().contains("Lisbon"), "{reply:?}");
    let export = ada.get("/api/v1/export").await;
    assert!(export.text.contains("\"complete\":true"), "{}", export.text);
    let erased = ada
        .post("/api/v1/erase", json!({ "confirm": "erase everything" }))
        .await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    assert!(ada.memories().await.is_empty());
    let connections =
        "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE '%_worker'";
    let open: u32 = setup.database.ask(connections).await.parse().expect("a number");
    assert!(open <= 3, "{open} connections to the server");
    for worker in [&one, &two] {
        let log = worker.log();
        assert!(!log.contains("prepared statement"), "{log}");
    }
}
