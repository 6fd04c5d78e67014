//! What requests look like, for the document. Requests are read field by field, so that every error names its field; that
//! what is written here is what is read, a test drives the service with (`make test`, schemathesis).
#![expect(dead_code, reason = "only the shapes of these types are used")]

use chrono::NaiveDate;
use serde_json::Value;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{IntoParams, ToSchema};

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Rows of a page. Default: 50.
    #[param(nullable = false, minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// The `next_cursor` of an earlier page.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Which days.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageParams {
    /// The first day, in UTC. Default: 29 days before the last.
    #[param(nullable = false)]
    from: Option<NaiveDate>,
    /// The last day. Default: today. At most 366 days are told of.
    #[param(nullable = false)]
    to: Option<NaiveDate>,
}

/// For edits.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatch {
    /// The `ETag` that was seen: refused with 412 where somebody edited meanwhile.
    #[param(nullable = false, rename = "If-Match", pattern = r#"^("[0-9]{1,9}"|\*)$"#)]
    if_match: Option<String>,
}

/// For messages that must not be answered twice.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// Any name of this request; sent again with it within 24 hours, it gets the same reply.
    #[param(nullable = false, rename = "Idempotency-Key", pattern = "^[!-~]{1,255}$")]
    idempotency_key: Option<String>,
}

/// For clients that come back.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct LastEventId {
    /// The id of the last event that was seen.
    #[param(
        rename = "Last-Event-ID",
        pattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]{1,9}-[0-9]{1,9}$"
    )]
    last_event_id: Option<String>,
}

/// For messages of a conversation.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct ConversationId {
    /// The caller's name of the conversation. Without one, requests that begin alike go on in one conversation.
    #[param(nullable = false, rename = "X-Conversation-Id", pattern = "^[!-~]{0,128}$")]
    conversation_id: Option<String>,
}

/// For replies without a trace.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub struct Ephemeral {
    /// `true`: nothing of the turn is stored; its reply may be kept for others who ask the same (`cache`).
    #[param(nullable = false, rename = "X-Companion-Ephemeral", pattern = "^(true|false)$")]
    ephemeral: Option<String>,
}

/// A memory to keep.
#[derive(ToSchema)]
pub struct NewMemory {
    /// The fact.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    text: String,
}

/// What is to change of a memory; what is not there stays.
#[derive(ToSchema)]
#[schema(min_properties = 1)]
pub struct MemoryChange {
    /// What it says.
    #[schema(min_length = 1, max_length = 1000, pattern = r"\S")]
    text: Option<String>,
    /// Whether it is known in every conversation.
    pinned: Option<bool>,
}

/// What memories should fit.
#[derive(ToSchema)]
pub struct MemoryQuery {
    /// In any words, up to `limits.messageChars`.
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    query: String,
    /// Most results. Default: 10.
    #[schema(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What is to change of the preferences; null takes one away.
#[derive(ToSchema)]
#[schema(min_properties = 1)]
pub struct PreferencesEdit {
    /// What the user is called.
    #[schema(min_length = 1, max_length = 100, pattern = r"\S")]
    name: Option<String>,
    /// Such as `she/her`.
    #[schema(min_length = 1, max_length = 40, pattern = r"\S")]
    pronouns: Option<String>,
    /// As BCP 47 names it.
    #[schema(max_length = 35, pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
    language: Option<String>,
    /// As IANA names it.
    #[schema(example = "Europe/Lisbon")]
    time_zone: Option<String>,
}

/// A conversation to make.
#[derive(ToSchema)]
pub struct NewConversation {
    /// Its name.
    #[schema(min_length = 1, max_length = 200, pattern = r"\S")]
    title: Option<String>,
}

/// A conversation's name.
#[derive(ToSchema)]
pub struct Title {
    /// Null takes the name away.
    #[schema(required, min_length = 1, max_length = 200, pattern = r"\S")]
    title: Option<String>,
}

/// Something to say.
#[derive(ToSchema)]
pub struct NewMessage {
    /// What the user says, up to `limits.messageChars`.
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    text: String,
}

/// That nobody erases by mistake.
#[derive(ToSchema)]
pub struct Confirmation {
    /// These words.
    #[schema(pattern = "^erase everything$")]
    confirm: String,
}

/// OpenAI's request for vectors.
#[derive(ToSchema)]
pub struct EmbeddingRequest {
    /// The embedder's name.
    #[schema(example = "all-MiniLM-L6-v2")]
    model: String,
    #[schema(schema_with = embedding_input)]
    input: Value,
    #[schema(pattern = "^(float|base64)$")]
    encoding_format: Option<String>,
    /// The embedder's, if it is named.
    #[schema(minimum = 384, maximum = 384)]
    dimensions: Option<u32>,
}

/// One text, or at most 64.
fn embedding_input() -> Schema {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(r"\S"))
        .build();
    let texts = ArrayBuilder::new()
        .items(text.clone())
        .min_items(Some(1))
        .max_items(Some(64))
        .build();
    Schema::OneOf(OneOfBuilder::new().item(text).item(texts).build())
}

