//! What `POST /v1/chat/completions` takes: a body in OpenAI's form, of which we read what we use and ignore the rest.
//! In: fields and headers; out: a [`ChatRequest`], or an error that names the field as OpenAI's clients know it.

mod front_ends;
mod messages;
mod sampling;

use axum::http::HeaderMap;
use axum::http::header::CACHE_CONTROL;
use companion_crds::config::WorkerConfig;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::identity::UserId;
use crate::turn::Asked;

use super::ApiError;
use super::body::{JsonBody, flag, present, text, whole};
use super::models;

const CONVERSATION_HEADER: &str = "X-Conversation-Id";
const CONVERSATION_FIELD: &str = "metadata.conversation_id";
const IDEMPOTENCY_HEADER: &str = "Idempotency-Key";
const EPHEMERAL_HEADER: &str = "X-Companion-Ephemeral";

/// Longest name of a conversation.
const MAX_CONVERSATION: usize = 128;
/// Longest idempotency key.
const MAX_KEY: usize = 255;
/// A request for a reply.
#[derive(Debug)]
pub struct ChatRequest {
    /// The model as the client called it.
    pub model: String,
    /// Piece by piece.
    pub stream: bool,
    /// A stream ends with the cost.
    pub include_usage: bool,
    /// What is asked.
    pub asked: Asked,
}

impl ChatRequest {
    /// Reads the request of `user`.
    ///
    /// # Errors
    /// The first field that is wrong, by name.
    pub fn read(user: UserId, body: &JsonBody, headers: &HeaderMap, config: &WorkerConfig) -> Result<Self, ApiError> {
        let fields = &body.fields;
        let model = text(fields, "model", "model")?;
        models::find(config, model)?;
        if whole(fields, "n", 1, 128)?.is_some_and(|n| n > 1) {
            return Err(ApiError::field("n", "must be 1: one reply is made for each request"));
        }
        let stream = flag(fields, "stream", "stream")?;
        let include_usage = match present(fields, "stream_options") {
            None => false,
            Some(Value::Object(options)) => flag(options, "include_usage", "stream_options.include_usage")?,
            Some(_) => return Err(ApiError::field("stream_options", "must be an object")),
        };
        let name = conversation(fields, headers)?;
        let messages = messages::read(fields, config.limits.message_chars as usize)?;
        let ephemeral =
            is_ephemeral(fields, headers)? || messages.not_the_users || front_ends::asks_for_itself(&messages, headers);
        // What leaves nothing behind has no place that it goes on in, and no reply that could be given again.
        let name = name.filter(|_| !ephemeral);
        let key = idempotency_key(headers)?.filter(|_| !ephemeral);
        let asked = Asked {
            user,
            turn_id: Uuid::now_v7(),
            request_hash: hash(&body.bytes, name),
            conversation: name.map(|name| user.conversation(name)),
            goes_on_alone: key.is_some(),
            idempotency_key: key.map(str::to_owned),
            system: messages.system,
            history: messages.history,
            text: messages.text,
            document: messages.document,
            sampling: sampling::read(fields)?,
            streamed: stream,
            ephemeral,
            fresh: is_fresh(headers),
            seen: None,
        };
        Ok(Self {
            model: model.to_owned(),
            stream,
            include_usage,
            asked,
        })
    }
}

/// The name of the conversation: the header's, else the metadata's.
fn conversation<'a>(fields: &'a Map<String, Value>, headers: &'a HeaderMap) -> Result<Option<&'a str>, ApiError> {
    let named = match present(fields, "metadata") {
        None => None,
        Some(Value::Object(metadata)) if present(metadata, "conversation_id").is_none() => None,
        Some(Value::Object(metadata)) => {
            let name = text(metadata, "conversation_id", CONVERSATION_FIELD)?;
            Some(visible(name, CONVERSATION_FIELD, MAX_CONVERSATION)?)
        }
        Some(_) => return Err(ApiError::field("metadata", "must be an object")),
    };
    // A front end that fills in the name of a chat has none to fill in for what is asked outside one.
    let given = headers.get(CONVERSATION_HEADER).is_some_and(|value| !value.is_empty());
    let header = if given {
        header(headers, CONVERSATION_HEADER, MAX_CONVERSATION)?
    } else {
        None
    };
    Ok(header.or(named))
}

/// Whether the client wants nothing kept: `store: false`, which OpenAI's clients know, or our header.
fn is_ephemeral(fields: &Map<String, Value>, headers: &HeaderMap) -> Result<bool, ApiError> {
    let not_stored = match present(fields, "store") {
        None => false,
        Some(Value::Bool(store)) => !store,
        Some(_) => return Err(ApiError::field("store", "must be true or false")),
    };
    match headers.get(EPHEMERAL_HEADER).map(|value| value.as_bytes()) {
        None | Some(b"false") => Ok(not_stored),
        Some(b"true") => Ok(true),
        Some(_) => Err(ApiError::field(EPHEMERAL_HEADER, "must be true or false")),
    }
}

