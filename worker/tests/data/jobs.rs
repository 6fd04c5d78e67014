//! What happens after the reply, run by the worker's own role, which may not create anything.

use companion_worker::jobs;
use companion_worker::store::Store;
use companion_worker::telemetry::Metrics;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::support::{Database, eventually, memories, run, turn, user};

fn start(store: &Store) -> (CancellationToken, tokio::task::JoinHandle<()>, Metrics) {
    let (stop, metrics) = (CancellationToken::new(), Metrics::new().unwrap());
    let job = jobs::run(store.clone(), memories(store), None, metrics.clone(), stop.clone());
    (stop, tokio::spawn(job), metrics)
}

#[tokio::test]
async fn a_told_fact_becomes_one_memory_however_many_workers_relay() {
    let database = Database::migrated().await;
    let store = database.store();
    let (sam, conversation) = (user("sam"), Uuid::new_v4());
    let running = [start(&store), start(&database.store())];
    for text in [
        "My sister Anna lives in Lisbon.",
        "Where does my sister live?",
        "Did you know? My sister Anna lives in Lisbon!",
    ] {
        let mut new = turn(sam, conversation, text);
        new.reply_text = "I am allergic to nuts. My name is Bob.".into();
        store.settle(&new).await.unwrap();
    }
    let memories = memories(&store);
    eventually("the queue is worked off", || async {
        database
            .count(
                "SELECT (SELECT count(*) FROM companion.outbox) + (SELECT count(*) FROM graphile_worker._private_jobs)",
            )
            .await
            == 0
            && database.count("SELECT count(*) FROM companion.memories").await > 0
    })
    .await;
    let page = memories.list(sam, 10, None).await.unwrap();
    let texts: Vec<_> = page
        .iter()
        .map(|memory| (memory.kind.as_str(), memory.text.as_str()))
        .collect();
    assert_eq!(texts, [("relation", "The user's sister Anna lives in Lisbon.")]);
    let recall = memories
        .recall(sam, "Where does my sister live?", 3, 0.3)
        .await
        .unwrap();
    assert_eq!(recall.memories.len(), 1);
    assert_eq!(
        database
            .count("SELECT count(*) FROM graphile_worker._private_job_queues WHERE queue_name LIKE 'companion-%'")
            .await,
        1
    );
    let done: u64 = running
        .iter()
        .map(|(_, _, metrics)| metrics.jobs.with_label_values(&["extract", "ok"]).get())
        .sum();
    assert!((1..=3).contains(&done), "{done} jobs");
    for (stop, job, _) in running {
        stop.cancel();
        tokio::time::timeout(std::time::Duration::from_secs(10), job)
            .await
            .expect("did not stop")
            .unwrap();
    }
    assert_eq!(
        database
            .count("SELECT count(*) FROM graphile_worker._private_workers")
            .await,
        0
    );
    database.drop().await;
}

#[tokio::test]
async fn payloads_hold_ids_only_and_keys_begin_with_the_user() {
    let database = Database::migrated().await;
    let store = database.store();
    let sam = user("sam");
    store
        .settle(&turn(sam, Uuid::new_v4(), "My sister Anna lives in Lisbon."))
        .await
        .unwrap();
    let mut connection = database.as_owner().await;
    for sql in [
        "CREATE TABLE seen (key text, payload jsonb)",
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS
         'BEGIN INSERT INTO seen VALUES (new.key, new.payload); RETURN new; END'",
        "CREATE TRIGGER see AFTER INSERT ON graphile_worker._private_jobs FOR EACH ROW EXECUTE FUNCTION see()",
    ] {
        run(&mut connection, sql).await;
    }
    let (stop, job, _) = start(&store);
    eventually("the job is queued", || async {
        database.count("SELECT count(*) FROM seen").await == 1
    })
    .await;
    stop.cancel();
    job.await.unwrap();
    let (key, payload): (String, serde_json::Value) = sqlx::query_as("SELECT key, payload FROM seen")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert!(key.starts_with(&format!("user:{sam}:extract:")), "{key}");
    assert!(!payload.to_string().contains("Lisbon"), "{payload}");
    database.drop().await;
}

#[tokio::test]
async fn what_a_conversation_left_since_the_last_look_is_one_job_and_nothing_of_it_is_lost() {
    let database = Database::migrated().await;
    let store = database.store();
    let (sam, one, other) = (user("sam"), Uuid::new_v4(), Uuid::new_v4());
    let texts = ["My sister Anna lives in Lisbon.", "I am allergic to nuts."];
    for text in texts {
        store.settle(&turn(sam, one, text)).await.unwrap();
    }
    store.settle(&turn(sam, other, "I live in Porto.")).await.unwrap();
    let (stop, job, metrics) = start(&store);
    eventually("all is learned", || async {
        database.count("SELECT count(*) FROM companion.memories").await == 3
    })
    .await;
    eventually("jobs are counted", || async {
        metrics.jobs.with_label_values(&["extract", "ok"]).get() == 2
    })
    .await;
    stop.cancel();
    job.await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn a_memory_without_a_vector_gets_one() {
    let database = Database::migrated().await;
    let store = database.store();
    let (sam, memories) = (user("sam"), memories(&store));
    memories.create(sam, "The user likes tea.").await.unwrap();
    let mut connection = database.as_owner().await;
    run(&mut connection, "DELETE FROM companion.memory_vectors").await;
    run(
        &mut connection,
        "INSERT INTO companion.outbox (user_id, task, epoch) SELECT user_id, 'vectors', epoch FROM companion.users",
    )
    .await;
    run(
        &mut connection,
        "INSERT INTO companion.outbox (user_id, task, epoch) SELECT user_id, 'vectors', epoch FROM companion.users",
    )
    .await;
    let (stop, job, _) = start(&store);
    eventually("the vector is there", || async {
        database.count("SELECT count(*) FROM companion.memory_vectors").await == 1
    })
    .await;
    stop.cancel();
    job.await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn an_erasure_stops_the_jobs_begun_before_it() {
    let database = Database::migrated().await;
    let store = database.store();
    store
        .settle(&turn(user("sam"), Uuid::new_v4(), "I'm allergic to nuts"))
        .await
        .unwrap();
    let mut connection = database.as_owner().await;
    run(&mut connection, "UPDATE companion.users SET epoch = epoch + 1").await;
    let (stop, job, metrics) = start(&store);
    eventually("the job ran", || async {
        metrics.jobs.with_label_values(&["extract", "ok"]).get() == 1
    })
    .await;
    assert_eq!(database.count("SELECT count(*) FROM companion.memories").await, 0);
    stop.cancel();
    job.await.unwrap();
    database.drop().await;
}
