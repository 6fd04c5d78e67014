//! A small client of the chat service, as an application would write one: complete and streamed replies in OpenAI's
//! form, and the memories of the user whose token it holds.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::eventually;
use crate::named::{Heard, NamedStream};
use crate::sse::{Event, EventStream};

/// Longer than any reply a test asks for.
const DEADLINE: Duration = Duration::from_secs(60);

/// A client that opens a connection per request: what a Service's balancing or a pod's death does to one is seen.
pub fn http() -> Client {
    crate::install_tls();
    Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .tcp_nodelay(true)
        .connect_timeout(Duration::from_secs(5))
        .timeout(DEADLINE)
        .build()
        .expect("an HTTP client can be made")
}

/// The service as one user sees it.
#[derive(Clone)]
pub struct Chat {
    base: String,
    token: String,
    headers: BTreeMap<String, String>,
    http: Client,
}

/// What the service answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body where it is JSON, else null.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// The error code in OpenAI's form (`/v1`) or that of RFC 9457 (`/api`).
    pub fn code(&self) -> &str {
        self.body["error"]["code"]
            .as_str()
            .or(self.body["code"].as_str())
            .unwrap_or_default()
    }

    /// A header, empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// One reply of the companion.
#[derive(Debug)]
pub struct Reply {
    /// What it says.
    pub text: String,
    /// Our own part of the answer: `conversation_id`, `turn_id`, `stored`, `recalled`, `degraded`, `simulated`.
    pub companion: Value,
    /// Pieces of text it came in; one where it was not streamed.
    pub pieces: usize,
    /// The whole answer; of a stream its last chunk.
    pub body: Value,
}

impl Reply {
    /// The recalled memories' texts, one a line.
    pub fn recalled(&self) -> String {
        let memories = self.companion["recalled"].as_array().cloned().unwrap_or_default();
        memories
            .iter()
            .filter_map(|memory| memory["text"].as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Whether the reply says that this part was missing.
    pub fn degraded(&self, part: &str) -> bool {
        self.companion["degraded"]
            .as_array()
            .is_some_and(|parts| parts.iter().any(|name| name == part))
    }
}

impl Chat {
    /// The service at `base` (`http://host:port`), with a bearer token.
    pub fn new(base: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            token: token.into(),
            headers: BTreeMap::new(),
            http: http(),
        }
    }

    /// The same user at another address.
    pub fn at(&self, base: impl Into<String>) -> Self {
        Self {
            base: base.into(),
            ..self.clone()
        }
    }

    /// The same, with a header on every request.
    pub fn with(&self, header: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(header.to_owned(), value.to_owned());
        other
    }

    /// The same, in a named conversation.
    pub fn in_conversation(&self, name: &str) -> Self {
        self.with("x-conversation-id", name)
    }

    /// Any request; the error says why there was no answer.
    ///
    /// # Errors
    /// There was no answer, or it broke off.
    pub async fn try_request(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer, String> {
        let response = self.send(method, path, body).await?;
        let status = response.status();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let text = response
            .text()
            .await
            .map_err(|error| format!("{path}: the answer broke off: {error:?}"))?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer {
            status,
            headers,
            body,
            text,
        })
    }

    async fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<reqwest::Response, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        request
            .send()
            .await
            .map_err(|error| format!("{}{path}: no answer: {error:?}", self.base))
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Answer {
        self.try_request(Method::GET, path, None).await.unwrap()
    }

    /// POST with a JSON body.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.try_request(Method::POST, path, Some(body.to_string()))
            .await
            .unwrap()
    }

    /// PATCH with a JSON body.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.try_request(Method::PATCH, path, Some(body.to_string()))
            .await
            .unwrap()
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Answer {
        self.try_request(Method::DELETE, path, None).await.unwrap()
    }

    /// A completion with this body, whatever comes of it.
    pub async fn complete(&self, body: Value) -> Answer {
        self.post("/v1/chat/completions", body).await
    }

    /// One message, answered in one piece.
    pub async fn say(&self, text: &str) -> Reply {
        self.try_say(text).await.unwrap()
    }

    /// One message, answered in one piece; the error says what came instead.
    ///
    /// # Errors
    /// There was no answer, or it was not a reply.
    pub async fn try_say(&self, text: &str) -> Result<Reply, String> {
        let answer = self
            .try_request(
                Method::POST,
                "/v1/chat/completions",
                Some(message(text, false).to_string()),
            )
            .await?;
        let Some(content) = answer.body["choices"][0]["message"]["content"].as_str() else {
            return Err(format!("no reply but {}: {}", answer.status, answer.text));
        };
        Ok(Reply {
            text: content.to_owned(),
            companion: answer.body["companion"].clone(),
            pieces: 1,
            body: answer.body,
        })
    }

