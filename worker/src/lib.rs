//! The stateless chat service. `commands` start it; `http` takes a request in, `turn` leads it along
//! `admit -> perceive + recall -> compose -> generate -> settle`, `jobs` works after the reply.
//!
//! Nothing of a user stays in this process between two requests: any worker can take any of them.

pub mod app;
pub mod commands;
pub mod config;
mod descriptors;
pub mod http;
pub mod identity;
pub mod jobs;
mod link;
pub mod llm;
pub mod memory;
pub mod mind;
pub mod outbound;
pub mod reply_cache;
pub mod safety;
pub mod session;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod turn;
