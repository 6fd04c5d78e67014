//! What an operator of the service can see: metrics, JSON logs, and traces where a collector is named. None of them carries
//! what a user wrote, an id of a user, or a secret.

mod logs;
mod metrics;
pub mod traces;

pub use logs::{start, start_for_a_person};
pub use metrics::Metrics;
