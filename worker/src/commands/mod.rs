//! What the program can be told to do, one file per subcommand.

pub mod classify;
pub mod dev;
pub mod import;
pub mod key;
pub mod leave;
pub mod migrate;
pub mod openapi;
pub mod preflight;
pub mod serve;
mod termination;
pub mod token;
