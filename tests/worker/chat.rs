//! A conversation over the OpenAI API: whole and streamed replies, the models, history, asking again with the same key.

use std::time::Duration;

use companion_tests::chat::message;
use companion_tests::sse::Event;
use companion_tests::stub_provider::{self, Pace, StubProvider};
use companion_tests::worker::Setup;
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_reply_comes_in_one_piece_or_as_a_stream() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");

    let whole = chat.say("Hello there").await;
    assert_eq!(whole.body["object"], "chat.completion");
    assert_eq!(whole.body["choices"][0]["finish_reason"], "stop");
    assert_eq!(whole.body["choices"][0]["message"]["role"], "assistant");
    assert!(
        whole.body["usage"]["total_tokens"]
            .as_u64()
            .is_some_and(|tokens| tokens > 0),
        "{}",
        whole.body
    );
    assert_eq!(whole.companion["stored"], true);

    let streamed = chat.stream("Hello there").await;
    assert!(
        streamed.pieces > 3,
        "a stream comes piece by piece, this one in {}: {}",
        streamed.pieces,
        streamed.text
    );
    assert_eq!(
        streamed.companion["stored"], true,
        "nothing is said to be stored before it is"
    );
}

#[tokio::test]
async fn a_simulated_reply_says_so_everywhere() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let answer = worker.chat("ada").complete(message("Hello", false)).await;
    assert_eq!(answer.header("x-companion-simulated"), "true");
    assert_eq!(answer.body["companion"]["simulated"], true);
    assert!(
        answer.body["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .starts_with("[simulated] "),
        "{}",
        answer.text
    );
    assert!(
        worker
            .chat("ada")
            .stream("Hello")
            .await
            .text
            .starts_with("[simulated] ")
    );
}

#[tokio::test]
async fn a_stream_has_the_form_that_clients_know() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let mut body = message("Hello", true);
    body["stream_options"] = json!({ "include_usage": true });
    let events = worker.chat("ada").open(body).await.rest().await.unwrap();
    assert_eq!(events.last(), Some(&Event::Done));
    let chunks: Vec<_> = events
        .iter()
        .filter_map(|event| {
            if let Event::Chunk(chunk) = event {
                Some(chunk)
            } else {
                None
            }
        })
        .collect();
    let id = &chunks[0]["id"];
    assert!(id.is_string());
    for chunk in &chunks {
        assert_eq!(chunk["object"], "chat.completion.chunk", "{chunk}");
        assert_eq!(&chunk["id"], id, "{chunk}");
        assert!(chunk["choices"].is_array(), "{chunk}");
    }
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(
        chunks
            .iter()
            .filter(|chunk| chunk["choices"][0]["finish_reason"] == "stop")
            .count(),
        1
    );
    let with_usage: Vec<_> = chunks.iter().filter(|chunk| chunk["usage"].is_object()).collect();
    assert_eq!(with_usage.len(), 1, "usage comes once: {with_usage:?}");
    assert_eq!(with_usage[0]["choices"], json!([]));
}

#[tokio::test]
async fn the_models_always_have_default() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let list = chat.get("/v1/models").await;
    assert_eq!(list.body["object"], "list");
    assert!(
        list.body["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["id"] == "default"),
        "{}",
        list.text
    );
    let one = chat.get("/v1/models/default").await;
    assert_eq!((one.status, &one.body["object"]), (StatusCode::OK, &json!("model")));
}

#[tokio::test]
async fn a_named_conversation_goes_on_with_its_history_on_another_worker() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let (first, second) = (setup.start().await, setup.start().await);
    first
        .chat("ada")
        .in_conversation("trip")
        .say("The code word is heliotrope.")
        .await;
    let reply = second.chat("ada").in_conversation("trip").stream("And now?").await;
    let asked = stub.last_request();
    assert!(
        asked.of_role("user").contains("The code word is heliotrope."),
        "{}",
        asked.prompt()
    );
    assert!(
        asked.of_role("assistant").contains(&stub_provider::answer(8)),
        "{}",
        asked.prompt()
    );
    assert_eq!(reply.text, stub_provider::answer(8));
}

