//! Turns and messages.

use companion_worker::store::{Role, Settled, Store, StoreError};
use uuid::Uuid;

use crate::support::{Database, turn, url, user};

#[tokio::test]
async fn a_settled_turn_is_history_and_its_thread_is_found() {
    let database = Database::migrated().await;
    let (store, sam, conversation) = (database.store(), user("sam"), Uuid::new_v4());
    for (number, text) in ["one", "two\0", "three"].into_iter().enumerate() {
        let mut new = turn(sam, conversation, text);
        new.thread = Some([number as u8; 32]);
        let number = number as i32;
        assert_eq!(
            store.settle(&new).await.unwrap(),
            Settled::Stored {
                user_seq: 2 * number + 1,
                reply_seq: 2 * number + 2
            }
        );
    }
    let history = store.history(sam, conversation, 4).await.unwrap();
    let texts: Vec<_> = history
        .iter()
        .map(|message| (message.role, message.text.as_str()))
        .collect();
    assert_eq!(
        texts,
        [
            (Role::User, "two\u{fffd}"),
            (Role::Assistant, "You said: two\u{fffd}"),
            (Role::User, "three"),
            (Role::Assistant, "You said: three"),
        ]
    );
    assert_eq!(store.find_thread(sam, [1; 32]).await.unwrap(), Some(conversation));
    assert_eq!(store.find_thread(sam, [9; 32]).await.unwrap(), None);
    // Nothing of it is another user's, whatever ids that one knows.
    let kim = user("kim");
    assert!(store.history(kim, conversation, 10).await.unwrap().is_empty());
    assert_eq!(store.find_thread(kim, [1; 32]).await.unwrap(), None);
    assert_eq!(
        database
            .count("SELECT count(*) FROM companion.outbox WHERE task = 'extract'")
            .await,
        3
    );
    database.drop().await;
}

#[tokio::test]
async fn one_key_is_one_turn_whoever_wins() {
    let database = Database::migrated().await;
    let (store, sam, conversation) = (database.store(), user("sam"), Uuid::new_v4());
    let racers = (0..6).map(async |number| {
        let mut new = turn(sam, conversation, &format!("try {number}"));
        new.idempotency_key = Some("key".into());
        new.request_hash = [7; 32];
        store.settle(&new).await
    });
    let settled = futures::future::try_join_all(racers).await.unwrap();
    let stored = settled
        .iter()
        .filter(|settled| matches!(settled, Settled::Stored { .. }))
        .count();
    assert_eq!(stored, 1, "{settled:?}");
    let found = store.find_turn(sam, "key").await.unwrap().unwrap();
    assert_eq!(
        (found.request_hash, found.cached_tokens, found.conversation),
        ([7; 32], 2, conversation)
    );
    for duplicate in settled {
        if let Settled::Duplicate(turn) = duplicate {
            assert_eq!(turn, found);
        }
    }
    assert_eq!(database.count("SELECT count(*) FROM companion.messages").await, 2);
    assert!(store.find_turn(user("kim"), "key").await.unwrap().is_none());
    database.drop().await;
}

#[tokio::test]
async fn settling_again_after_a_lost_answer_stores_nothing_twice() {
    let database = Database::migrated().await;
    let (store, new) = (database.store(), turn(user("sam"), Uuid::new_v4(), "hello"));
    assert!(matches!(store.settle(&new).await.unwrap(), Settled::Stored { .. }));
    let Settled::Duplicate(first) = store.settle(&new).await.unwrap() else {
        panic!("stored twice")
    };
    assert_eq!((first.turn_id, first.reply_text), (new.turn_id, new.reply_text));
    database.drop().await;
}

#[tokio::test]
async fn concurrent_turns_of_a_new_user_all_get_their_place() {
    let database = Database::migrated().await;
    let (store, conversation) = (database.store(), Uuid::new_v4());
    let racers = (0..8).map(async |number| {
        store
            .settle(&turn(user("new"), conversation, &number.to_string()))
            .await
    });
    let mut places: Vec<i32> = futures::future::try_join_all(racers)
        .await
        .unwrap()
        .into_iter()
        .map(|settled| match settled {
            Settled::Stored { user_seq, .. } => user_seq,
            other => panic!("{other:?}"),
        })
        .collect();
    places.sort_unstable();
    assert_eq!(places, (0..8).map(|number| 2 * number + 1).collect::<Vec<_>>());
    database.drop().await;
}

#[tokio::test]
async fn no_notify_is_in_a_turns_own_transaction() {
    let database = Database::migrated().await;
    let (store, mut listener) = (
        database.store(),
        sqlx::postgres::PgListener::connect(secrecy::ExposeSecret::expose_secret(&url(&database.owner)))
            .await
            .unwrap(),
    );
    listener.listen("jobs:insert").await.unwrap();
    store.settle(&turn(user("sam"), Uuid::new_v4(), "hello")).await.unwrap();
    let heard = tokio::time::timeout(std::time::Duration::from_millis(300), listener.recv()).await;
    assert!(heard.is_err(), "{heard:?}");
    std::mem::drop(listener);
    database.drop().await;
}

#[tokio::test]
async fn a_database_that_is_away_is_told_from_a_bug() {
    let nowhere = "postgres://nobody:pw@127.0.0.1:1/nothing".into();
    let store = Store::connect_lazy(&nowhere, 4, false).unwrap();
    let error = store.history(user("sam"), Uuid::new_v4(), 5).await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
    assert!(matches!(
        Store::connect_lazy(&"not a url with pw".into(), 4, false),
        Err(StoreError::Url)
    ));
}

#[tokio::test]
async fn a_draining_worker_keeps_two_connections() {
    let database = Database::migrated().await;
    let store = database.store();
    let busy = (0..8).map(async |number| {
        store
            .settle(&turn(user("sam"), Uuid::new_v4(), &number.to_string()))
            .await
    });
    futures::future::try_join_all(busy).await.unwrap();
    store.shrink();
    let worker = database.worker.get_username();
    let open = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{worker}'");
    crate::support::eventually("at most two connections", || async { database.count(&open).await <= 2 }).await;
    let busy = (0..8).map(async |number| {
        store
            .settle(&turn(user("sam"), Uuid::new_v4(), &number.to_string()))
            .await
    });
    futures::future::try_join_all(busy).await.unwrap();
    assert!(database.count(&open).await <= 2);
    database.drop().await;
}