/// What ends a reply: one text, or at most 4.
fn stop() -> Schema {
    let text = ObjectBuilder::new()
        .schema_type(Type::String)
        .max_length(Some(256))
        .build();
    let texts = ArrayBuilder::new().items(text.clone()).max_items(Some(4)).build();
    let none = ObjectBuilder::new().schema_type(Type::Null).build();
    Schema::OneOf(OneOfBuilder::new().item(text).item(texts).item(none).build())
}

/// Text, or OpenAI's list of parts.
fn message_content() -> Schema {
    let text = ObjectBuilder::new().schema_type(Type::String).build();
    let part = ObjectBuilder::new()
        .property(
            "type",
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(["text"])),
        )
        .property("text", text.clone())
        .required("type")
        .required("text")
        .build();
    let parts = ArrayBuilder::new().items(part).min_items(Some(1)).build();
    Schema::OneOf(OneOfBuilder::new().item(text).item(parts).build())
}

/// OpenAI's request for a reply, as far as it is read.
#[derive(ToSchema)]
pub struct ChatCompletionRequest {
    /// A name of `GET /v1/models`.
    #[schema(example = "default")]
    model: String,
    /// The user's last one is answered; those before it are its history. A client that names its conversation may send only the
    /// new message: the stored history is used then. Where a reply stands last, it is gone on with, and nothing is stored.
    #[schema(min_items = 1, max_items = 1000, example = json!([{ "role": "user", "content": "Hello" }]))]
    messages: Vec<ChatMessage>,
    /// Piece by piece.
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    /// Must be 1: one reply is made for each request.
    #[schema(minimum = 1, maximum = 1)]
    n: Option<u32>,
    #[schema(minimum = 0, maximum = 2)]
    temperature: Option<f32>,
    #[schema(minimum = 0, maximum = 1)]
    top_p: Option<f32>,
    #[schema(minimum = -2, maximum = 2)]
    frequency_penalty: Option<f32>,
    #[schema(minimum = -2, maximum = 2)]
    presence_penalty: Option<f32>,
    seed: Option<i64>,
    #[schema(schema_with = stop)]
    stop: Option<Value>,
    #[schema(minimum = 1)]
    max_tokens: Option<u32>,
    #[schema(minimum = 1)]
    max_completion_tokens: Option<u32>,
    /// `false`: nothing of the turn is stored; its reply may be kept for others who ask the same (`cache`).
    store: Option<bool>,
    /// `conversation_id` names the conversation, as the header `X-Conversation-Id` does.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Value>,
    /// The user that an API key with the scope `act-as` acts for.
    user: Option<String>,
}

/// One message.
#[derive(ToSchema)]
pub struct ChatMessage {
    /// `system`, `developer`, `user` or `assistant`.
    role: String,
    /// Text, or a list of parts of type `text`.
    #[schema(schema_with = message_content)]
    content: Value,
}

/// What a stream has besides the reply.
#[derive(ToSchema)]
pub struct StreamOptions {
    /// A last chunk with the tokens.
    include_usage: Option<bool>,
}
