//! A PostgreSQL that is there and cannot do what it is asked: read-only after a failover, its connections ended, its tables
//! locked. Replies come and say that they are not stored; nothing that was said to be stored is
//! lost, what was said meanwhile is stored in its order, and within ten seconds turns are stored again.

use std::time::Duration;

use companion_tests::stub_provider::StubProvider;
use companion_tests::wire::Wire;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{Chat, eventually, eventually::ensure};
use serde_json::json;
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

/// PostgreSQL behind a wire, which is cut.
async fn without_postgres(stub: &StubProvider) -> (Setup, Wire, Worker) {
    let mut setup = Setup::with_stub(stub).await;
    let wire = Wire::to(&setup.database_url).await;
    setup.database_url = wire.through(&setup.database_url);
    let worker = setup.start().await;
    let reply = worker.chat("ada").in_conversation("trip").say("First").await;
    assert_eq!(reply.companion["stored"], true, "{reply:?}");
    wire.cut();
    (setup, wire, worker)
}

async fn stored_texts(setup: &Setup) -> Vec<String> {
    let query = "SELECT text FROM companion.messages WHERE role = 'user' ORDER BY conversation_id, seq";
    setup.database.list(query).await
}

#[tokio::test]
async fn what_was_said_meanwhile_is_stored_in_its_order_once_it_is_back() {
    let stub = StubProvider::start().await;
    let (setup, wire, mut worker) = without_postgres(&stub).await;
    let chat = worker.chat("ada").in_conversation("trip");
    for text in ["Second", "Third"] {
        let reply = chat.say(text).await;
        assert_eq!(
            (&reply.companion["stored"], &reply.companion["pending"]),
            (&json!(false), &json!(true)),
            "{reply:?}"
        );
    }
    // Asked again under its key it is the same turn, and no model is asked.
    let keyed = chat.with("idempotency-key", "fourth");
    let first = keyed.say("Fourth").await;
    let asked = stub.requests().len();
    let again = keyed.say("Fourth").await;
    assert_eq!(again.companion["turn_id"], first.companion["turn_id"]);
    assert_eq!((&again.text, stub.requests().len()), (&first.text, asked));

    // The worker that answered dies, once it has given the floor back; another stores what it left.
    tokio::time::sleep(Duration::from_secs(2)).await;
    worker.kill().await;
    wire.mend();
    let worker = setup.start().await;
    let texts = eventually("all is stored", STORED_AGAIN, || async {
        let texts = stored_texts(&setup).await;
        ensure(texts.len() == 4, || format!("{texts:?}"))?;
        Ok(texts)
    })
    .await;
    assert_eq!(texts, ["First", "Second", "Third", "Fourth"]);
    let reply = worker.chat("ada").in_conversation("trip").say("Fifth").await;
    assert_eq!(reply.companion["stored"], true);
    let prompt = stub.last_request().prompt();
    assert!(prompt.contains("Third") && prompt.contains("Fourth"), "{prompt}");
    let metrics = worker.metrics().await;
    assert!(
        metrics.contains("companion_unsettled_turns_total{outcome=\"stored\"} 3"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_message_that_comes_before_them_is_stored_after_them() {
    let stub = StubProvider::start().await;
    let (setup, wire, worker) = without_postgres(&stub).await;
    let chat = worker.chat("ada").in_conversation("trip");
    chat.say("Second").await;
    wire.mend();
    chat.say("Third").await;
    eventually("all is stored", STORED_AGAIN, || async {
        let texts = stored_texts(&setup).await;
        ensure(texts == ["First", "Second", "Third"], || format!("{texts:?}"))
    })
    .await;
}

#[tokio::test]
async fn who_is_erased_meanwhile_leaves_nothing_that_is_stored_later() {
    let stub = StubProvider::start().await;
    let (setup, wire, worker) = without_postgres(&stub).await;
    let chat = worker.chat("ada");
    assert_eq!(chat.say("Second").await.companion["pending"], true);
    wire.mend();
    eventually("ada is erased", STORED_AGAIN, || async {
        let erased = chat
            .post("/api/v1/erase", json!({ "confirm": "erase everything" }))
            .await;
        ensure(erased.status == 200, || erased.text.clone())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(stored_texts(&setup).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pool_that_is_used_up_holds_no_reply_up_and_loses_none() {
    let setup = Setup::new().await.with(json!({ "database": { "poolSize": 4 } }));
    let worker = setup.start().await;
    let mut owner = PgConnection::connect(&setup.database.owner_url).await.unwrap();
    let mut lock = owner.begin().await.unwrap();
    let statement = "LOCK TABLE companion.messages IN ACCESS EXCLUSIVE MODE";
    sqlx::query(statement).execute(&mut *lock).await.unwrap();
    // Each of them waits for a connection, or for the lock on one.
    let users: Vec<String> = (0..12).map(|number| format!("user-{number}")).collect();
    let chats: Vec<Chat> = users.iter().map(|user| worker.chat(user)).collect();
    let replies = futures::future::join_all(chats.iter().map(|chat| chat.say("Hello")));
    let replies = tokio::time::timeout(Duration::from_secs(30), replies).await;
    for reply in replies.expect("a pool must not hold replies up") {
        assert_eq!(reply.companion["pending"], true, "{reply:?}");
    }
    lock.rollback().await.unwrap();
    eventually("all is stored", STORED_AGAIN, || async {
        let texts = stored_texts(&setup).await;
        ensure(texts.len() == users.len(), || format!("{texts:?}"))
    })
    .await;
}

#[tokio::test]
async fn a_conversation_that_is_deleted_does_not_come_back_with_what_waited() {
    let stub = StubProvider::start().await;
    let (setup, wire, worker) = without_postgres(&stub).await;
    let chat = worker.chat("ada").in_conversation("trip");
    let reply = chat.say("Second").await;
    assert_eq!(reply.companion["pending"], true, "{reply:?}");
    let conversation = reply.companion["conversation_id"].as_str().expect("an id").to_owned();
    wire.mend();
    let path = format!("/api/v1/conversations/{conversation}");
    eventually("it is deleted", STORED_AGAIN, || async {
        let deleted = worker.chat("ada").delete(&path).await;
        ensure(deleted.status == 204, || deleted.text.clone())
    })
    .await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(worker.chat("ada").get(&path).await.status, 404);
    assert_eq!(stored_texts(&setup).await, Vec::<String>::new());
}