/// Whether the client wants a reply of its own (RFC 9111 section 5.2.1).
fn is_fresh(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|word| matches!(word.trim(), "no-store" | "no-cache"))
}

/// The client's key.
///
/// # Errors
/// It is no key.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    header(headers, IDEMPOTENCY_HEADER, MAX_KEY)
}

fn header<'a>(headers: &'a HeaderMap, name: &str, most: usize) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    visible(value.to_str().unwrap_or_default(), name, most).map(Some)
}

fn visible<'a>(value: &'a str, field: &str, most: usize) -> Result<&'a str, ApiError> {
    if value.is_empty() || value.len() > most || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ApiError::field(
            field,
            format!("must be 1 to {most} visible ASCII characters"),
        ));
    }
    Ok(value)
}

/// The hash of all that makes two requests the same.
pub fn hash(body: &[u8], conversation: Option<&str>) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(conversation.unwrap_or_default());
    hash.update([0]);
    hash.update(body);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use axum::http::StatusCode;
    use serde_json::json;

    fn read(body: Value) -> Result<ChatRequest, ApiError> {
        read_with(body, &HeaderMap::new())
    }

    fn read_with(body: Value, headers: &HeaderMap) -> Result<ChatRequest, ApiError> {
        let bytes = Bytes::from(body.to_string());
        let Value::Object(fields) = body else {
            panic!("an object")
        };
        let user = UserId::derive("t", "i", "sam");
        ChatRequest::read(
            user,
            &JsonBody { bytes, fields },
            headers,
            &crate::config::tests::example(),
        )
    }

    fn body(change: Value) -> Value {
        let mut body = json!({ "model": "default", "messages": [{ "role": "user", "content": "Hi" }] });
        body.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        body
    }

    #[test]
    fn the_shortest_request_is_enough() {
        let request = read(body(json!({}))).unwrap();
        assert!(!request.stream && !request.include_usage);
        assert_eq!(request.asked.text, "Hi");
        assert_eq!(request.asked.conversation, None);
    }

    #[test]
    fn parts_developers_nulls_and_unknown_fields_are_taken() {
        let request = read(body(json!({
            "messages": [
                { "role": "developer", "content": "Be brief." },
                { "role": "user", "content": [{ "type": "text", "text": "Hel" }, { "type": "text", "text": "lo" }] },
                { "role": "assistant", "content": null, "tool_calls": [] },
                { "role": "assistant", "content": "Hi!" },
                { "role": "user", "content": "And?", "name": "sam" },
            ],
            "stream": null, "temperature": 1, "max_tokens": 20, "top_p": 0.5, "seed": 7, "logit_bias": {},
        })))
        .unwrap();
        assert_eq!(request.asked.system, ["Be brief."]);
        assert_eq!(request.asked.history.len(), 2);
        assert_eq!(request.asked.history[0].content, "Hello");
        let sampling = request.asked.sampling;
        assert_eq!(
            (sampling.max_tokens, sampling.top_p, sampling.seed),
            (Some(20), Some(0.5), Some(7))
        );
        for (stop, read) in [
            (json!("\n"), vec!["\n"]),
            (json!(["a", ""]), vec!["a"]),
            (json!(null), vec![]),
        ] {
            assert_eq!(
                super::tests::read(body(json!({ "stop": stop })))
                    .unwrap()
                    .asked
                    .sampling
                    .stop,
                read
            );
        }
    }

    #[test]
    fn the_users_last_message_is_answered_and_what_is_not_the_users_leaves_nothing() {
        let read = |messages: Value| {
            let asked = super::tests::read(body(json!({ "messages": messages }))).unwrap().asked;
            (asked.text, asked.system.len(), asked.history.len(), asked.ephemeral)
        };
        let message = |role: &str, text: &str| json!({ "role": role, "content": text });
        let (hi, ho, rule) = (
            message("user", "Hi"),
            message("assistant", "Ho"),
            message("system", "Be kind."),
        );
        assert_eq!(read(json!([hi, rule])), ("Hi".into(), 1, 0, false));
        assert_eq!(read(json!([hi, message("assistant", "")])), ("Hi".into(), 0, 0, false));
        assert_eq!(read(json!([rule, hi, ho, rule])), ("Be kind.".into(), 1, 2, true));
        let (text, _, history, ephemeral) = read(json!([hi, ho]));
        assert!(text.starts_with("Go on") && history == 2 && ephemeral);
        let (text, system, _, ephemeral) = read(json!([rule]));
        assert!(text.starts_with("Begin") && system == 1 && ephemeral);
        // A character may be described at any length.
        assert!(super::tests::read(body(json!({ "messages": [message("system", &"x".repeat(9_000)), hi] }))).is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (change, field) in [
            (json!({ "model": null }), "model"),
            (json!({ "model": 7 }), "model"),
            (json!({ "messages": null }), "messages"),
            (json!({ "messages": "Hi" }), "messages"),
            (json!({ "messages": [] }), "messages"),
            (json!({ "messages": ["Hi"] }), "messages[0]"),
            (json!({ "messages": [{ "content": "Hi" }] }), "messages[0].role"),
            (
                json!({ "messages": [{ "role": "tool", "content": "Hi" }] }),
                "messages[0].role",
            ),
            (json!({ "messages": [{ "role": "user" }] }), "messages[0].content"),
            (
                json!({ "messages": [{ "role": "user", "content": 7 }] }),
                "messages[0].content",
            ),
            (
                json!({ "messages": [{ "role": "user", "content": " " }] }),
                "messages[0].content",
            ),
            (
                json!({ "messages": [{ "role": "user", "content": "x".repeat(4_001) }] }),
                "messages[0].content",
            ),
            (
                json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url" }] }] }),
                "messages[0].content[0].type",
            ),
            (
                json!({ "messages": [{ "role": "user", "content": [{ "type": "text" }] }] }),
                "messages[0].content[0].text",
            ),
            (json!({ "stream": "yes" }), "stream"),
            (
                json!({ "stream_options": { "include_usage": 1 } }),
                "stream_options.include_usage",
            ),
            (json!({ "store": "no" }), "store"),
            (json!({ "n": 2 }), "n"),
            (json!({ "n": "1" }), "n"),
            (json!({ "temperature": 3 }), "temperature"),
            (json!({ "temperature": "hot" }), "temperature"),
            (json!({ "max_tokens": 0 }), "max_tokens"),
            (json!({ "top_p": 1.1 }), "top_p"),
            (json!({ "presence_penalty": -3 }), "presence_penalty"),
            (json!({ "seed": 0.5 }), "seed"),
            (json!({ "stop": ["a", "b", "c", "d", "e"] }), "stop"),
            (json!({ "stop": [7] }), "stop"),
            (json!({ "metadata": [] }), "metadata"),
            (
                json!({ "metadata": { "conversation_id": 7 } }),
                "metadata.conversation_id",
            ),
            (
                json!({ "metadata": { "conversation_id": "a b" } }),
                "metadata.conversation_id",
            ),
        ] {
            let error = read(body(change.clone())).unwrap_err();
            assert_eq!(
                (error.status, error.field.as_deref()),
                (StatusCode::BAD_REQUEST, Some(field)),
                "{change}"
            );
        }
    }

    #[test]
    fn what_asks_for_nothing_to_be_kept_or_is_a_front_ends_own_leaves_nothing() {
        let header = |value: &'static str| {
            HeaderMap::from_iter([(
                axum::http::HeaderName::from_static("x-companion-ephemeral"),
                value.parse().unwrap(),
            )])
        };
        let task = format!(
            "### Task:\nName this chat.\n<chat_history>\n{}</chat_history>",
            "x".repeat(9_000)
        );
        let said = |text: &str| body(json!({ "messages": [{ "role": "user", "content": text }] }));
        let table = [
            (body(json!({})), HeaderMap::new(), false),
            (body(json!({ "store": true })), HeaderMap::new(), false),
            (body(json!({ "store": null })), HeaderMap::new(), false),
            (body(json!({ "store": false })), HeaderMap::new(), true),
            (body(json!({})), header("true"), true),
            (body(json!({})), header("false"), false),
            (said(&task), HeaderMap::new(), true),
            (said("### Task: buy milk"), HeaderMap::new(), false),
            (said("What is a <chat_history>?"), HeaderMap::new(), false),
        ];
        for (body, headers, ephemeral) in table {
            assert_eq!(
                read_with(body.clone(), &headers).unwrap().asked.ephemeral,
                ephemeral,
                "{body}"
            );
        }
        let error = read_with(body(json!({})), &header("yes")).unwrap_err();
        assert_eq!(error.field.as_deref(), Some(EPHEMERAL_HEADER));

        let mut headers = header("true");
        headers.insert(CONVERSATION_HEADER, "one".parse().unwrap());
        headers.insert(IDEMPOTENCY_HEADER, "k".parse().unwrap());
        let asked = read_with(body(json!({})), &headers).unwrap().asked;
        assert!(asked.conversation.is_none() && asked.idempotency_key.is_none() && !asked.goes_on_alone);
    }

    #[test]
    fn a_model_that_is_not_there_is_not_found() {
        let error = read(body(json!({ "model": "gpt-9" }))).unwrap_err();
        assert_eq!((error.status, error.code), (StatusCode::NOT_FOUND, "model_not_found"));
    }

    #[test]
    fn the_headers_conversation_goes_before_the_metadatas() {
        let mut headers = HeaderMap::new();
        headers.insert(CONVERSATION_HEADER, "one".parse().unwrap());
        let named = read_with(body(json!({ "metadata": { "conversation_id": "two" } })), &headers).unwrap();
        assert_eq!(named.asked.conversation, Some(named.asked.user.conversation("one")));
        assert!(named.asked.uses_stored_history());
    }
}
