//! How requests reach a provider: one try, to the URL of the configuration and nowhere else. No redirect is followed (it would
//! carry the key and the prompt somewhere that no one named), no proxy of the environment is used, no metadata address is
//! connected to, nothing is decompressed. In: a request; out: the answer's body, or the error that its status means.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use axum::http::header::{CONTENT_ENCODING, HeaderMap, RETRY_AFTER};
use chrono::{DateTime, Utc};
use reqwest::dns::Resolve;
use reqwest::{Body, Client, Response};

use super::LlmError;
use super::addresses::Guarded;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(3);

/// The answer to one request, kept for its asker.
#[derive(Clone, Default)]
pub struct Answer(Arc<Mutex<Option<Response>>>);

impl Answer {
    /// The answer, if there was one.
    pub fn take(&self) -> Option<Response> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The client of one provider, which finds addresses with `resolver`.
///
/// # Errors
/// TLS cannot be set up.
pub fn client<R: Resolve + 'static>(resolver: R) -> Result<Client, reqwest::Error> {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .dns_resolver(Guarded(Arc::new(resolver)))
        .connect_timeout(CONNECT)
        .tcp_nodelay(true)
        .build()
}

/// Sends one request for async-openai and keeps a good answer in `answer`. async-openai itself gets an empty one: it would
/// read the body through a queue without a bound, and events by the letter. Bodies of errors are not read at all.
///
/// # Errors
/// An [`LlmError`], boxed.
pub async fn send(client: Client, request: HttpRequestFactory, answer: Answer) -> Result<Response, OpenAIError> {
    let response = client.execute(request.build().await?).await.map_err(|error| {
        tracing::debug!(%error, "a provider is not reached");
        boxed(LlmError::Connect)
    })?;
    let status = response.status();
    if !status.is_success() {
        return Err(boxed(LlmError::Status {
            status: status.as_u16(),
            after: retry_after(response.headers(), Utc::now()),
        }));
    }
    let encoding = response.headers().get(CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| encoding != "identity") {
        tracing::warn!("a provider's answer is compressed although nobody asked for that");
        return Err(boxed(LlmError::Broken));
    }
    *answer.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(response);
    Ok(Response::from(axum::http::Response::new(Body::default())))
}

fn boxed(error: LlmError) -> OpenAIError {
    OpenAIError::Boxed(Box::new(error))
}

impl From<OpenAIError> for LlmError {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::Boxed(error) => error.downcast().map_or(Self::Broken, |error| *error),
            _ => Self::Broken,
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.to_utc() - now).to_std().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use reqwest::dns::{Addrs, Name, Resolving};
    use tokio::net::TcpListener;

    use super::*;

    /// Every name leads to these addresses.
    struct Fixed(Vec<SocketAddr>);

    impl Resolve for Fixed {
        fn resolve(&self, _: Name) -> Resolving {
            let addresses = self.0.clone();
            Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
        }
    }

    async fn get(addresses: Vec<SocketAddr>, url: &str) -> Result<Response, reqwest::Error> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        client(Fixed(addresses)).unwrap().get(url).send().await
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_metadata_address_is_never_connected_to() {
        for address in [
            "169.254.169.254:80",
            "[fd00:ec2::254]:80",
            "[::ffff:169.254.169.254]:80",
        ] {
            let error = get(vec![address.parse().unwrap()], "http://rebound.example/")
                .await
                .unwrap_err();
            assert!(error.is_connect(), "{address}: {error:?}");
            assert!(format!("{error:?}").contains("Forbidden"), "{address}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_name_with_an_allowed_address_besides_is_reached_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let allowed = listener.local_addr().unwrap();
        let url = format!("http://mixed.example:{}/", allowed.port());
        let both = vec!["169.254.169.254:80".parse().unwrap(), allowed];
        let (accepted, _) = tokio::join!(
            tokio::time::timeout(Duration::from_secs(2), listener.accept()),
            tokio::time::timeout(Duration::from_millis(500), get(both, &url))
        );
        assert!(accepted.unwrap().is_ok());
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let now = "2026-11-24T12:00:00Z".parse().unwrap();
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            retry_after(&headers, now)
        };
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Tue, 24 Nov 2026 12:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(read("Tue, 24 Nov 2026 11:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
