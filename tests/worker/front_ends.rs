//! What the front ends of others send, as they sent it (`tests/front_ends`): people's messages are answered and stored, what a
//! front end asks for itself is answered and leaves nothing.

use companion_tests::Chat;
use companion_tests::chat::Answer;
use companion_tests::environment::repository;
use companion_tests::stub_provider::StubProvider;
use companion_tests::worker::{Setup, Worker};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The header by which Open WebUI says who asks.
const FORWARDED: &str = "X-OpenWebUI-User-Id";

/// Headers that are the test's own matter.
const OWN: [&str; 4] = ["authorization", "accept-encoding", "content-type", "connection"];

struct Scene {
    stub: StubProvider,
    worker: Worker,
    key: String,
    requests: Value,
}

async fn scene(front_end: &str) -> Scene {
    let stub = StubProvider::start().await;
    let mut setup = Setup::with_stub(&stub).await;
    let key = setup.api_key("front-end", "chat,act-as").await;
    let setup = setup.with(json!({ "auth": { "forwardedUserHeader": FORWARDED } }));
    let path = repository().join(format!("tests/front_ends/{front_end}/requests.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Scene {
        stub,
        worker: setup.start().await,
        key,
        requests: serde_json::from_str(&text).expect("the requests are JSON"),
    }
}

impl Scene {
    /// Sends a request of this kind, with its headers, in the name of `base`.
    async fn send(&self, base: &Chat, kind: &str) -> Answer {
        let request = &self.requests["requests"][kind];
        let mut chat = base.clone();
        for headers in [&self.requests["headers"], &request["headers"]] {
            for (name, value) in headers.as_object().expect("headers are an object") {
                if !OWN.contains(&name.to_lowercase().as_str()) {
                    chat = chat.with(name, value.as_str().expect("a header is text"));
                }
            }
        }
        let mut body = request["body"].clone();
        body["stream"] = json!(false);
        let answer = chat.complete(body).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind}: {}", answer.text);
        answer
    }

    async fn is_stored(&self, base: &Chat, kind: &str) -> bool {
        let answer = self.send(base, kind).await;
        answer.body["companion"]["stored"] == true
    }
}

#[tokio::test]
async fn what_open_webui_asks_for_itself_leaves_no_trace() {
    let scene = scene("open_webui").await;
    let app = Chat::new(&scene.worker.url, &scene.key);
    for kind in [
        "title",
        "tags",
        "follow-ups",
        "autocomplete",
        "queries",
        "image-prompt",
        "emoji",
        "merged-replies",
        "memory-review",
        "compaction",
        "temporary",
        "continue",
    ] {
        assert!(!scene.is_stored(&app, kind).await, "{kind}");
    }
    let user = app.with(FORWARDED, "ada-0000");
    assert_eq!(user.get("/api/v1/conversations").await.body["conversations"], json!([]));
    for kind in ["chat", "regenerate", "regenerate-with-hint", "chat-below", "new-chat"] {
        assert!(scene.is_stored(&app, kind).await, "{kind}");
    }
}

#[tokio::test]
async fn a_document_in_front_of_a_message_is_not_what_its_user_said() {
    let scene = scene("open_webui").await;
    let app = Chat::new(&scene.worker.url, &scene.key);
    let user = app.with(FORWARDED, "ada-0000");
    for kind in ["document", "long-document"] {
        let answer = scene.send(&app, kind).await;
        let conversation = answer.body["companion"]["conversation_id"]
            .as_str()
            .expect("it is stored");
        let path = format!("/api/v1/conversations/{conversation}/messages");
        let messages = user.get(&path).await;
        let said = messages.body["messages"][1]["text"]
            .as_str()
            .expect("a text")
            .to_owned();
        assert!(
            !said.contains("### Task") && !said.contains("context>"),
            "{kind}: {said}"
        );
        let asked = scene.stub.last_request();
        // Nor the application's: it is data.
        assert!(
            !asked.of_role("system").contains("### Task"),
            "{kind}: {}",
            asked.prompt()
        );
        let shown = asked.of_role("user");
        assert!(shown.contains("<document>") && shown.contains(&said), "{kind}: {shown}");
    }
}

#[tokio::test]
async fn a_character_card_of_sillytavern_can_be_talked_to() {
    let scene = scene("sillytavern").await;
    let ada = scene.worker.chat("ada");
    for kind in [
        "chat",
        "instructions below",
        "long character",
        "names of speakers",
        "all parameters",
    ] {
        assert!(scene.is_stored(&ada, kind).await, "{kind}");
    }
    for kind in [
        "group",
        "continue",
        "continue with prefill",
        "impersonate",
        "summary",
        "nothing said yet",
    ] {
        scene.send(&ada, kind).await;
    }
    // It ends replies where its users say.
    let mut body = scene.requests["requests"]["chat"]["body"].clone();
    body["stop"] = json!(["\nAda:"]);
    body["stream"] = json!(false);
    ada.complete(body).await;
    assert_eq!(scene.stub.last_request().body["stop"], json!(["\nAda:"]));
}
