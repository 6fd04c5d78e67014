//! The task that adds the vectors which a user's memories lack, because the embedder was late or failed when they were stored.

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::VECTORS;
use super::queue::counted;
use crate::identity::UserId;

/// The job's payload.
#[derive(Debug, Serialize, Deserialize)]
pub struct Vectors(Vec<Lacking>);

/// Whose memories lack one; all of a job are one user's.
#[derive(Debug, Serialize, Deserialize)]
struct Lacking {
    user: Uuid,
}

impl TaskHandler for Vectors {
    const IDENTIFIER: &'static str = VECTORS;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        counted(VECTORS, &context, |work| async move {
            let Some(Lacking { user }) = self.0.first() else {
                return Ok(());
            };
            let filled = work.memories.fill_vectors(UserId::from_uuid(*user)).await;
            filled.map(drop).map_err(|error| error.to_string())
        })
        .await
    }
}
