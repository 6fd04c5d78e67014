//! Summaries of conversations: what is to be summed up, and the summary as it is kept. What was erased, or taken out of its
//! conversation, while a summary was being made is in none.

use uuid::Uuid;

use super::{Role, Store, StoreError, without_nul};
use crate::identity::UserId;

/// Most messages of one summary.
const MOST: i64 = 60;

/// What is to be summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsummarised {
    /// The summary that there is.
    pub summary: Option<String>,
    /// The last message in it; 0 without one.
    pub through: i32,
    /// The messages after it, oldest first.
    pub messages: Vec<(i32, Role, String)>,
}

impl Store {
    /// What of a conversation is in no summary, but for its last `keep` messages.
    pub async fn unsummarised(&self, user: UserId, conversation: Uuid, keep: u32) -> Result<Unsummarised, StoreError> {
        let query = sqlx::query_as(
            "SELECT text, through_seq FROM companion.summaries WHERE user_id = $1 AND conversation_id = $2",
        )
        .bind(user.as_uuid())
        .bind(conversation);
        let known: Option<(String, i32)> = self.within(query.fetch_optional(self.pool())).await?;
        let (summary, through) = known.map_or((None, 0), |(text, through)| (Some(text), through));
        let query = sqlx::query_as(
            "SELECT m.seq, m.role, m.text FROM companion.messages m
             JOIN companion.conversations c USING (user_id, conversation_id)
             WHERE user_id = $1 AND conversation_id = $2 AND m.seq > $3 AND m.seq <= c.last_seq - $4 AND NOT m.withheld
             ORDER BY m.seq LIMIT $5",
        )
        .bind(user.as_uuid())
        .bind(conversation)
        .bind(through)
        .bind(i64::from(keep))
        .bind(MOST);
        let messages = self.within(query.fetch_all(self.pool())).await?;
        Ok(Unsummarised {
            summary,
            through,
            messages,
        })
    }

    /// Keeps a summary up to the message `upto`, if the one that it goes on from still ends with `through`, the user was not
    /// erased since `epoch`, and the messages are still there. Says whether it is kept.
    pub async fn put_summary(
        &self,
        user: UserId,
        epoch: i64,
        conversation: Uuid,
        (through, upto): (i32, i32),
        text: &str,
    ) -> Result<bool, StoreError> {
        let put = async {
            let mut transaction = self.pool().begin().await?;
            // Waits for an erasure or a reset that is under way; the statement after it sees what they left.
            let there: Option<(i64,)> = sqlx::query_as(
                "SELECT u.epoch FROM companion.users u JOIN companion.conversations c USING (user_id)
                 WHERE user_id = $1 AND epoch = $2 AND conversation_id = $3 FOR SHARE",
            )
            .bind(user.as_uuid())
            .bind(epoch)
            .bind(conversation)
            .fetch_optional(&mut *transaction)
            .await?;
            if there.is_none() {
                return Ok(false);
            }
            let put = sqlx::query(
                "INSERT INTO companion.summaries AS s (user_id, conversation_id, through_seq, text)
                 SELECT user_id, conversation_id, seq, $5 FROM companion.messages
                 WHERE user_id = $1 AND conversation_id = $2 AND seq = $4
                   AND coalesce((SELECT through_seq FROM companion.summaries
                                 WHERE user_id = $1 AND conversation_id = $2), 0) = $3
                 ON CONFLICT (user_id, conversation_id) DO UPDATE
                 SET through_seq = excluded.through_seq, text = excluded.text, updated_at = now() WHERE s.through_seq = $3",
            )
            .bind(user.as_uuid())
            .bind(conversation)
            .bind(through)
            .bind(upto)
            .bind(without_nul(text))
            .execute(&mut *transaction)
            .await?;
            transaction.commit().await?;
            Ok(put.rows_affected() > 0)
        };
        self.within(put).await
    }
}
