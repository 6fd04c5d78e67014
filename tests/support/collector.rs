//! A collector of traces: it takes what OTLP over HTTP brings, as protobuf, and gives it back as spans.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A collector on this machine, which ends with the test.
pub struct Collector {
    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is set to.
    pub url: String,
    book: Arc<Book>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Book {
    spans: Mutex<Vec<Span>>,
    bytes: Mutex<Vec<u8>>,
}

impl Collector {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let book = Arc::new(Book::default());
        let router = Router::new().route("/v1/traces", post(take)).with_state(book.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("the collector serves until it is stopped");
        });
        Self {
            url: format!("http://{address}"),
            book,
            server,
        }
    }

    /// The spans so far.
    pub fn spans(&self) -> Vec<Span> {
        lock(&self.book.spans).clone()
    }

    /// Whether `text` stands in anything it was sent.
    pub fn was_told(&self, text: &str) -> bool {
        let bytes = lock(&self.book.bytes);
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// An id as `traceparent` writes it.
pub fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn take(State(book): State<Arc<Book>>, body: Bytes) -> StatusCode {
    let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else {
        return StatusCode::BAD_REQUEST;
    };
    lock(&book.bytes).extend(body);
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|resource| resource.scope_spans);
    lock(&book.spans).extend(scopes.flat_map(|scope| scope.spans));
    StatusCode::OK
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
