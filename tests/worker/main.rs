//! What one worker does over HTTP, with a real PostgreSQL and Redis: one file per matter.

mod auth;
mod bad_input;
mod chat;
mod limits;
mod memories;
mod prompt;
mod provider;
mod schema;
mod stopping;
mod without_parts;
