//! Any service that speaks the OpenAI API, through async-openai. In: a prompt; out: pieces of the reply. Chunk types
//! are our own and take what servers really send: missing fields, nulls, a usage chunk without choices. Requests go out
//! through our own client, without async-openai's retries: how often and how long to try is decided in one place, above.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use companion_crds::llm::Route;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tower::service_fn;

use super::{LlmError, Piece, Prompt, Sampling, Usage, transport};

/// A service that speaks the OpenAI API.
pub struct OpenAi {
    client: Client<OpenAIConfig>,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<RequestMessage<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
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

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<ChunkUsage>,
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    content: Option<String>,
}

#[derive(Deserialize)]
struct ChunkUsage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
    prompt_tokens_details: Option<PromptTokensDetails>,
}

#[derive(Deserialize)]
struct PromptTokensDetails {
    cached_tokens: Option<u32>,
}

impl OpenAi {
    /// The service at `base_url`, asked with `key`.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(base_url: &str, key: Option<&SecretString>) -> Result<Self, reqwest::Error> {
        let http = transport::client()?;
        let config = OpenAIConfig::new()
            .with_api_base(base_url.trim_end_matches('/'))
            .with_api_key(key.map_or("", ExposeSecret::expose_secret))
            .with_org_id("")
            .with_project_id("");
        Ok(Self {
            client: Client::with_config(config)
                .with_http_service(service_fn(move |request| transport::send(http.clone(), request))),
        })
    }

    /// Asks for a reply to `prompt`.
    ///
    /// # Errors
    /// The service was not reached or refused.
    pub async fn stream(
        &self,
        route: &Route,
        prompt: &Prompt,
        sampling: &Sampling,
    ) -> Result<BoxStream<'static, Result<Piece, LlmError>>, LlmError> {
        let own = route
            .temperature
            .as_ref()
            .and_then(|temperature| temperature.value().ok());
        let request = Request {
            model: &route.model,
            messages: (prompt.messages.iter())
                .map(|message| RequestMessage {
                    role: message.role.as_str(),
                    content: &message.content,
                })
                .collect(),
            stream: true,
            stream_options: StreamOptions { include_usage: true },
            temperature: sampling.temperature.or(own),
            max_tokens: [sampling.max_tokens, route.max_tokens].into_iter().flatten().min(),
        };
        let chunks = self
            .client
            .chat()
            .create_stream_byot::<_, Chunk>(request)
            .await
            .map_err(LlmError::from)?;
        let pieces = chunks.flat_map(|chunk| stream::iter(pieces(chunk)));
        Ok(pieces.boxed())
    }
}

fn pieces(chunk: Result<Chunk, OpenAIError>) -> Vec<Result<Piece, LlmError>> {
    let chunk = match chunk {
        Ok(chunk) if chunk.error.is_none() => chunk,
        Ok(_) => return vec![Err(LlmError::Broken)],
        Err(error) => return vec![Err(error.into())],
    };
    let choice = chunk.choices.into_iter().next();
    let (delta, end) = choice.map_or((None, None), |choice| (choice.delta, choice.finish_reason));
    let text = delta
        .and_then(|delta| delta.content)
        .filter(|text| !text.is_empty())
        .map(Piece::Text);
    let end = end.filter(|reason| !reason.is_empty()).map(Piece::End);
    let usage = chunk.usage.map(|usage| {
        let cached = usage
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0);
        Piece::Usage(Usage {
            prompt: usage.prompt_tokens,
            completion: usage.completion_tokens,
            cached,
        })
    });
    [text, end, usage].into_iter().flatten().map(Ok).collect()
}

impl From<OpenAIError> for LlmError {
    fn from(error: OpenAIError) -> Self {
        match error {
            OpenAIError::ApiError(error) => Self::Status(error.status_code.as_u16()),
            OpenAIError::Reqwest(error) if error.is_connect() || error.is_timeout() || error.is_request() => {
                Self::Connect
            }
            _ => Self::Broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<Result<Piece, LlmError>> {
        pieces(Ok(serde_json::from_str(json).unwrap()))
    }

    #[test]
    fn chunks_of_many_servers_are_understood() {
        assert_eq!(
            read(r#"{"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#),
            vec![]
        );
        assert_eq!(
            read(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#),
            vec![Ok(Piece::Text("Hi".into()))]
        );
        assert_eq!(
            read(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
            vec![Ok(Piece::End("stop".into()))]
        );
        assert_eq!(
            read(
                r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}"#
            ),
            vec![Ok(Piece::Usage(Usage {
                prompt: 9,
                completion: 2,
                cached: 4
            }))]
        );
    }

    #[test]
    fn an_error_inside_a_stream_breaks_the_reply() {
        assert_eq!(
            read(r#"{"error":{"message":"overloaded"}}"#),
            vec![Err(LlmError::Broken)]
        );
    }
}
