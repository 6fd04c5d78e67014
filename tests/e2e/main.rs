//! The main job from end to end: resources applied to a real Kubernetes, and people who chat. One file per story.

mod continuity;
mod jobs;
mod lifecycle;
mod memory;
mod migration;
mod openai;
mod scaling;
