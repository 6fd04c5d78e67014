//! A small identity service: it publishes keys, which a test can change, counts who asks, and misbehaves on demand.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::signer::Signer;

/// What an answer is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publishes {
    /// The keys.
    Keys,
    /// Nothing, and keeps the connection.
    Nothing,
    /// A redirect to where the keys are.
    Redirect,
    /// A page instead of keys.
    Page,
    /// A set that never ends.
    Endless,
    /// 500.
    Error,
}

/// A running identity service; it stops when it is dropped.
pub struct JwksServer {
    /// Where the keys are.
    pub url: String,
    book: Arc<Book>,
    server: JoinHandle<()>,
}

struct Book {
    keys: Mutex<Vec<Value>>,
    publishes: Mutex<Publishes>,
    asked: Mutex<usize>,
}

impl JwksServer {
    /// One that publishes the keys of `signers`.
    pub async fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let book = Arc::new(Book {
            keys: Mutex::new(published(signers)),
            publishes: Mutex::new(Publishes::Keys),
            asked: Mutex::new(0),
        });
        let routes = Router::new()
            .route("/jwks.json", get(answer))
            .route("/moved.json", get(keys))
            .with_state(Arc::clone(&book));
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, routes).await;
        });
        Self {
            url: format!("http://{address}/jwks.json"),
            book,
            server,
        }
    }

    /// Publishes these keys from now on, and no others.
    pub fn rotate(&self, signers: &[&Signer]) {
        *locked(&self.book.keys) = published(signers);
    }

    /// Answers like this from now on.
    pub fn always(&self, publishes: Publishes) {
        *locked(&self.book.publishes) = publishes;
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        *locked(&self.book.asked)
    }
}

impl Drop for JwksServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn published(signers: &[&Signer]) -> Vec<Value> {
    signers.iter().map(|signer| signer.published()).collect()
}

async fn keys(State(book): State<Arc<Book>>) -> Response {
    let set = json!({ "keys": *locked(&book.keys) });
    ([(header::CONTENT_TYPE, "application/json")], set.to_string()).into_response()
}

async fn answer(State(book): State<Arc<Book>>) -> Response {
    *locked(&book.asked) += 1;
    let publishes = *locked(&book.publishes);
    match publishes {
        Publishes::Keys => keys(State(book)).await,
        Publishes::Nothing => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            StatusCode::OK.into_response()
        }
        Publishes::Redirect => Redirect::temporary("/moved.json").into_response(),
        Publishes::Page => "<html>Sign in</html>".into_response(),
        Publishes::Endless => {
            let pieces = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(" ".repeat(64 * 1024)));
            axum::body::Body::from_stream(pieces).into_response()
        }
        Publishes::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no holder panics")
}
