//! A streaming replica: lists, searches and exports come from it, never without what their user wrote before, and from the
//! primary where it is late or away.

use std::time::Duration;

use companion_tests::wire::Wire;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{Chat, environment, eventually, eventually::ensure};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use tokio::sync::Mutex;

/// The replica is one for all: what one test does to it the other must not see.
static ALONE: Mutex<()> = Mutex::const_new(());

struct Scene {
    setup: Setup,
    wire: Wire,
    worker: Worker,
}

/// A worker with a wire to its replica.
async fn scene() -> Scene {
    let server = environment::required("COMPANION_TEST_REPLICA_URL");
    let wire = Wire::to(&server).await;
    let mut setup = Setup::new().await.with(json!({ "database": { "replicas": 1 } }));
    let url = wire.through(&setup.database.worker_url);
    setup.variables.push(("COMPANION_DATABASE_REPLICA_1_URL", url.leak()));
    // A test that failed may have left it so.
    replay("resume").await;
    let worker = setup.start().await;
    Scene { setup, wire, worker }
}

impl Scene {
    async fn reads(&self, outcome: &str) -> u64 {
        let name = format!("companion_database_reads_total{{outcome=\"{outcome}\"}} ");
        let metrics = self.worker.metrics().await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |number| number.parse().expect("a number"))
    }
}

/// Has the replica `pause` or `resume` what it takes over.
async fn replay(command: &str) {
    let url = environment::required("COMPANION_TEST_REPLICA_URL");
    let mut replica = PgConnection::connect(&url).await.expect("the replica answers");
    let statement = format!("SELECT pg_wal_replay_{command}()");
    let done = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&mut replica).await;
    done.expect("a superuser may");
}

/// Everything that may be read elsewhere knows the memory.
async fn is_known(chat: &Chat, text: &str) {
    let answers = [
        chat.get("/api/v1/memories").await,
        chat.post("/api/v1/memories/search", json!({ "query": "Lisbon" })).await,
        chat.get("/api/v1/export").await,
    ];
    for answer in answers {
        assert!(answer.status == 200 && answer.text.contains(text), "{}", answer.text);
    }
}

#[tokio::test]
async fn users_read_what_they_wrote_however_late_the_replica_is() {
    let _alone = ALONE.lock().await;
    let scene = scene().await;
    let chat = scene.worker.chat("ada");
    replay("pause").await;
    chat.post("/api/v1/memories", json!({ "text": "Anna lives in Lisbon." }))
        .await;
    is_known(&chat, "Lisbon").await;
    assert!(scene.reads("late").await + scene.reads("away").await >= 3);
    assert_eq!(scene.reads("replica").await, 0);
    replay("resume").await;
    eventually("the replica is read", Duration::from_secs(20), || async {
        is_known(&chat, "Lisbon").await;
        let reads = scene.reads("replica").await;
        ensure(reads >= 3, || format!("{reads} reads"))
    })
    .await;
    // Without a pause in between: each list knows what was written before it.
    for number in 0..20 {
        let text = format!("Number {number} is a number.");
        chat.post("/api/v1/memories", json!({ "text": text })).await;
        assert!(chat.get("/api/v1/memories").await.text.contains(&text));
    }
}

#[tokio::test]
async fn a_replica_that_goes_away_or_hangs_costs_no_read() {
    let _alone = ALONE.lock().await;
    let scene = scene().await;
    let chat = scene.worker.chat("ada");
    chat.post("/api/v1/memories", json!({ "text": "Anna lives in Lisbon." }))
        .await;
    let is_read = async || {
        eventually("the replica is read", Duration::from_secs(20), || async {
            let before = scene.reads("replica").await;
            is_known(&chat, "Lisbon").await;
            let reads = scene.reads("replica").await;
            ensure(reads > before, || format!("{reads} reads"))
        })
        .await;
    };
    is_read().await;
    scene.wire.cut();
    is_known(&chat, "Lisbon").await;
    assert!(scene.reads("away").await >= 1);
    scene.wire.mend();
    is_read().await;
    scene.wire.silence();
    let begun = std::time::Instant::now();
    is_known(&chat, "Lisbon").await;
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    scene.wire.mend();
    is_read().await;
    assert_eq!(
        scene
            .setup
            .database
            .ask("SELECT count(*)::text FROM companion.memories")
            .await,
        "1"
    );
}
