//! The worker's data on a real PostgreSQL with pgvector: migrations, rights of the worker's role, turns, memories, jobs.
//! Each test has a database and two roles of its own. Needs COMPANION_TEST_DATABASE_URL (a superuser) and
//! COMPANION_MODEL_DIR.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod erase;
mod import;
mod jobs;
mod memories;
mod migrations;
mod preflight;
mod summaries;
mod support;
mod turns;
