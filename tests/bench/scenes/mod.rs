//! One file for each question.

pub mod cached;
mod compared;
pub mod embedder;
pub mod no_embedding;
pub mod open_streams;
pub mod settle;
