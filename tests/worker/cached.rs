//! Replies without personal context are made once for everybody who asks the same; a spoilt entry, another question and a
//! turn that is stored are never answered so.

use std::time::Duration;

use companion_tests::Chat;
use companion_tests::chat::Answer;
use companion_tests::stub_provider::{Behaviour, Pace, StubProvider};
use companion_tests::worker::Setup;
use redis::AsyncCommands;
use serde_json::{Value, json};

async fn ask(chat: &Chat, change: Value) -> Answer {
    let mut body = json!({
        "model": "default", "store": false,
        "messages": [{ "role": "user", "content": "How many legs has a spider?" }],
    });
    companion_tests::merge(&mut body, change);
    let answer = chat.complete(body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer
}

fn is_cached(answer: &Answer) -> bool {
    answer.body["companion"]["cached"] == json!(true)
}

fn text(answer: &Answer) -> &Value {
    &answer.body["choices"][0]["message"]["content"]
}

#[tokio::test]
async fn the_same_question_is_asked_of_the_model_once_whoever_asks() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let (one, other) = (setup.start().await, setup.start().await);
    let first = ask(&one.chat("ada"), json!({})).await;
    assert!(!is_cached(&first));
    for chat in [one.chat("ada"), one.chat("bob"), other.chat("eve")] {
        let again = ask(&chat, json!({})).await;
        assert!(is_cached(&again), "{}", again.text);
        assert_eq!(text(&again), text(&first));
        assert_eq!(again.body["usage"]["total_tokens"], json!(0), "it cost nothing");
    }
    assert_eq!(stub.requests().len(), 1);
    let streamed = one
        .chat("ada")
        .complete(json!({ "model": "default", "store": false, "stream": true,
        "messages": [{ "role": "user", "content": "How many legs has a spider?" }] }))
        .await;
    let events = streamed.text;
    assert!(
        events.contains("[DONE]") && events.contains("\"cached\":true"),
        "{events}"
    );
    assert_eq!(stub.requests().len(), 1);

    for change in [
        json!({ "store": true }),
        json!({ "temperature": 0.3 }),
        json!({ "messages": [{ "role": "user", "content": "How many legs has an ant?" }] }),
    ] {
        assert!(!is_cached(&ask(&one.chat("ada"), change.clone()).await), "{change}");
    }
    assert_eq!(stub.requests().len(), 4);
    let metrics = one.metrics().await;
    assert!(
        metrics.contains("companion_reply_cache_total{outcome=\"hit\"}"),
        "{metrics}"
    );
}

#[tokio::test]
async fn who_asks_while_the_reply_is_made_waits_for_it() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        first_token: Duration::from_millis(200),
        ..Pace::default()
    });
    let worker = Setup::with_stub(&stub).await.start().await;
    let chats: Vec<Chat> = (0..8).map(|number| worker.chat(&format!("user-{number}"))).collect();
    let answers = futures::future::join_all(chats.iter().map(|chat| ask(chat, json!({})))).await;
    for answer in &answers {
        assert_eq!(text(answer), text(&answers[0]));
    }
    assert_eq!(stub.requests().len(), 1, "one asked, seven waited");
    assert_eq!(answers.iter().filter(|answer| is_cached(answer)).count(), 7);
}

#[tokio::test]
async fn a_reply_that_failed_is_not_kept_and_a_spoilt_entry_is_a_miss() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    stub.next([Behaviour::Refuse(400)]);
    let failed = worker
        .chat("ada")
        .complete(json!({ "model": "default", "store": false,
        "messages": [{ "role": "user", "content": "How many legs has a spider?" }] }))
        .await;
    assert!(failed.status.is_server_error());
    let good = ask(&worker.chat("ada"), json!({})).await;
    assert!(!is_cached(&good));

    let mut redis = redis::Client::open(setup.redis_url.as_str())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let keys: Vec<String> = redis.keys(format!("c:{}:reply:*", setup.database.name)).await.unwrap();
    let [name] = keys.as_slice() else {
        panic!("one entry: {keys:?}")
    };
    let life: i64 = redis.pttl(name).await.unwrap();
    assert!((3_500_000..=3_600_000).contains(&life), "an hour: {life}");
    let mut changed: Vec<u8> = redis.get(name).await.unwrap();
    let last = changed.len() - 3;
    changed[last] ^= 1;
    for spoilt in [changed, b"{}".to_vec(), Vec::new(), vec![0xff; 100_000]] {
        let () = redis.set(name, spoilt).await.unwrap();
        let before = stub.requests().len();
        let again = ask(&worker.chat("ada"), json!({})).await;
        assert!(!is_cached(&again));
        assert_eq!(text(&again), text(&good));
        assert_eq!(stub.requests().len(), before + 1);
    }
    assert!(
        is_cached(&ask(&worker.chat("ada"), json!({})).await),
        "it was put right"
    );
}

