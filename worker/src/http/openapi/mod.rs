//! The description of the API as an OpenAPI 3.1 document. It is put together from the attributes of the handlers by the
//! same list that the router is made of, so that neither has a route that the other lacks; here the errors that every
//! route may answer are added.

mod events;
mod page;
mod requests;

use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response};
use utoipa::{Modify, OpenApi};

use super::error::{OpenAiError, Problem};

pub use events::*;
pub use page::page;
pub use requests::*;

/// What is said of the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Companion",
        description = "Streaming chat with memory. `/v1` speaks OpenAI's API, for the clients that there are; `/api/v1` is the \
                       companion API. Every error has a stable `code` and names the field that is wrong."
    ),
    components(schemas(Problem, OpenAiError)),
    security(("bearer" = [])),
    tags(
        (name = "openai", description = "What OpenAI's clients ask for"),
        (name = "conversations", description = "The caller's conversations"),
        (name = "messages", description = "What is said in them"),
        (name = "memories", description = "What is remembered of the caller"),
        (name = "preferences", description = "What the caller wants to be called, and where they are"),
        (name = "usage", description = "What it costs"),
        (name = "privacy", description = "Everything that is kept, to take along or to be gone"),
        (name = "support", description = "For an API key with the scope `admin`"),
    ),
    modifiers(&Authorization)
)]
pub struct Description;

/// Tokens and API keys.
struct Authorization;

impl Modify for Authorization {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

/// Errors of every route.
const EVERYWHERE: [(&str, &str); 6] = [
    ("400", "something in the request is wrong, and named"),
    ("401", "no valid bearer token or API key"),
    ("403", "the token or key may not do this"),
    ("429", "more requests than the limit allows"),
    ("500", "a bug; the cause is in the logs"),
    ("503", "something is away or busy for a moment"),
];

/// Errors of every route that takes a body.
const WITH_BODY: [(&str, &str); 2] = [
    ("408", "the body did not arrive in time"),
    ("413", "the body is too large"),
];

/// Adds to every route of `document` the errors that it may answer, in the shape of its API.
pub fn with_errors(mut document: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    for (path, item) in &mut document.paths.paths {
        let (shape, kind) = if path.starts_with("/v1/") {
            ("OpenAiError", "application/json")
        } else {
            ("Problem", "application/problem+json")
        };
        let operations = [&mut item.get, &mut item.post, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            add_errors(operation, shape, kind);
        }
    }
    document
}

fn add_errors(operation: &mut Operation, shape: &str, kind: &str) {
    let with_body = operation.request_body.is_some();
    let all = EVERYWHERE.iter().chain(WITH_BODY.iter().filter(|_| with_body));
    for (status, description) in all {
        let response = RefOr::T(Response::new(*description));
        operation
            .responses
            .responses
            .entry((*status).into())
            .or_insert(response);
    }
    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            response.description = "as asked".into();
        }
        if status.as_str() >= "400" {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(shape))).build();
            response.content.insert(kind.into(), RefOr::T(content));
        }
    }
}
