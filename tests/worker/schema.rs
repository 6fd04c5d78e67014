//! What the database holds, and what the workers' role may do to it.

use std::time::Duration;

use companion_tests::worker::Setup;

#[tokio::test]
async fn every_table_with_user_data_has_the_user_first_in_its_primary_key() {
    let setup = Setup::new().await;
    let keys = setup
        .database
        .list(
            "SELECT c.relname || ': ' || coalesce((SELECT a.attname FROM pg_index i JOIN pg_attribute a
                 ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisprimary), 'none')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute u ON u.attrelid = c.oid AND u.attname = 'user_id' AND NOT u.attisdropped
             WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'graphile_worker')",
        )
        .await;
    assert!(
        keys.len() >= 6,
        "users, conversations, messages, turns, memories, vectors: {keys:?}"
    );
    for key in &keys {
        assert!(key.ends_with(": user_id"), "{key}");
    }
}

#[tokio::test]
async fn the_workers_role_cannot_change_the_schema_and_needs_no_right_to() {
    let setup = Setup::new().await;
    let role = format!("{}_worker", setup.database.name);
    let rights = setup
        .database
        .list(&format!(
            "SELECT nspname::text FROM pg_namespace WHERE nspname !~ '^pg_' AND has_schema_privilege('{role}', oid, 'CREATE')"
        ))
        .await;
    assert!(rights.is_empty(), "the workers' role may create in {rights:?}");
    let owned = setup
        .database
        .ask(&format!(
            "SELECT count(*)::text FROM pg_class WHERE relowner = '{role}'::regrole"
        ))
        .await;
    assert_eq!(owned, "0");
    // And yet all of a turn works, with the job after it.
    let worker = setup.start().await;
    worker.chat("ada").say("I'm allergic to nuts.").await;
    worker.chat("ada").await_memory("nuts").await;
}

#[tokio::test]
async fn a_worker_waits_unready_until_the_schema_is_there() {
    let setup = Setup::unmigrated().await;
    let worker = setup.launch();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(
        (worker.admin("/healthz").await, worker.admin("/readyz").await),
        (200, 503),
        "{}",
        worker.log()
    );
    setup.migrate().await;
    worker.await_ready().await;
}

#[tokio::test]
async fn migrations_may_run_twice_and_at_once() {
    let setup = Setup::unmigrated().await;
    let runs = (0..3).map(|_| setup.run(&["migrate", "--phase", "expand"]));
    for (done, text) in futures::future::join_all(runs).await {
        assert!(done, "{text}");
    }
    for phase in ["expand", "contract"] {
        let (done, text) = setup.run(&["migrate", "--phase", phase]).await;
        assert!(done, "{phase}: {text}");
    }
    setup.start().await;
}

#[tokio::test]
async fn preflight_tells_what_it_found_and_a_wrong_password_without_telling_it() {
    let mut setup = Setup::unmigrated().await;
    let (done, text) = setup.run(&["preflight"]).await;
    assert!(
        done && text.contains("pgvector") && text.contains("\"connections\""),
        "{text}"
    );

    setup.database_url = setup
        .database_url
        .replace(&format!(":{}@", setup.database.name), ":not-the-password@");
    let (done, text) = setup.run(&["preflight"]).await;
    assert!(!done && text.contains("password authentication failed"), "{text}");
    assert!(!text.contains("not-the-password"), "{text}");
}
