//! Messages of one conversation, read back for the prompt when Redis has none.

use chrono::{DateTime, Utc};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Preferences, Store, StoreError};
use crate::identity::UserId;

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, ToSchema, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
pub enum Role {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct StoredMessage {
    /// Its place in the conversation, from 1.
    pub seq: i32,
    /// Who wrote it.
    pub role: Role,
    /// What was written.
    pub text: String,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// Where a turn begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Place {
    /// What the user wants to be called, and where they are.
    #[sqlx(flatten)]
    pub preferences: Preferences,
    /// How often the user was erased; 0 for one that was never here.
    pub epoch: i64,
    /// Number of the conversation's newest message; 0 without one.
    pub last_seq: i64,
    /// What was said before the last messages, in few words.
    pub summary: Option<String>,
    /// The user said that they are under 18.
    pub minor: bool,
    /// Their age was verified.
    pub adult: bool,
}

impl Store {
    /// Where a turn of `user` in this conversation begins.
    pub async fn place(&self, user: UserId, conversation: Option<Uuid>) -> Result<Place, StoreError> {
        let query = sqlx::query_as(
            "SELECT u.epoch, coalesce(c.last_seq, 0)::bigint AS last_seq, s.text AS summary,
                    p.name, p.pronouns, p.language, p.time_zone, coalesce(p.revision, 0) AS revision,
                    u.minor_since IS NOT NULL AS minor, a.adult_since IS NOT NULL AS adult
             FROM companion.users u LEFT JOIN companion.preferences p USING (user_id)
             LEFT JOIN companion.standing a USING (user_id)
             LEFT JOIN companion.conversations c ON c.user_id = u.user_id AND c.conversation_id = $2
             LEFT JOIN companion.summaries s ON s.user_id = u.user_id AND s.conversation_id = $2
             WHERE u.user_id = $1",
        )
        .bind(user.as_uuid())
        .bind(conversation);
        Ok(self
            .within(query.fetch_optional(self.pool()))
            .await?
            .unwrap_or_default())
    }

    /// The newest `limit` messages of a conversation, oldest first. Empty for a conversation that is not this user's.
    pub async fn history(
        &self,
        user: UserId,
        conversation: Uuid,
        limit: u32,
    ) -> Result<Vec<StoredMessage>, StoreError> {
        let query = sqlx::query_as(
            "SELECT seq, role, text, created_at FROM companion.messages
             WHERE user_id = $1 AND conversation_id = $2 AND NOT withheld
             ORDER BY seq DESC LIMIT $3",
        )
        .bind(user.as_uuid())
        .bind(conversation)
        .bind(i64::from(limit));
        let mut newest: Vec<StoredMessage> = self.within(query.fetch_all(self.pool())).await?;
        newest.reverse();
        Ok(newest)
    }
}
