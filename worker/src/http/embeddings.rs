//! `POST /v1/embeddings`: texts in, vectors out, in OpenAI's form. The same model that memories are found by; texts are read
//! one after the other, so that a request with many of them never fills the queue that replies wait in.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::app::App;
use crate::memory::{EmbedError, Embedder};

use super::ApiError;
use super::body::{JsonBody, present, text, whole};
use super::caller::Caller;
use super::openapi::EmbeddingRequest;

/// Most texts of one request.
const MAX_TEXTS: usize = 64;
/// Longest wait for one vector.
const PATIENCE: Duration = Duration::from_secs(5);
/// When a busy embedder is worth another try.
const AGAIN: Duration = Duration::from_secs(1);

/// How vectors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// A list of numbers.
    Numbers,
    /// Base64 of 32-bit floats, the lowest byte first. OpenAI's Python client asks for it by itself.
    Base64,
}

/// What is asked for.
#[derive(Debug)]
struct Asked<'a> {
    texts: Vec<&'a str>,
    encoding: Encoding,
}

/// OpenAI's list of vectors.
#[derive(Serialize, ToSchema)]
pub struct Embeddings {
    object: &'static str,
    data: Vec<OneEmbedding>,
    model: &'static str,
    usage: EmbeddingUsage,
}

/// The vector of one text.
#[derive(Serialize, ToSchema)]
pub struct OneEmbedding {
    object: &'static str,
    index: usize,
    embedding: Written,
}

/// A vector as it was asked for.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Written {
    /// `float`.
    Numbers(Vec<f32>),
    /// `base64`: 32-bit floats, the lowest byte first.
    Base64(String),
}

/// Tokens that were read.
#[derive(Serialize, ToSchema)]
pub struct EmbeddingUsage {
    prompt_tokens: usize,
    total_tokens: usize,
}

/// The vectors of the texts of one request.
#[utoipa::path(
    post,
    path = "/v1/embeddings",
    operation_id = "create_embeddings",
    tag = "openai",
    request_body = EmbeddingRequest,
    responses((status = 200, body = Embeddings), (status = 404, description = "no such model")),
)]
pub async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<Embeddings>, ApiError> {
    caller.may_look(&app).await?;
    let body = body?;
    let asked = read(&body.fields)?;
    let (mut data, mut tokens) = (Vec::new(), 0);
    for (index, text) in asked.texts.into_iter().enumerate() {
        let embedding = app.memories.embedder().embed(text.to_owned(), PATIENCE).await;
        let embedding = embedding.map_err(|error| unavailable(&error, index))?;
        tokens += embedding.tokens;
        data.push(OneEmbedding {
            object: "embedding",
            index,
            embedding: written(embedding.vector, asked.encoding),
        });
    }
    Ok(Json(Embeddings {
        object: "list",
        data,
        model: Embedder::MODEL_ID,
        usage: EmbeddingUsage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    }))
}

fn read(fields: &Map<String, Value>) -> Result<Asked<'_>, ApiError> {
    let model = text(fields, "model", "model")?;
    if model != Embedder::MODEL_ID {
        let detail = format!(
            "model: {model:?} does not exist; embeddings are made by {:?}",
            Embedder::MODEL_ID
        );
        return Err(ApiError::new(StatusCode::NOT_FOUND, "model_not_found", detail).about("model"));
    }
    let encoding = match present(fields, "encoding_format").map(Value::as_str) {
        None | Some(Some("float")) => Encoding::Numbers,
        Some(Some("base64")) => Encoding::Base64,
        Some(_) => return Err(ApiError::field("encoding_format", "must be float or base64")),
    };
    let dimensions = Embedder::DIMENSIONS as u32;
    if whole(fields, "dimensions", 1, 10_000)?.is_some_and(|asked| asked != dimensions) {
        return Err(ApiError::field(
            "dimensions",
            format!("must be {dimensions}, or left out"),
        ));
    }
    Ok(Asked {
        texts: texts(fields)?,
        encoding,
    })
}

fn texts(fields: &Map<String, Value>) -> Result<Vec<&str>, ApiError> {
    let texts: Vec<(String, &Value)> = match present(fields, "input") {
        None => return Err(ApiError::field("input", "is required")),
        Some(Value::Array(items)) if items.is_empty() || items.len() > MAX_TEXTS => {
            return Err(ApiError::field("input", format!("must have 1 to {MAX_TEXTS} texts")));
        }
        Some(Value::Array(items)) => (items.iter().enumerate())
            .map(|(index, item)| (format!("input[{index}]"), item))
            .collect(),
        Some(item) => vec![("input".to_owned(), item)],
    };
    let text = |(path, item): (String, &'_ Value)| match item.as_str() {
        None => Err(ApiError::field(path, "must be text; tokens are not taken")),
        Some(text) if text.trim().is_empty() => Err(ApiError::field(path, "must not be empty")),
        Some(_) => Ok(()),
    };
    let all: Vec<&str> = texts.iter().filter_map(|(_, item)| item.as_str()).collect();
    texts.into_iter().try_for_each(text)?;
    Ok(all)
}

fn written(vector: Vec<f32>, encoding: Encoding) -> Written {
    match encoding {
        Encoding::Numbers => Written::Numbers(vector),
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
            Written::Base64(BASE64_STANDARD.encode(bytes))
        }
    }
}

fn unavailable(error: &EmbedError, index: usize) -> ApiError {
    tracing::warn!(%error, index, "a text is not embedded");
    match error {
        EmbedError::Busy | EmbedError::Late(_) => {
            let detail = "the embedder is busy; try again";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "embedder_busy", detail).retry(AGAIN)
        }
        EmbedError::Failed(_) | EmbedError::Model(_) => ApiError::internal(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(change: Value) -> Option<String> {
        let mut body = json!({ "model": Embedder::MODEL_ID, "input": "Hello" });
        let fields = body.as_object_mut().unwrap();
        fields.extend(change.as_object().unwrap().clone());
        read(fields).err().and_then(|error| error.field)
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(problem(json!({})), None);
        assert_eq!(
            problem(json!({ "input": ["a", "b"], "encoding_format": "base64", "dimensions": 384 })),
            None
        );
        for (change, field) in [
            (json!({ "model": "text-embedding-3-small" }), "model"),
            (json!({ "model": null }), "model"),
            (json!({ "input": null }), "input"),
            (json!({ "input": [] }), "input"),
            (json!({ "input": vec!["x"; 65] }), "input"),
            (json!({ "input": 7 }), "input"),
            (json!({ "input": [1, 2] }), "input[0]"),
            (json!({ "input": ["a", " "] }), "input[1]"),
            (json!({ "input": "" }), "input"),
            (json!({ "encoding_format": "hex" }), "encoding_format"),
            (json!({ "dimensions": 256 }), "dimensions"),
        ] {
            assert_eq!(problem(change.clone()).as_deref(), Some(field), "{change}");
        }
    }

    #[test]
    fn base64_is_what_openais_client_reads() {
        assert_eq!(
            written(vec![1.0, -0.5], Encoding::Base64),
            Written::Base64("AACAPwAAAL8=".into())
        );
    }
}
