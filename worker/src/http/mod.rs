//! HTTP: routes, what they take and give, and the server under them. Handlers are thin: they read a request, call one
//! thing, and shape its answer.

mod address;
mod admin;
mod age;
pub mod auth;
mod body;
mod caller;
mod chat;
mod chat_page;
mod chat_request;
mod chat_response;
mod conversations;
mod cors;
mod embeddings;
mod emotions;
mod error;
mod etag;
mod memories;
mod messages;
mod models;
mod openapi;
mod page;
mod preferences;
mod privacy;
mod router;
mod safety;
mod server;
mod sse;
mod support;
mod usage;

pub use address::TrustedProxies;
pub use admin::{Readiness, router as admin_router};
pub use error::ApiError;
pub use router::{document, router};
pub use server::Bound;
