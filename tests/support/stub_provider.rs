//! A simulated language model that speaks the OpenAI API: it writes down what it was asked, answers at a settable pace,
//! and misbehaves on demand. It is the one part of a test that is not real.

mod forms;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use forms::{Odd, Wrong};

/// How fast, and how much.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Before the first word.
    pub first_token: Duration,
    /// Between two words.
    pub gap: Duration,
    /// Words of an answer.
    pub words: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_token: Duration::ZERO,
            gap: Duration::from_millis(1),
            words: 8,
        }
    }
}

/// What the next answer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// As it should.
    Answer,
    /// With these words.
    Say(&'static str),
    /// This status and an error body.
    Refuse(u16),
    /// This status, and how many seconds to wait.
    RefuseFor(u16, u32),
    /// Not even headers, for ever.
    Mute,
    /// In an unusual form.
    Odd(Odd),
    /// In a form that is no whole answer.
    Wrong(Wrong),
    /// Headers, then nothing for ever.
    Silent,
    /// So many words, then nothing for ever.
    StallAfter(usize),
    /// So many words, then the connection breaks.
    BreakAfter(usize),
    /// A line that is not JSON after so many words.
    GarbageAfter(usize),
    /// A redirect to another host.
    Redirect,
}

/// One request as it came in.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its body.
    pub body: Value,
    /// The value of its Authorization header.
    pub authorization: String,
    /// The trace that it belongs to, as its `traceparent` header says.
    pub traceparent: String,
}

impl Request {
    /// The whole prompt: each message as `role: content`, one a line.
    pub fn prompt(&self) -> String {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .map(|message| format!("{}: {}\n", message["role"].as_str().unwrap_or("?"), content(message)))
            .collect()
    }

    /// The messages of one role, one a line.
    pub fn of_role(&self, role: &str) -> String {
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        messages
            .iter()
            .filter(|message| message["role"] == role)
            .map(|message| content(message) + "\n")
            .collect()
    }
}

fn content(message: &Value) -> String {
    message["content"]
        .as_str()
        .map_or_else(|| message["content"].to_string(), str::to_owned)
}

/// A running stub. Its clones are one stub; it stops when the last is gone.
#[derive(Clone)]
pub struct StubProvider {
    /// Where it listens.
    pub address: SocketAddr,
    book: Arc<Book>,
    _server: Arc<Server>,
}

struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Default)]
struct Book {
    pace: Mutex<Pace>,
    usual: Mutex<Option<Behaviour>>,
    next: Mutex<VecDeque<Behaviour>>,
    requests: Mutex<Vec<Request>>,
    open: AtomicUsize,
    cancelled: AtomicUsize,
}

impl StubProvider {
    /// A stub on a free port of this machine, reachable from the cluster's pods as well.
    pub async fn start() -> Self {
        Self::listen("0.0.0.0:0".parse().expect("an address")).await
    }

    /// A stub at this address.
    pub async fn listen(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address)
            .await
            .unwrap_or_else(|error| panic!("{address}: {error}"));
        let address = listener.local_addr().expect("it has an address");
        let listener = listener.tap_io(|connection| {
            let _ = connection.set_nodelay(true);
        });
        let book = Arc::new(Book::default());
        let router = Router::new()
            .route("/v1/chat/completions", post(completions))
            .route(
                "/v1/models",
                get(|| async { Json(json!({ "object": "list", "data": [{ "id": "stub", "object": "model" }] })) }),
            )
            .with_state(book.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("the stub serves until it is stopped");
        });
        Self {
            address,
            book,
            _server: Arc::new(Server(server)),
        }
    }

    /// The base URL for a program on this machine.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.address.port())
    }

    /// Sets the pace of the answers from now on.
    pub fn pace(&self, pace: Pace) {
        *lock(&self.book.pace) = pace;
    }

    /// The next requests meet these, in order; those after them the usual.
    pub fn next(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        lock(&self.book.next).extend(behaviours);
    }

    /// Every request meets this.
    pub fn always(&self, behaviour: Behaviour) {
        *lock(&self.book.usual) = Some(behaviour);
    }

    /// What it was asked so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.book.requests).clone()
    }

    /// The last thing it was asked.
    pub fn last_request(&self) -> Request {
        self.requests().pop().expect("the provider was asked")
    }

    /// Answers that are being written now.
    pub fn open_answers(&self) -> usize {
        self.book.open.load(Ordering::SeqCst)
    }

    /// Answers that their client left before the end.
    pub fn cancelled_answers(&self) -> usize {
        self.book.cancelled.load(Ordering::SeqCst)
    }
}

/// The full text of an answer of this many words.
pub fn answer(words: usize) -> String {
    (0..words).map(word).collect()
}

