//! A PostgreSQL that is there and cannot do what it is asked: read-only after a failover, its connections ended, its tables
//! locked. Replies come and say that they are not stored; nothing that was said to be stored is
//! lost, and within ten seconds turns are stored again.

use std::time::Duration;

use companion_tests::worker::{Setup, Worker};
use companion_tests::{Chat, eventually, eventually::ensure};
use sqlx::{Connection, PgConnection};

const STORED_AGAIN: Duration = Duration::from_secs(10);

async fn scene() -> (Setup, Worker, Chat) {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada").in_conversation("trip");
    let reply = chat.say("The code word is heliotrope.").await;
    assert_eq!(reply.companion["stored"], true, "{reply:?}");
    (setup, worker, chat)
}

/// Ends the worker's connections, as a failover does.
async fn end_connections(setup: &Setup) {
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() \
               AND pid <> pg_backend_pid()";
    setup.database.execute(end).await;
}

async fn replies_without_storing(chat: &Chat) {
    let reply = chat.say("Go on").await;
    assert_eq!(reply.companion["stored"], false, "{reply:?}");
    assert!(reply.degraded("storage"), "{reply:?}");
}

async fn is_stored_again(chat: &Chat) {
    eventually("turns are stored again", STORED_AGAIN, || async {
        let reply = chat.say("And on").await;
        ensure(reply.companion["stored"] == true, || format!("{reply:?}"))
    })
    .await;
}

#[tokio::test]
async fn after_a_failover_to_a_read_only_server_replies_come_and_are_stored_once_it_can_be_written() {
    let (setup, worker, chat) = scene().await;
    let read_only = async |on: &str| {
        let name = &setup.database.name;
        let set = format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = {on}");
        setup.database.execute(&set).await;
        end_connections(&setup).await;
    };
    read_only("on").await;
    replies_without_storing(&chat).await;
    let memory = worker
        .chat("ada")
        .post("/api/v1/memories", serde_json::json!({ "text": "Likes tea." }))
        .await;
    assert_eq!(memory.status, 503, "{}", memory.text);
    assert_eq!(
        worker.chat("ada").get("/api/v1/memories").await.status,
        200,
        "reading goes on"
    );
    read_only("off").await;
    is_stored_again(&chat).await;
}

#[tokio::test]
async fn connections_that_are_ended_cost_no_turn_its_place() {
    let (setup, _worker, chat) = scene().await;
    for _ in 0..5 {
        end_connections(&setup).await;
        let reply = chat.say("Go on").await;
        assert_eq!(reply.companion["stored"], true, "another connection is made: {reply:?}");
    }
}

#[tokio::test]
async fn a_locked_table_holds_no_reply_up_for_long() {
    let (setup, _worker, chat) = scene().await;
    let mut owner = PgConnection::connect(&setup.database.owner_url).await.unwrap();
    let mut lock = owner.begin().await.unwrap();
    let statement = "LOCK TABLE companion.messages IN ACCESS EXCLUSIVE MODE";
    sqlx::query(statement).execute(&mut *lock).await.unwrap();
    let reply = tokio::time::timeout(Duration::from_secs(15), chat.say("Go on")).await;
    let reply = reply.expect("a lock must not hold the reply up");
    assert_eq!(reply.companion["stored"], false, "{reply:?}");
    lock.rollback().await.unwrap();
    is_stored_again(&chat).await;
}
