//! Summaries: what they are made of, and when one that was being made is not kept.

use uuid::Uuid;

use crate::support::{Database, turn, user};

#[tokio::test]
async fn a_summary_goes_on_from_the_one_before_and_is_dropped_where_its_messages_are_gone() {
    let database = Database::migrated().await;
    let (store, sam, conversation) = (database.store(), user("sam"), Uuid::new_v4());
    for number in 0..8 {
        let mut told = turn(sam, conversation, &format!("Message {number}"));
        told.thread = None;
        store.settle(&told).await.unwrap();
    }
    let first = store.unsummarised(sam, conversation, 6).await.unwrap();
    let places: Vec<i32> = first.messages.iter().map(|(seq, ..)| *seq).collect();
    assert_eq!((first.through, places), (0, (1..=10).collect()), "all but the last six");
    assert!(
        store
            .unsummarised(user("kim"), conversation, 6)
            .await
            .unwrap()
            .messages
            .is_empty(),
        "another user's conversation"
    );

    assert!(store.put_summary(sam, 0, conversation, (0, 10), "One").await.unwrap());
    assert!(
        !store.put_summary(sam, 0, conversation, (0, 8), "Late").await.unwrap(),
        "another job was first"
    );
    assert!(
        !store.put_summary(sam, 1, conversation, (10, 12), "x").await.unwrap(),
        "of another epoch"
    );
    assert_eq!(
        store.place(sam, Some(conversation)).await.unwrap().summary.as_deref(),
        Some("One")
    );
    let second = store.unsummarised(sam, conversation, 2).await.unwrap();
    assert_eq!((second.summary.as_deref(), second.through), (Some("One"), 10));
    assert_eq!(second.messages.len(), 4);

    store.reset_conversation(sam, conversation).await.unwrap();
    assert_eq!(store.place(sam, Some(conversation)).await.unwrap().summary, None);
    assert!(
        !store.put_summary(sam, 0, conversation, (0, 14), "Back").await.unwrap(),
        "its messages are gone"
    );
    database.drop().await;
}