#[tokio::test]
async fn who_waits_shares_a_failure_and_a_reply_of_ones_own_can_be_asked_for() {
    let stub = StubProvider::start().await;
    let worker = Setup::with_stub(&stub)
        .await
        .with(json!({ "llm": { "retries": { "max": 0 } } }))
        .start()
        .await;
    stub.pace(Pace {
        first_token: Duration::from_millis(200),
        ..Pace::default()
    });
    stub.next([Behaviour::BreakAfter(0)]);
    let chats: Vec<Chat> = (0..4).map(|number| worker.chat(&format!("user-{number}"))).collect();
    let body = json!({ "model": "default", "store": false, "messages": [{ "role": "user", "content": "Hi?" }] });
    let answers = futures::future::join_all(chats.iter().map(|chat| chat.complete(body.clone()))).await;
    assert!(answers.iter().all(|answer| answer.status == 502), "{answers:?}");
    assert_eq!(stub.requests().len(), 1, "one failed, for all");

    ask(&chats[0], json!({})).await;
    let fresh = chats[1].with("cache-control", "no-store");
    assert!(!is_cached(&ask(&fresh, json!({})).await));
    assert_eq!(stub.requests().len(), 3);
}

#[tokio::test]
async fn a_fallbacks_reply_is_not_kept() {
    let (first, second) = (StubProvider::start().await, StubProvider::start().await);
    let provider =
        |name: &str, stub: &StubProvider| json!({ "name": name, "openAi": { "baseURL": stub.url(), "keyed": false } });
    let route = json!({ "provider": "first", "model": "m", "fallback": [{ "provider": "second", "model": "m" }] });
    let worker = Setup::new()
        .await
        .with(json!({ "llm": {
            "providers": [provider("first", &first), provider("second", &second)],
            "routes": { "normal": route }, "retries": { "max": 0 },
        } }))
        .start()
        .await;
    first.next([Behaviour::Refuse(503)]);
    let chat = worker.chat("ada");
    ask(&chat, json!({})).await;
    assert_eq!(second.requests().len(), 1);
    assert!(!is_cached(&ask(&chat, json!({})).await), "the provider is back");
    assert_eq!(first.requests().len(), 2);
    assert!(is_cached(&ask(&chat, json!({})).await));
}

#[tokio::test]
async fn who_is_erased_leaves_no_reply_behind() {
    let stub = StubProvider::start().await;
    let worker = Setup::with_stub(&stub).await.start().await;
    let (ada, bob) = (worker.chat("ada"), worker.chat("bob"));
    ask(&ada, json!({})).await;
    let other = json!({ "messages": [{ "role": "user", "content": "How many legs has an ant?" }] });
    ask(&bob, other.clone()).await;
    let erased = ada
        .post("/api/v1/erase", json!({ "confirm": "erase everything" }))
        .await;
    assert_eq!(erased.body["session_keys"], json!(1), "{}", erased.text);
    assert!(!is_cached(&ask(&bob, json!({})).await), "ada's question is gone");
    assert!(is_cached(&ask(&ada, other).await), "bob's is not");
}

#[tokio::test]
async fn without_a_life_nothing_is_kept() {
    let stub = StubProvider::start().await;
    let worker = Setup::with_stub(&stub)
        .await
        .with(json!({ "cache": { "ttl": "0s" } }))
        .start()
        .await;
    for _ in 0..2 {
        assert!(!is_cached(&ask(&worker.chat("ada"), json!({})).await));
    }
    assert_eq!(stub.requests().len(), 2);
}