    /// One message, answered by a stream that is read to its end and must end well.
    pub async fn stream(&self, text: &str) -> Reply {
        let mut stream = self.open(message(text, true)).await;
        let mut reply = Reply {
            text: String::new(),
            companion: Value::Null,
            pieces: 0,
            body: Value::Null,
        };
        loop {
            match stream.next().await.unwrap() {
                Some(Event::Chunk(chunk)) => {
                    if let Some(piece) = chunk["choices"][0]["delta"]["content"]
                        .as_str()
                        .filter(|piece| !piece.is_empty())
                    {
                        reply.text.push_str(piece);
                        reply.pieces += 1;
                    }
                    if chunk["companion"].is_object() {
                        reply.companion = chunk["companion"].clone();
                    }
                    reply.body = chunk;
                }
                Some(Event::Comment) => {}
                Some(Event::Done) => return reply,
                None => panic!("the stream ended without [DONE] after {:?}", reply.text),
            }
        }
    }

    /// Streams a question in one new conversation after another, until it was answered with what is remembered: on a machine
    /// that is busy a reply may go without, and says so.
    pub async fn stream_with_memories(&self, text: &str) -> Reply {
        eventually("a reply that had time to recall", Duration::from_secs(30), || async {
            let reply = self.in_conversation(&crate::unique("question")).stream(text).await;
            if reply.degraded("recall") {
                Err(format!("{reply:?}"))
            } else {
                Ok(reply)
            }
        })
        .await
    }

    /// Opens a stream and leaves the reading to the test.
    pub async fn open(&self, body: Value) -> EventStream {
        let response = self
            .send(Method::POST, "/v1/chat/completions", Some(body.to_string()))
            .await
            .unwrap();
        let (status, kind) = (response.status(), response.headers().get("content-type").cloned());
        if status != StatusCode::OK {
            panic!("no stream but {status}: {}", response.text().await.unwrap_or_default());
        }
        assert_eq!(kind.expect("a stream has a content type"), "text/event-stream");
        EventStream::of(response)
    }

    /// A new conversation of the companion API, by its id.
    pub async fn converse(&self) -> String {
        let made = self.post("/api/v1/conversations", json!({})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        made.body["id"].as_str().expect("a conversation has an id").to_owned()
    }

    /// Sends a message on the companion API and leaves the reading to the test.
    pub async fn send_message(&self, conversation: &str, text: &str) -> NamedStream {
        let path = format!("/api/v1/conversations/{conversation}/messages");
        self.named(Method::POST, &path, Some(json!({ "text": text }).to_string()))
            .await
    }

    /// Sends a message on the companion API and hears all that is told of it.
    pub async fn hear(&self, conversation: &str, text: &str) -> Heard {
        let mut heard = Heard::default();
        let stream = self.send_message(conversation, text).await;
        stream.hear(&mut heard, usize::MAX).await;
        heard
    }

    /// Comes back for a turn, after the event with this id.
    pub async fn come_back(&self, turn: &str, last_id: &str) -> NamedStream {
        let path = format!("/api/v1/turns/{turn}/events");
        let chat = if last_id.is_empty() {
            self.clone()
        } else {
            self.with("last-event-id", last_id)
        };
        chat.named(Method::GET, &path, None).await
    }

    async fn named(&self, method: Method, path: &str, body: Option<String>) -> NamedStream {
        let response = self.send(method, path, body).await.unwrap();
        let status = response.status();
        if status != StatusCode::OK {
            panic!(
                "{path}: no stream but {status}: {}",
                response.text().await.unwrap_or_default()
            );
        }
        NamedStream::of(response)
    }

    /// Texts of the user's memories.
    pub async fn memories(&self) -> Vec<String> {
        let answer = self.get("/api/v1/memories").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        texts(&answer.body)
    }

    /// Texts of the memories that a search finds, best first.
    pub async fn search(&self, query: &str) -> Vec<String> {
        let answer = self
            .post("/api/v1/memories/search", json!({ "query": query, "limit": 10 }))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        texts(&answer.body)
    }

    /// Waits until a memory holds `fragment`: the job that extracts it runs after the reply.
    pub async fn await_memory(&self, fragment: &str) -> String {
        eventually(
            &format!("a memory with {fragment:?}"),
            Duration::from_secs(30),
            || async {
                let memories = self.memories().await;
                let found = memories.iter().find(|text| text.contains(fragment)).cloned();
                found.ok_or_else(|| format!("{memories:?}"))
            },
        )
        .await
    }
}

/// The body of a request with one message.
pub fn message(text: &str, stream: bool) -> Value {
    json!({ "model": "default", "stream": stream, "messages": [{ "role": "user", "content": text }] })
}

/// Texts of a list of memories, in whatever object the list lies.
fn texts(body: &Value) -> Vec<String> {
    let list = body
        .as_array()
        .or_else(|| body.as_object()?.values().find_map(Value::as_array));
    let list = list.unwrap_or_else(|| panic!("no list of memories: {body}"));
    list.iter()
        .map(|memory| {
            memory["text"]
                .as_str()
                .unwrap_or_else(|| panic!("no text: {memory}"))
                .to_owned()
        })
        .collect()
}
