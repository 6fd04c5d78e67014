//! What one worker does over HTTP, with a real PostgreSQL and Redis: one file per matter.

mod api_keys;
mod auth;
mod bad_input;
mod browsers;
mod chat;
mod conversations;
mod embeddings;
mod ephemeral;
mod limits;
mod memories;
mod metrics;
mod privacy;
mod production;
mod prompt;
mod provider;
mod published_keys;
mod resume;
mod schema;
mod stopping;
mod support;
mod usage;
mod without_parts;
