//! The task that learns from turns of one conversation: reads the messages the user wrote, never the replies and never what
//! was recalled, and stores each fact found in them once.

use graphile_worker::{IntoTaskHandlerResult, TaskHandler, WorkerContext};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::EXTRACT;
use super::queue::{Work, counted};
use crate::identity::UserId;
use crate::memory::{NewMemory, Stored, extract, may_be_kept};
use crate::store::Store;

/// The job's payload.
#[derive(Debug, Serialize, Deserialize)]
pub struct Extract(Vec<Message>);

/// A message, by its ids only.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    user: Uuid,
    epoch: i64,
    conversation: Uuid,
    seq: i32,
}

impl TaskHandler for Extract {
    const IDENTIFIER: &'static str = EXTRACT;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        counted(EXTRACT, &context, |work| async move {
            // One that fails keeps nobody from the others; all are tried again, and none is stored twice.
            let mut done = Ok(());
            for message in self.0 {
                done = done.and(message.extract(&work).await);
            }
            done
        })
        .await
    }
}

impl Message {
    async fn extract(self, work: &Work) -> Result<(), String> {
        let user = UserId::from_uuid(self.user);
        // No such message any more: it was erased, and so is what it could have told.
        let Some(text) = self.text(&work.store).await? else {
            return Ok(());
        };
        for fact in extract::facts(&text) {
            if !may_be_kept(&fact.text) {
                work.metrics.facts.with_label_values(&["refused"]).inc();
                continue;
            }
            let new = NewMemory {
                kind: fact.kind.as_str(),
                text: fact.text,
                source: Some((self.conversation, self.seq)),
                epoch: Some(self.epoch),
            };
            let outcome = match work
                .memories
                .insert(user, new)
                .await
                .map_err(|error| error.to_string())?
            {
                Stored::New(_) => "stored",
                Stored::Known => "duplicate",
            };
            work.metrics.facts.with_label_values(&[outcome]).inc();
        }
        Ok(())
    }

    async fn text(&self, store: &Store) -> Result<Option<String>, String> {
        let query = sqlx::query_scalar(
            "SELECT text FROM companion.messages
             WHERE user_id = $1 AND conversation_id = $2 AND seq = $3 AND role = 'user'",
        )
        .bind(self.user)
        .bind(self.conversation)
        .bind(self.seq);
        store
            .within(query.fetch_optional(store.pool()))
            .await
            .map_err(|error| error.to_string())
    }
}
