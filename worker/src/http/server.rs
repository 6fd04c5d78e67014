//! The server under the routes: hyper with what `axum::serve` leaves out. A connection that has sent no whole request head
//! within 10 s is closed, whatever it speaks (hyper's own limit is silently off without a timer, and begins only once it
//! knows the protocol); TCP_NODELAY keeps streamed tokens from waiting 40 ms for an
//! acknowledgement, connections are capped, a full table of file descriptors is waited out, and a client that takes nothing of
//! its answer for 30 s is let go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::caller::Peer;

/// Longest wait for a connection's first request head.
const FIRST_HEAD: Duration = Duration::from_secs(10);
/// Longest wait for the next one: longer than proxies keep idle connections, which would otherwise race with our close.
const NEXT_HEAD: Duration = Duration::from_secs(75);
/// Longest that a client may take nothing of what waits for it. A turn gives it up after as long; its connection would stay
/// for ever, for the kernel goes on asking a peer that says that it has no room.
const NOTHING_TAKEN: Duration = Duration::from_secs(30);
/// How often a silent HTTP/2 peer is asked whether it lives.
const PING: Duration = Duration::from_secs(30);
/// Most connections at once; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 10_000;
/// Most streams of one HTTP/2 connection.
const MAX_STREAMS: u32 = 200;
/// Pause after a failed accept, such as one for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// A port that is bound.
pub struct Bound {
    listener: TcpListener,
}

impl Bound {
    /// Binds `address`.
    ///
    /// # Errors
    /// The port is taken or may not be used.
    pub async fn bind(address: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| std::io::Error::new(error.kind(), format!("failed to listen on {address}: {error}")))?;
        Ok(Self { listener })
    }

    /// Serves `router` until `stop`, then finishes the requests that were begun, for at most `grace`.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>, grace: Duration) {
        let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let graceful = GracefulShutdown::new();
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(NEXT_HEAD);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(MAX_STREAMS);
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                accepted = accept(&self.listener, &connections) => accepted,
                () = &mut stop => break,
            };
            let (stream, peer, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_AGAIN).await;
                    continue;
                }
            };
            let router = router.clone();
            let heard = CancellationToken::new();
            let asked = heard.clone();
            let service = service_fn(move |mut request: Request<Incoming>| {
                asked.cancel();
                request.extensions_mut().insert(Peer(peer));
                router.clone().oneshot(request.map(Body::new))
            });
            let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                let silent = async {
                    if timeout(FIRST_HEAD, heard.cancelled()).await.is_ok() {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    ended = connection => {
                        if let Err(error) = ended {
                            tracing::debug!(error, "a connection broke");
                        }
                    }
                    () = silent => tracing::debug!("a connection asked for nothing"),
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("connections were still open at the end of the grace period");
        }
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(connections)
        .acquire_owned()
        .await
        .map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    set_tcp_user_timeout(&stream, NOTHING_TAKEN.as_millis() as u32)?;
    Ok((stream, peer, permit))
}
