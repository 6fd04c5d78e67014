//! The quickstart: a fact told through one worker is known through the other, and to nobody else.

use std::time::Duration;

use companion_tests::shared::with_quickstart;
use kube::ResourceExt;

#[tokio::test]
async fn a_fact_told_through_one_worker_is_recalled_through_the_other_and_by_nobody_else() {
    with_quickstart(async move |quickstart| {
        let pods = quickstart.await_workers(2, Duration::from_secs(60)).await;
        println!("{} and {}", pods[0].name_any(), pods[1].name_any());
        let (ada, bob) = (companion_tests::unique("ada"), companion_tests::unique("bob"));
        let through = |pod: usize, user: &str| quickstart.chat_with(&pods[pod], user);

        let told = through(0, &ada)
            .in_conversation("first")
            .say("My sister Anna lives in Lisbon.")
            .await;
        assert_eq!(told.companion["stored"], true, "{told:?}");
        assert_eq!(told.companion["simulated"], true, "{told:?}");
        through(1, &ada).await_memory("Lisbon").await;

        let asked = through(1, &ada)
            .stream_with_memories("Where does my sister live?")
            .await;
        assert!(asked.recalled().contains("Lisbon"), "{asked:?}");
        assert!(
            asked.text.contains("Lisbon"),
            "the prompt held it, so the simulated model shows it: {}",
            asked.text
        );
        assert!(asked.pieces > 3, "it came as a stream");

        for pod in [0, 1] {
            let chat = through(pod, &bob);
            assert!(chat.memories().await.is_empty());
            assert!(chat.search("Where does Anna live?").await.is_empty());
            // The simulated model says what its prompt held: memories and history.
            for conversation in ["first", "second"] {
                let reply = chat
                    .in_conversation(conversation)
                    .stream("Where does my sister live?")
                    .await;
                assert!(reply.recalled().is_empty(), "{reply:?}");
                assert!(
                    !reply.text.contains("Lisbon") && !reply.text.contains("Anna"),
                    "{}",
                    reply.text
                );
            }
        }
    })
    .await;
}
