//! The companion's senses: what a message sounds like. Each of them reads a message by patterns, without a model and without I/O.

pub mod emotion;
