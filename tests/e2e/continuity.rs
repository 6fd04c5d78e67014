//! A conversation outlives the pod that serves it and all that Redis holds.

use std::time::Duration;

use companion_tests::chat::{Chat, message};
use companion_tests::kube::{at_once, await_condition};
use companion_tests::shared::with_quickstart_alone;
use companion_tests::{Companion, eventually, eventually::ensure};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::ResourceExt;

const LONG: Duration = Duration::from_secs(120);

#[tokio::test]
async fn a_conversation_goes_on_after_its_pod_is_killed_and_redis_has_lost_everything() {
    with_quickstart_alone(async move |quickstart| {
        let pods = quickstart.await_workers(2, LONG).await;
        let user = companion_tests::unique("ada");
        let here = quickstart.chat_with(&pods[0], &user).in_conversation("story");
        here.say("The code word is heliotrope.").await;

        // Killed while it streams: the stream breaks, the conversation does not.
        let mut stream = here
            .open(message(
                "Tell me a long story about the sea, the wind and the lighthouse",
                true,
            ))
            .await;
        stream.first_text().await.unwrap();
        quickstart
            .api::<Pod>()
            .delete(&pods[0].name_any(), &at_once())
            .await
            .unwrap();
        drop(stream);
        let there = quickstart.chat_with(&pods[1], &user).in_conversation("story");
        remembers(&there, "right after the pod was killed").await;

        empty_redis(&quickstart).await;
        remembers(&there, "after Redis restarted empty").await;
        let pods = quickstart.await_workers(2, LONG).await;
        for pod in &pods {
            remembers(
                &quickstart.chat_with(pod, &user).in_conversation("story"),
                "through each worker in the end",
            )
            .await;
        }
    })
    .await;
}

/// The history is in the prompt: the simulated model tells what was said, and it is no memory.
async fn remembers(chat: &Chat, when: &str) {
    let reply = eventually(when, Duration::from_secs(30), || chat.try_say("And then?")).await;
    assert!(!reply.recalled().contains("heliotrope"), "{when}: {reply:?}");
    assert!(
        reply.text.contains("heliotrope"),
        "{when}: the history is lost: {}",
        reply.text
    );
    assert_eq!(reply.companion["stored"], true, "{when}: {reply:?}");
    // The six messages of a prompt begin with the code word again.
    chat.say("The code word is heliotrope.").await;
}

/// Empties the managed Redis and kills it, so that neither its memory nor its file holds anything.
async fn empty_redis(quickstart: &Companion) {
    let pod = format!("{}-redis-0", quickstart.name);
    let before = quickstart.api::<Pod>().get(&pod).await.unwrap();
    let mut connection = connect(quickstart, &before).await;
    let () = redis::cmd("FLUSHALL").query_async(&mut connection).await.unwrap();
    let uid = before.uid();
    quickstart.api::<Pod>().delete(&pod, &at_once()).await.unwrap();
    let restarted = move |pod: Option<&Pod>| {
        let conditions = pod
            .filter(|pod| pod.uid() != uid)
            .and_then(|pod| pod.status.as_ref()?.conditions.clone());
        conditions.is_some_and(|list| list.iter().any(|one| one.type_ == "Ready" && one.status == "True"))
    };
    let pod = await_condition(&quickstart.api::<Pod>(), &pod, "Redis is ready again", LONG, restarted)
        .await
        .unwrap();
    let mut connection = connect(quickstart, &pod).await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("*story*")
        .query_async(&mut connection)
        .await
        .unwrap();
    ensure(keys.is_empty(), || format!("Redis still holds {keys:?}")).unwrap();
}

async fn connect(quickstart: &Companion, pod: &Pod) -> redis::aio::MultiplexedConnection {
    let secret = quickstart
        .api::<Secret>()
        .get(&format!("{}-redis-auth", quickstart.name))
        .await
        .unwrap();
    let password = secret
        .data
        .and_then(|mut data| data.remove("password"))
        .expect("key password");
    let password = String::from_utf8(password.0).unwrap();
    let address = pod
        .status
        .as_ref()
        .and_then(|status| status.pod_ip.clone())
        .expect("a running pod has an address");
    let client = redis::Client::open(format!("redis://:{password}@{address}:6379")).unwrap();
    eventually("a connection to Redis", Duration::from_secs(20), || async {
        client
            .get_multiplexed_async_connection()
            .await
            .map_err(|error| error.to_string())
    })
    .await
}
