//! Decisions, as plain functions of plain values: no Kubernetes types, no clock, no client.

pub mod attempts;
pub mod autoscaling;
pub mod connections;
pub mod hand_over;
pub mod migration;
pub mod rollout;
