//! What one worker does over HTTP, with a real PostgreSQL and Redis: one file per matter.

mod auth;
mod bad_input;
mod chat;
mod conversations;
mod limits;
mod memories;
mod metrics;
mod privacy;
mod prompt;
mod provider;
mod resume;
mod schema;
mod stopping;
mod without_parts;
