//! Memories: kept, found, deleted, and never another user's.

use companion_worker::memory::{MemoryError, Why};

use crate::support::{Database, memories, run, user};

#[tokio::test]
async fn a_question_finds_the_fact_it_asks_for_and_nobody_elses() {
    let database = Database::migrated().await;
    let memories = memories(&database.store());
    let (sam, kim) = (user("sam"), user("kim"));
    for text in [
        "The user's sister Anna lives in Lisbon.",
        "The user is allergic to nuts.",
        "The user plays the guitar.",
    ] {
        memories.create(sam, text).await.unwrap();
    }
    memories
        .create(kim, "The user's sister Zoe lives in Oslo.")
        .await
        .unwrap();

    let recall = memories
        .recall(sam, "Where does my sister live?", 3, 0.3)
        .await
        .unwrap();
    assert!(!recall.lexical);
    assert_eq!(recall.memories[0].text, "The user's sister Anna lives in Lisbon.");
    assert!(
        recall
            .memories
            .iter()
            .all(|memory| memory.score >= 0.3 && !memory.text.contains("Oslo")),
        "{recall:?}"
    );
    assert!(
        memories
            .recall(sam, "The stock market fell sharply.", 3, 0.3)
            .await
            .unwrap()
            .memories
            .is_empty()
    );

    let found = memories.search(sam, "nuts", 10).await.unwrap();
    assert_eq!(
        (found.len(), found[0].text.as_str(), found[0].why),
        (3, "The user is allergic to nuts.", Why::Meaning)
    );
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!(
        memories
            .recall(user("nobody"), "Where does my sister live?", 3, 0.0)
            .await
            .unwrap()
            .memories
            .is_empty()
    );
    database.drop().await;
}

#[tokio::test]
async fn a_vector_of_another_model_and_a_superseded_fact_are_not_found() {
    let database = Database::migrated().await;
    let memories = memories(&database.store());
    let sam = user("sam");
    memories.create(sam, "The user lives in Rome.").await.unwrap();
    memories.create(sam, "The user lives in Lisbon.").await.unwrap();
    memories.create(sam, "The user lives in Oslo.").await.unwrap();
    let mut connection = database.as_owner().await;
    run(
        &mut connection,
        "UPDATE companion.memories SET superseded_at = now() WHERE text LIKE '%Rome%'",
    )
    .await;
    run(
        &mut connection,
        "UPDATE companion.memories SET expires_at = now() WHERE text LIKE '%Oslo%'",
    )
    .await;
    run(
        &mut connection,
        "INSERT INTO companion.memory_vectors SELECT user_id, memory_id, 'other', '[1,0,0]' FROM companion.memories",
    )
    .await;
    let found = memories.search(sam, "Where does the user live?", 10).await.unwrap();
    assert_eq!(
        found.iter().map(|found| found.text.as_str()).collect::<Vec<_>>(),
        ["The user lives in Lisbon."]
    );
    assert_eq!(memories.list(sam, 10, None).await.unwrap().len(), 1);
    // What is superseded may become true again.
    memories.create(sam, "The user lives in Rome.").await.unwrap();
    assert_eq!(memories.list(sam, 10, None).await.unwrap().len(), 2);
    database.drop().await;
}

#[tokio::test]
async fn pages_are_stable_and_deletion_is_ones_own() {
    let database = Database::migrated().await;
    let memories = memories(&database.store());
    let (sam, kim) = (user("sam"), user("kim"));
    for number in 0..5 {
        memories.create(sam, &format!("Note {number}")).await.unwrap();
    }
    let again = memories.create(sam, "  note   3 ").await.unwrap();
    assert_eq!(again.text, "Note 3");
    for _ in 0..2 {
        let with_nul = memories.create(kim, "a\0b").await.unwrap();
        assert_eq!(
            with_nul.text, "a\u{fffd}b",
            "the same text twice is one memory, whatever is in it"
        );
    }
    let first = memories.list(sam, 2, None).await.unwrap();
    assert_eq!(
        first.iter().map(|memory| memory.text.as_str()).collect::<Vec<_>>(),
        ["Note 4", "Note 3"]
    );
    memories.create(sam, "Note 5").await.unwrap();
    let second = memories
        .list(sam, 2, first.last().map(|memory| memory.id))
        .await
        .unwrap();
    assert_eq!(
        second.iter().map(|memory| memory.text.as_str()).collect::<Vec<_>>(),
        ["Note 2", "Note 1"]
    );
    let last = memories
        .list(sam, 2, second.last().map(|memory| memory.id))
        .await
        .unwrap();
    assert_eq!(last.len(), 1);

    let id = again.id;
    assert!(!memories.delete(kim, id).await.unwrap());
    assert!(memories.delete(sam, id).await.unwrap());
    assert!(!memories.delete(sam, id).await.unwrap());
    assert_eq!(database.count("SELECT count(*) FROM companion.memory_vectors").await, 6);
    for bad in ["", "   ", &"x".repeat(1_001)] {
        assert!(matches!(memories.create(sam, bad).await, Err(MemoryError::Text(_))));
    }
    database.drop().await;
}

#[tokio::test]
async fn a_search_reads_this_users_rows_only() {
    let database = Database::migrated().await;
    let store = database.store();
    let memories = memories(&store);
    memories.create(user("sam"), "The user likes tea.").await.unwrap();
    let mut connection = database.as_owner().await;
    run(
        &mut connection,
        "INSERT INTO companion.users (user_id) SELECT gen_random_uuid() FROM generate_series(1, 300)",
    )
    .await;
    run(
        &mut connection,
        "INSERT INTO companion.memories (user_id, memory_id, kind, text, fingerprint)
         SELECT user_id, gen_random_uuid(), 'note', 'x', decode(md5(n::text), 'hex') FROM companion.users, generate_series(1, 20) n",
    )
    .await;
    run(
        &mut connection,
        "INSERT INTO companion.memory_vectors (user_id, memory_id, model_id, v)
         SELECT user_id, memory_id, 'all-MiniLM-L6-v2', (SELECT v FROM companion.memory_vectors LIMIT 1) FROM companion.memories WHERE text = 'x'",
    )
    .await;
    run(&mut connection, "ANALYZE companion.memory_vectors, companion.memories").await;
    let plan: Vec<String> = sqlx::query_scalar(
        "EXPLAIN SELECT m.memory_id FROM companion.memory_vectors v JOIN companion.memories m USING (user_id, memory_id)
         WHERE v.user_id = (SELECT user_id FROM companion.memories WHERE text = 'The user likes tea.') AND v.model_id = 'all-MiniLM-L6-v2'
         ORDER BY v.v <#> (SELECT v FROM companion.memory_vectors LIMIT 1) LIMIT 3",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(
        plan.iter().any(|line| line.contains("memory_vectors_pkey")),
        "{plan:#?}"
    );
    let storage: String = sqlx::query_scalar("SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'companion.memory_vectors'::regclass AND attname = 'v'")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(storage, "p");
    let begin = std::time::Instant::now();
    for _ in 0..20 {
        memories.recall(user("sam"), "What do I drink?", 3, 0.0).await.unwrap();
    }
    println!(
        "recall: {:.1} ms, embedding included",
        begin.elapsed().as_secs_f64() * 50.0
    );
    database.drop().await;
}
