//! What the API server takes and the operator does with one resource: one file per matter.

mod budget;
mod children;
mod definition;
mod replicas;
mod samples;
mod secrets;
mod states;
mod unreadable;
