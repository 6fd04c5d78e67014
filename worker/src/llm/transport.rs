//! How requests reach a provider: one try, no redirects (they would carry the key and the prompt somewhere the configuration
//! does not name), and answers whose lines have an end, because a line is held in memory until it is whole.

use std::io;
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use axum::body::Bytes;
use futures::{Stream, StreamExt};
use reqwest::{Body, Client, Response};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest line of an answer; a chunk with a token has some 200 bytes.
const MAX_LINE: usize = 1024 * 1024;

/// The client of one provider.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .build()
}

/// Sends one request for async-openai.
///
/// # Errors
/// The provider was not reached.
pub async fn send(client: Client, request: HttpRequestFactory) -> Result<Response, OpenAIError> {
    let response = client
        .execute(request.build().await?)
        .await
        .map_err(OpenAIError::Reqwest)?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut bounded = axum::http::Response::new(Body::wrap_stream(with_bounded_lines(response.bytes_stream())));
    *bounded.status_mut() = status;
    *bounded.headers_mut() = headers;
    Ok(Response::from(bounded))
}

fn with_bounded_lines<E>(bytes: impl Stream<Item = Result<Bytes, E>>) -> impl Stream<Item = Result<Bytes, io::Error>>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let mut line = 0;
    bytes.map(move |bytes| {
        let bytes = bytes.map_err(io::Error::other)?;
        line = bytes
            .iter()
            .rev()
            .position(|byte| *byte == b'\n')
            .unwrap_or(line + bytes.len());
        if line > MAX_LINE {
            return Err(io::Error::other("a line of the answer is too long"));
        }
        Ok(bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;

    #[tokio::test]
    async fn a_line_without_an_end_breaks_the_answer_and_many_lines_do_not() {
        let passed = |piece: &'static str| async move {
            let pieces =
                std::iter::repeat_with(|| Ok::<_, io::Error>(Bytes::from_static(piece.as_bytes()))).take(200_000);
            let pieces = stream::iter(pieces);
            with_bounded_lines(pieces)
                .take_while(|piece| futures::future::ready(piece.is_ok()))
                .count()
                .await
        };
        assert_eq!(passed("data: {}\n").await, 200_000);
        assert_eq!(passed("data: {}").await, MAX_LINE / 8);
    }
}