fn word(number: usize) -> String {
    if number == 0 {
        "word0".into()
    } else {
        format!(" word{number}")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn completions(State(book): State<Arc<Book>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let text = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    lock(&book.requests).push(Request {
        body: body.clone(),
        authorization: text("authorization"),
        traceparent: text("traceparent"),
    });
    let usual = lock(&book.usual).unwrap_or(Behaviour::Answer);
    let behaviour = lock(&book.next).pop_front().unwrap_or(usual);
    let mut pace = *lock(&book.pace);
    if let Behaviour::Say(text) = behaviour {
        pace.words = text.split_inclusive(' ').count();
    }
    match behaviour {
        Behaviour::Refuse(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let error = json!({ "error": { "message": "the stub refuses", "type": "stub", "code": "stub_refuses" } });
            (status, Json(error)).into_response()
        }
        Behaviour::RefuseFor(status, seconds) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::RETRY_AFTER, seconds.to_string())], "stub_refuses").into_response()
        }
        Behaviour::Mute => {
            let _open = Open::new(book);
            std::future::pending().await
        }
        Behaviour::Odd(odd) => odd.respond(Open::new(book), pace.words),
        Behaviour::Wrong(wrong) => wrong.respond(Open::new(book)),
        Behaviour::Redirect => (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, "http://192.0.2.1/v1")],
        )
            .into_response(),
        behaviour if body["stream"] == true => {
            let answer = Answer {
                open: Open::new(book),
                behaviour,
                pace,
                sent: 0,
                ended: false,
            };
            let body = Body::from_stream(stream::unfold(answer, Answer::next));
            ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
        }
        _ => {
            tokio::time::sleep(pace.first_token + pace.gap * pace.words as u32).await;
            let text = (0..pace.words).map(|number| behaviour.word(number)).collect::<String>();
            Json(whole(&text, pace.words)).into_response()
        }
    }
}

impl Behaviour {
    /// A word of the answer.
    fn word(self, number: usize) -> String {
        match self {
            Self::Say(text) => text.split_inclusive(' ').nth(number).unwrap_or_default().to_owned(),
            _ => word(number),
        }
    }
}

/// Counts one answer as open for as long as it lives: it dies when the client goes away.
struct Open {
    book: Arc<Book>,
    complete: bool,
}

impl Open {
    fn new(book: Arc<Book>) -> Self {
        book.open.fetch_add(1, Ordering::SeqCst);
        Self { book, complete: false }
    }

    /// The stub has sent all that it wants to.
    fn complete(&mut self) {
        self.complete = true;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.book.open.fetch_sub(1, Ordering::SeqCst);
        if !self.complete {
            self.book.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A streamed answer on its way.
struct Answer {
    open: Open,
    behaviour: Behaviour,
    pace: Pace,
    sent: usize,
    ended: bool,
}

impl Answer {
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        if self.ended {
            self.open.complete();
            return None;
        }
        let limit = match self.behaviour {
            Behaviour::Silent => Some(0),
            Behaviour::StallAfter(words) | Behaviour::BreakAfter(words) | Behaviour::GarbageAfter(words) => Some(words),
            _ => None,
        };
        if limit == Some(self.sent) {
            return match self.behaviour {
                Behaviour::BreakAfter(_) => {
                    // What was sent must have been read: a reset throws away what waits in the receiver's buffer.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    self.ended = true;
                    Some((Err(std::io::Error::other("the stub breaks off")), self))
                }
                Behaviour::GarbageAfter(_) => {
                    self.ended = true;
                    Some((Ok(Bytes::from_static(b"data: {this is not json\n\n")), self))
                }
                _ => {
                    // Dropped, and counted as closed, when the client goes away.
                    std::future::pending::<Infallible>().await;
                    None
                }
            };
        }
        let pause = if self.sent == 0 {
            self.pace.first_token
        } else {
            self.pace.gap
        };
        // A sleep of nothing is one of up to a millisecond.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let text = if self.sent < self.pace.words {
            chunk(
                json!({ "role": "assistant", "content": self.behaviour.word(self.sent) }),
                Value::Null,
            )
        } else {
            self.ended = true;
            format!("{}data: [DONE]\n\n", chunk(json!({}), json!("stop")))
        };
        self.sent += 1;
        Some((Ok(Bytes::from(text)), self))
    }
}

fn chunk(delta: Value, finish: Value) -> String {
    let chunk = json!({
        "id": "stub", "object": "chat.completion.chunk", "created": 0, "model": "stub",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }]
    });
    format!("data: {chunk}\n\n")
}

fn whole(text: &str, words: usize) -> Value {
    json!({
        "id": "stub", "object": "chat.completion", "created": 0, "model": "stub",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1, "completion_tokens": words, "total_tokens": words + 1 }
    })
}
