//! Any service that speaks the OpenAI API. In: a question; out: pieces of the reply. async-openai makes the request, our own
//! transport sends it, and the answer is read here, as it comes and no faster than it is used. How often and how long to
//! try is decided above.

use std::collections::VecDeque;
use std::time::Duration;

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use axum::body::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::IgnoredAny;
use tokio::time::timeout;
use tower::service_fn;

use crate::outbound;

use super::events::{Event, Events};
use super::transport::{self, Answer};
use super::{LlmError, Piece, Question, Sampling, chunk};

/// Longest wait for the last bytes after a reply's end; with them the connection can be used again.
const LAST_BYTES: Duration = Duration::from_millis(500);

/// A service that speaks the OpenAI API.
pub struct OpenAi {
    client: Client<OpenAIConfig>,
    http: reqwest::Client,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<RequestMessage<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(flatten)]
    sampling: &'a Sampling,
}

#[derive(Serialize)]
struct RequestMessage<'a> {
    role: &'static str,
    content: &'a str,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

impl OpenAi {
    /// The service at `base_url`, asked with `key`.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(base_url: &str, key: Option<&SecretString>) -> Result<Self, reqwest::Error> {
        let http = outbound::client()?;
        let config = OpenAIConfig::new()
            .with_api_base(base_url.trim_end_matches('/'))
            .with_api_key(key.map_or("", ExposeSecret::expose_secret))
            .with_org_id("")
            .with_project_id("");
        Ok(Self {
            client: Client::build(http.clone(), config),
            http,
        })
    }

    /// Asks `question`.
    ///
    /// # Errors
    /// The service was not reached or refused.
    pub async fn stream(
        &self,
        question: &Question<'_>,
    ) -> Result<BoxStream<'static, Result<Piece, LlmError>>, LlmError> {
        let request = Request {
            model: question.model,
            messages: (question.prompt.messages.iter())
                .map(|message| RequestMessage {
                    role: message.role.as_str(),
                    content: &message.content,
                })
                .collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            sampling: &question.sampling,
        };
        let (http, answer) = (self.http.clone(), Answer::default());
        let kept = answer.clone();
        let sending = service_fn(move |request| transport::send(http.clone(), request, kept.clone()));
        let client = self.client.clone().with_http_service(sending);
        drop(client.chat().create_stream_byot::<_, IgnoredAny>(request).await?);
        let response = answer.take().ok_or(LlmError::Broken)?;
        let body = response.bytes_stream().map(|bytes| bytes.map_err(|_| LlmError::Broken));
        Ok(pieces(body.boxed()))
    }
}

struct Reading {
    body: BoxStream<'static, Result<Bytes, LlmError>>,
    events: Events,
    ready: VecDeque<Result<Piece, LlmError>>,
    over: bool,
}

fn pieces(body: BoxStream<'static, Result<Bytes, LlmError>>) -> BoxStream<'static, Result<Piece, LlmError>> {
    let reading = Reading {
        body,
        events: Events::default(),
        ready: VecDeque::new(),
        over: false,
    };
    stream::unfold(reading, |mut reading| async move {
        let piece = reading.next().await?;
        Some((piece, reading))
    })
    .boxed()
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Piece, LlmError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            if self.over {
                return None;
            }
            let mut found = Vec::new();
            let broken = match self.body.next().await {
                Some(Ok(bytes)) => self.events.push(&bytes, &mut found).err().map(|_| LlmError::Broken),
                Some(Err(error)) => Some(error),
                None => {
                    self.over = true;
                    self.events.finish(&mut found);
                    None
                }
            };
            self.take(&found);
            if let Some(error) = broken.filter(|_| !self.over) {
                self.fail(error);
            }
        }
    }

    fn take(&mut self, events: &[Event]) {
        for event in events {
            if chunk::is_done(event) {
                self.let_go();
                return;
            }
            match chunk::pieces(event) {
                Ok(pieces) => self.ready.extend(pieces.map(Ok)),
                Err(error) => return self.fail(error),
            }
        }
    }

    fn fail(&mut self, error: LlmError) {
        self.over = true;
        self.ready.push_back(Err(error));
    }

    /// The reply is over. Its last bytes are read beside, so that nobody waits for them.
    fn let_go(&mut self) {
        self.over = true;
        let mut rest = std::mem::replace(&mut self.body, stream::empty().boxed());
        tokio::spawn(timeout(LAST_BYTES, async move {
            while let Some(Ok(_)) = rest.next().await {}
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(parts: &[&'static [u8]], end: Option<LlmError>) -> Vec<Result<Piece, LlmError>> {
        let parts: Vec<_> = (parts.iter())
            .map(|part| Ok(Bytes::from_static(part)))
            .chain(end.map(Err))
            .collect();
        pieces(stream::iter(parts).boxed()).collect().await
    }

    const HI: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n";
    const STOP: &[u8] = b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

    fn text(text: &str) -> Result<Piece, LlmError> {
        Ok(Piece::Text(text.into()))
    }

    #[tokio::test]
    async fn nothing_is_read_after_done() {
        let pieces = read(&[HI, STOP, b"data: [DONE]\n\n", HI], None).await;
        assert_eq!(pieces, [text("Hi"), Ok(Piece::End("stop".into()))]);
    }

    #[tokio::test]
    async fn what_came_before_the_connection_broke_is_not_lost() {
        assert_eq!(
            read(&[HI, b"data: {\"choi"], Some(LlmError::Broken)).await,
            [text("Hi"), Err(LlmError::Broken)]
        );
    }

    #[tokio::test]
    async fn half_a_character_at_the_end_is_no_text() {
        let half = b"data: {\"choices\":[{\"delta\":{\"content\":\"\xF0\x9F";
        assert_eq!(read(&[HI, half], None).await, [text("Hi"), Err(LlmError::Broken)]);
    }

    #[tokio::test]
    async fn a_character_cut_in_two_packets_is_whole() {
        let parts: [&[u8]; 2] = [b"data: {\"choices\":[{\"delta\":{\"content\":\"\xC3", b"\xA9\"}}]}\n\n"];
        assert_eq!(read(&parts, None).await, [text("é")]);
    }
}