#[tokio::test]
async fn conversations_of_one_name_belong_to_their_users() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let ada = worker
        .chat("ada")
        .in_conversation("trip")
        .say("The code word is heliotrope.")
        .await;
    worker.chat("bob").in_conversation("trip").say("What did I say?").await;
    assert!(
        !stub.last_request().prompt().contains("heliotrope"),
        "{}",
        stub.last_request().prompt()
    );
    let id = ada.companion["conversation_id"].as_str().unwrap();
    worker.chat("bob").in_conversation(id).say("What did I say?").await;
    assert!(
        !stub.last_request().prompt().contains("heliotrope"),
        "{}",
        stub.last_request().prompt()
    );
}

#[tokio::test]
async fn a_client_with_a_history_of_its_own_is_found_again_without_a_name() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let chat = worker.chat("ada");
    let first = chat.say("Hello").await;
    let body = json!({ "model": "default", "messages": [
        { "role": "user", "content": "Hello" },
        { "role": "assistant", "content": first.text },
        { "role": "user", "content": "And again" },
    ] });
    let second = chat.complete(body).await;
    assert_eq!(
        second.body["companion"]["conversation_id"],
        first.companion["conversation_id"]
    );
    let other = chat.say("Hello").await;
    assert_ne!(
        other.companion["conversation_id"], first.companion["conversation_id"],
        "a first message begins a new one"
    );
}

#[tokio::test]
async fn the_same_key_gives_the_same_reply_and_asks_the_model_once() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let (first, second) = (setup.start().await, setup.start().await);
    let body = message("Hello", false);
    let once = first
        .chat("ada")
        .with("idempotency-key", "k1")
        .complete(body.clone())
        .await;
    let again = second
        .chat("ada")
        .with("idempotency-key", "k1")
        .complete(body.clone())
        .await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    assert_eq!(again.body["choices"][0]["message"], once.body["choices"][0]["message"]);
    assert_eq!(again.body["companion"]["turn_id"], once.body["companion"]["turn_id"]);
    assert_eq!(stub.requests().len(), 1, "the model was asked again");

    let other_body = second
        .chat("ada")
        .with("idempotency-key", "k1")
        .complete(message("Something else", false))
        .await;
    assert_eq!(
        other_body.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "{}",
        other_body.text
    );
    let other_user = second.chat("bob").with("idempotency-key", "k1").complete(body).await;
    assert_ne!(
        other_user.body["companion"]["turn_id"],
        once.body["companion"]["turn_id"]
    );
}

#[tokio::test]
async fn many_messages_at_once_in_one_conversation_are_stored_in_one_order() {
    let setup = Setup::new().await;
    let (first, second) = (setup.start().await, setup.start().await);
    let says = (0..4).map(|number| {
        let chat = if number % 2 == 0 {
            first.chat("ada")
        } else {
            second.chat("ada")
        };
        async move {
            chat.in_conversation("race")
                .complete(message(&format!("Message {number}"), false))
                .await
        }
    });
    let answers = futures::future::join_all(says).await;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.body["companion"]["stored"], true, "{}", answer.text);
    }
    let order = setup.database.list("SELECT (count(*) || ' ' || count(DISTINCT seq) || ' ' || max(seq) - min(seq))::text FROM companion.messages").await;
    assert_eq!(order, ["8 8 7"], "each message has a number of its own, without gaps");
}

#[tokio::test]
async fn a_reply_says_where_the_time_to_its_first_text_went() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        first_token: Duration::from_millis(700),
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let answer = worker.chat("ada").complete(message("Hello", false)).await;
    let timing = answer.header("server-timing");
    let part = |name: &str| -> f64 {
        let part = timing
            .split(", ")
            .find_map(|part| part.strip_prefix(name)?.strip_prefix(";dur="));
        part.unwrap_or_else(|| panic!("no {name} in {timing:?}"))
            .parse()
            .unwrap()
    };
    assert!(part("provider") >= 700.0 && part("overhead") > 0.0, "{timing}");
}
