//! The schema, and who may do what with it.

use std::time::{Duration, Instant};

use companion_worker::commands::migrate::{self, MigrateError, Phase};
use companion_worker::store::{REQUIRED_SCHEMA, StoreError};
use sqlx::Connection;

use crate::support::{Database, run};

#[tokio::test]
async fn migrating_twice_and_racing_changes_nothing_more() {
    let database = Database::empty().await;
    let (one, other) = tokio::join!(database.migrate(Phase::Expand), database.migrate(Phase::Expand));
    assert_eq!(
        (one.unwrap(), other.unwrap()),
        (REQUIRED_SCHEMA.into(), REQUIRED_SCHEMA.into())
    );
    assert_eq!(
        database.migrate(Phase::Expand).await.unwrap(),
        i64::from(REQUIRED_SCHEMA)
    );
    assert_eq!(
        database.migrate(Phase::Contract).await.unwrap(),
        i64::from(REQUIRED_SCHEMA)
    );
    assert_eq!(
        database.count("SELECT count(*) FROM companion.migrations_expand").await,
        i64::from(REQUIRED_SCHEMA)
    );
    assert_eq!(
        database
            .count("SELECT count(*) FROM companion.migrations_contract")
            .await,
        0
    );
    database.drop().await;
}

#[tokio::test]
async fn every_table_with_user_data_begins_its_key_with_the_user() {
    let database = Database::migrated().await;
    let mut connection = database.as_owner().await;
    let tables: Vec<(String, Option<String>)> = sqlx::query_as(
        "SELECT c.relname::text, (SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                                  WHERE i.indrelid = c.oid AND i.indisprimary)
         FROM pg_class c WHERE c.relnamespace = 'companion'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let ours = tables
        .iter()
        .filter(|(table, _)| !table.starts_with("migrations_") && table != "schema_state");
    let keys: Vec<_> = ours.collect();
    assert_eq!(keys.len(), 15, "{keys:?}");
    assert!(
        keys.iter().all(|(_, first)| first.as_deref() == Some("user_id")),
        "{keys:?}"
    );

    let foreign: Vec<(String, bool)> = sqlx::query_as(
        "SELECT k.conname::text, EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = k.conkey[1] AND a.attname = 'user_id')
         FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'companion'::regnamespace",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(
        !foreign.is_empty() && foreign.iter().all(|(_, carries)| *carries),
        "{foreign:?}"
    );
    connection.close().await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn the_workers_role_changes_rows_and_no_schema() {
    let database = Database::migrated().await;
    let mut connection = database.as_worker().await;
    for (sql, code) in [
        ("CREATE TABLE companion.mine (id int)", "42501"),
        ("CREATE TABLE graphile_worker.mine (id int)", "42501"),
        ("CREATE SCHEMA mine", "42501"),
        ("ALTER TABLE companion.users ADD COLUMN mine int", "42501"),
        ("DROP TABLE companion.outbox", "42501"),
        ("UPDATE companion.schema_state SET version = 99", "42501"),
        ("DELETE FROM companion.migrations_expand", "42501"),
        ("INSERT INTO graphile_worker.migrations (id) VALUES (99)", "42501"),
    ] {
        let error = sqlx::query(sql).execute(&mut connection).await.expect_err(sql);
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            code,
            "{sql}: {error}"
        );
    }
    for table in [
        "users",
        "conversations",
        "messages",
        "turns",
        "memories",
        "memory_vectors",
        "outbox",
    ] {
        run(&mut connection, &format!("DELETE FROM companion.{table}")).await;
    }
    connection.close().await.unwrap();
    let state = database.store().schema().await.unwrap();
    state.check().unwrap();
    database.drop().await;
}

#[tokio::test]
async fn a_missing_schema_says_how_to_make_it() {
    let database = Database::empty().await;
    let error = database.store().schema().await.unwrap_err();
    assert!(
        matches!(error, StoreError::Schema(_)) && error.to_string().contains("migrate --phase expand"),
        "{error}"
    );
    assert!(matches!(
        database.migrate(Phase::Contract).await,
        Err(MigrateError::NothingToContract)
    ));
    database.drop().await;
}

#[tokio::test]
async fn a_migration_that_fails_leaves_nothing_behind_and_succeeds_once_the_cause_is_gone() {
    let database = Database::empty().await;
    let mut connection = database.as_owner().await;
    run(&mut connection, "CREATE SCHEMA companion").await;
    run(&mut connection, "CREATE TABLE companion.memories (theirs int)").await;
    let error = database.migrate(Phase::Expand).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("relation \"memories\" already exists"), "{source}");
    assert_eq!(
        database
            .count("SELECT count(*) FROM pg_class WHERE relname = 'outbox'")
            .await,
        0
    );
    run(&mut connection, "DROP TABLE companion.memories").await;
    connection.close().await.unwrap();
    database.migrate(Phase::Expand).await.unwrap();
    database.drop().await;
}

#[tokio::test]
async fn an_extension_that_may_not_be_created_is_named() {
    let database = Database::empty().await;
    let mut admin = sqlx::ConnectOptions::connect(&database.admin).await.unwrap();
    run(&mut admin, "DROP EXTENSION vector").await;
    admin.close().await.unwrap();
    // The worker's role stands for an owner without rights.
    let error = migrate::apply(database.worker.clone(), database.worker.get_username(), Phase::Expand)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("CREATE EXTENSION vector"), "{error}");
    database.drop().await;
}

#[tokio::test]
async fn a_table_that_is_locked_fails_the_migration_instead_of_blocking_traffic() {
    let database = Database::empty().await;
    first_release(&database).await;
    let mut reader = database.as_owner().await;
    let mut open = reader.begin().await.unwrap();
    run(&mut open, "LOCK TABLE companion.conversations IN ACCESS SHARE MODE").await;
    let mut other = database.as_owner().await;
    let begin = Instant::now();
    let (migrated, ()) = tokio::join!(database.migrate(Phase::Expand), async {
        // By then the migration waits for the table, and this one behind it.
        tokio::time::sleep(Duration::from_secs(2)).await;
        run(&mut other, "SELECT count(*) FROM companion.conversations").await;
        let waited = begin.elapsed();
        assert!(waited < Duration::from_secs(20), "a reader waited for {waited:?}");
        assert!(waited > Duration::from_secs(4), "no migration waited for the table");
    });
    let error = migrated.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("lock timeout"), "{source}");
    open.rollback().await.unwrap();
    assert_eq!(
        database.migrate(Phase::Expand).await.unwrap(),
        i64::from(REQUIRED_SCHEMA)
    );
    database.drop().await;
}

/// The schema as the first release left it, so that there is something to migrate.
async fn first_release(database: &Database) {
    let mut files = sqlx::migrate!("./migrations/expand");
    files.migrations = vec![files.migrations[0].clone()].into();
    files.create_schema("companion");
    files.dangerous_set_table_name("companion.migrations_expand");
    files.set_locking(false);
    let mut connection = database.as_owner().await;
    files.run_direct(None, &mut connection, false).await.unwrap();
}
