//! Erasing a user and exporting one: both hold every table with user data, and nothing that was begun before an erasure is
//! written after it.

use companion_worker::memory::{Recalled, Why};
use companion_worker::store::erase::TABLES;
use companion_worker::store::{Preferences, Settled};
use serde_json::Value;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::{Database, memories, run, turn, user};

#[tokio::test]
async fn every_table_with_user_data_is_erased_and_exported() {
    let database = Database::migrated().await;
    let mut connection = database.as_owner().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns
         WHERE table_schema = 'companion' AND column_name = 'user_id' AND table_name <> 'users' ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut listed = TABLES.map(str::to_owned);
    listed.sort();
    assert_eq!(
        tables, listed,
        "a table that is not listed would be neither erased nor exported"
    );
    drop(connection);
    database.drop().await;
}

#[tokio::test]
async fn an_erased_user_is_gone_and_no_other_is() {
    let database = Database::migrated().await;
    let (store, sam, kim) = (database.store(), user("sam"), user("kim"));
    for who in [sam, kim] {
        let known = memories(&store).create(who, "The user lives in Rome.").await.unwrap();
        let mut told = turn(who, Uuid::new_v4(), "My sister Anna lives in Lisbon.");
        told.recalled = vec![Recalled {
            id: known.id,
            text: known.text,
            score: 0.5,
            why: Why::Meaning,
        }];
        let conversation = told.conversation;
        store.settle(&told).await.unwrap();
        let preferences = Preferences {
            name: Some("Sam".into()),
            ..Preferences::default()
        };
        store.put_preferences(who, &preferences).await.unwrap();
        assert!(
            store
                .put_summary(who, 0, conversation, (0, 2), "Anna moves.")
                .await
                .unwrap()
        );
    }
    let note =
        "INSERT INTO companion.imports (user_id, item_id) SELECT user_id, gen_random_uuid() FROM companion.users";
    run(&mut database.as_worker().await, note).await;
    for note in [
        "INSERT INTO companion.standing (user_id, adult_since) SELECT user_id, now() FROM companion.users",
        "INSERT INTO companion.moods (user_id, turn_id, emotion, confidence, intensity, evidence)
         SELECT user_id, gen_random_uuid(), 'sad', 1, 1, '{}' FROM companion.users",
        "INSERT INTO companion.safety_decisions (user_id, turn_id, side, label, route, confidence, reasons, version)
         SELECT user_id, gen_random_uuid(), 'message', 'crisis', 'normal', 1, '{}', '1' FROM companion.users",
    ] {
        run(&mut database.as_worker().await, note).await;
    }
    let export = |who| {
        let store = store.clone();
        async move {
            let (sender, mut lines) = mpsc::channel(1);
            let exporting = tokio::spawn(async move { store.export(who, sender).await });
            let mut read: Vec<Value> = Vec::new();
            while let Some(line) = lines.recv().await {
                read.push(serde_json::from_str(&line).unwrap());
            }
            exporting.await.unwrap().unwrap();
            read
        }
    };
    let before = export(sam).await;
    let last = before.last().unwrap();
    assert_eq!(
        (&last["complete"], &last["rows"]["messages"]),
        (&true.into(), &2.into()),
        "{last}"
    );
    assert!(
        before
            .iter()
            .any(|line| line["table"] == "memories" && line["row"]["text"] == "The user lives in Rome.")
    );
    let theirs = user("kim").as_uuid().to_string();
    assert!(
        before.iter().all(|line| !line.to_string().contains(&theirs)),
        "another user's row is in the export"
    );

    let receipt = store.erase(sam).await.unwrap();
    assert_eq!(
        (receipt.epoch, receipt.rows["messages"], receipt.rows["memories"]),
        (1, 2, 1)
    );
    assert_eq!(export(sam).await.len(), 1, "nothing but the counts is left");
    assert_eq!(export(kim).await.len(), before.len());
    for table in TABLES {
        let left = database.count(&format!("SELECT count(*) FROM companion.{table}")).await;
        assert!(left > 0, "kim's rows in {table} stay");
    }
    assert_eq!(
        store.erase(sam).await.unwrap().epoch,
        2,
        "erasing again finds nothing and harms nothing"
    );
    database.drop().await;
}

#[tokio::test]
async fn what_was_begun_before_an_erasure_is_not_written_after_it() {
    let database = Database::migrated().await;
    let (store, sam) = (database.store(), user("sam"));
    let begun = |epoch| {
        let mut new = turn(sam, Uuid::new_v4(), "hello");
        new.epoch = Some(epoch);
        new
    };
    // The first turn of a user who is erased before it ends, and a later one.
    for erasures in 0..2 {
        let late = begun(store.place(sam, None).await.unwrap().epoch);
        store.erase(sam).await.unwrap();
        assert_eq!(
            store.settle(&late).await.unwrap(),
            Settled::Erased,
            "after {erasures} erasures"
        );
        assert_eq!(database.count("SELECT count(*) FROM companion.messages").await, 0);
    }
    let next = begun(store.place(sam, None).await.unwrap().epoch);
    assert!(
        matches!(store.settle(&next).await.unwrap(), Settled::Stored { .. }),
        "a user may come back"
    );
    database.drop().await;
}

#[tokio::test]
async fn a_key_is_free_again_after_a_day() {
    let database = Database::migrated().await;
    let (store, sam) = (database.store(), user("sam"));
    let keyed = || {
        let mut new = turn(sam, Uuid::new_v4(), "hello");
        new.idempotency_key = Some("key".into());
        new
    };
    store.settle(&keyed()).await.unwrap();
    assert!(matches!(store.settle(&keyed()).await.unwrap(), Settled::Duplicate(_)));
    let mut connection = database.as_owner().await;
    crate::support::run(
        &mut connection,
        "UPDATE companion.turns SET created_at = now() - interval '25 hours'",
    )
    .await;
    drop(connection);
    assert!(store.find_turn(sam, "key").await.unwrap().is_none());
    assert!(matches!(store.settle(&keyed()).await.unwrap(), Settled::Stored { .. }));
    database.drop().await;
}
