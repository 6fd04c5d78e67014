//! Conversations of one user: made, listed, named, emptied, deleted; and their messages, page by page.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Role, Store, StoreError, without_nul};
use crate::identity::UserId;

/// A conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Conversation {
    /// Its id.
    #[sqlx(rename = "conversation_id")]
    pub id: Uuid,
    /// Its name, if it was given one.
    pub title: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last spoken in or edited.
    pub updated_at: DateTime<Utc>,
    /// Counts edits; the entity tag.
    #[serde(skip)]
    pub revision: i32,
}

/// A message as a client reads it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Message {
    /// Its place in the conversation, from 1.
    pub seq: i32,
    /// Who wrote it.
    pub role: Role,
    /// What was written.
    pub text: String,
    /// The reply ended before the model did.
    pub partial: bool,
    /// The turn it belongs to.
    pub turn_id: Uuid,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// What became of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited<T> {
    /// It is done; this is how it is now.
    Done(T),
    /// It was edited since the revision that the client saw; this one it has now.
    Stale(i32),
    /// This user has none with this id.
    Missing,
}

const COLUMNS: &str = "conversation_id, title, created_at, updated_at, revision";

impl Store {
    /// Makes a conversation, and the user where this is the first thing it does. None: the id is taken.
    pub async fn create_conversation(
        &self,
        user: UserId,
        id: Uuid,
        title: Option<&str>,
    ) -> Result<Option<Conversation>, StoreError> {
        self.make_user(user).await?;
        let sql = format!(
            "INSERT INTO companion.conversations (user_id, conversation_id, last_seq, title) VALUES ($1, $2, 0, $3)
             ON CONFLICT DO NOTHING RETURNING {COLUMNS}"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(user.as_uuid())
            .bind(id)
            .bind(title.map(without_nul));
        self.within(query.fetch_optional(self.pool())).await
    }

    /// A page of conversations, the newest first, beginning after `after`.
    pub async fn conversations(
        &self,
        user: UserId,
        limit: u32,
        after: Option<(DateTime<Utc>, Uuid)>,
    ) -> Result<Vec<Conversation>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM companion.conversations
             WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (created_at, conversation_id) < ($2, $3))
             ORDER BY created_at DESC, conversation_id DESC LIMIT $4"
        );
        let sql = &sql;
        self.read(|pool| async move {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(sql.as_str()))
                .bind(user.as_uuid())
                .bind(after.map(|(at, _)| at))
                .bind(after.map(|(_, id)| id))
                .bind(i64::from(limit));
            query.fetch_all(&pool).await
        })
        .await
    }

    /// One conversation.
    pub async fn conversation(&self, user: UserId, id: Uuid) -> Result<Option<Conversation>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM companion.conversations WHERE user_id = $1 AND conversation_id = $2");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(user.as_uuid()).bind(id);
        self.within(query.fetch_optional(self.pool())).await
    }

    /// Names a conversation, or takes its name away; only if its revision is still `seen`, where that is given.
    pub async fn rename_conversation(
        &self,
        user: UserId,
        id: Uuid,
        title: Option<&str>,
        seen: Option<i32>,
    ) -> Result<Edited<Conversation>, StoreError> {
        let sql = format!(
            "UPDATE companion.conversations SET title = $3, revision = revision + 1, updated_at = now()
             WHERE user_id = $1 AND conversation_id = $2 AND ($4::integer IS NULL OR revision = $4) RETURNING {COLUMNS}"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(user.as_uuid())
            .bind(id)
            .bind(title.map(without_nul))
            .bind(seen);
        let renamed: Option<Conversation> = self.within(query.fetch_optional(self.pool())).await?;
        match renamed {
            Some(conversation) => Ok(Edited::Done(conversation)),
            None => Ok(match self.conversation(user, id).await? {
                Some(conversation) => Edited::Stale(conversation.revision),
                None => Edited::Missing,
            }),
        }
    }

    /// Forgets the messages of a conversation and keeps the conversation. Its numbers go on rising. False if there is none.
    pub async fn reset_conversation(&self, user: UserId, id: Uuid) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "WITH conversation AS (
                 UPDATE companion.conversations SET updated_at = now() WHERE user_id = $1 AND conversation_id = $2
                 RETURNING user_id, conversation_id
             ), gone AS (
                 DELETE FROM companion.messages m USING conversation c
                 WHERE m.user_id = c.user_id AND m.conversation_id = c.conversation_id
             ), moods AS (
                 DELETE FROM companion.moods m USING companion.turns t, conversation c
                 WHERE m.user_id = t.user_id AND m.turn_id = t.turn_id
                   AND t.user_id = c.user_id AND t.conversation_id = c.conversation_id
             ), summary AS (
                 DELETE FROM companion.summaries s USING conversation c
                 WHERE s.user_id = c.user_id AND s.conversation_id = c.conversation_id
             )
             SELECT FROM conversation",
        )
        .bind(user.as_uuid())
        .bind(id);
        Ok(self.within(query.fetch_optional(self.pool())).await?.is_some())
    }

    /// Deletes a conversation with its messages. What was learned from them stays. False if there is none.
    pub async fn delete_conversation(&self, user: UserId, id: Uuid) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "WITH moods AS (
                 DELETE FROM companion.moods m USING companion.turns t
                 WHERE m.user_id = t.user_id AND m.turn_id = t.turn_id AND t.user_id = $1 AND t.conversation_id = $2
             )
             DELETE FROM companion.conversations WHERE user_id = $1 AND conversation_id = $2",
        )
        .bind(user.as_uuid())
        .bind(id);
        Ok(self.within(query.execute(self.pool())).await?.rows_affected() > 0)
    }

    /// A page of messages, the newest first, with numbers below `before`.
    pub async fn messages(
        &self,
        user: UserId,
        conversation: Uuid,
        limit: u32,
        before: Option<i32>,
    ) -> Result<Vec<Message>, StoreError> {
        self.read(|pool| async move {
            let query = sqlx::query_as(
                "SELECT seq, role, text, partial, turn_id, created_at FROM companion.messages
                 WHERE user_id = $1 AND conversation_id = $2 AND ($3::integer IS NULL OR seq < $3)
                 ORDER BY seq DESC LIMIT $4",
            )
            .bind(user.as_uuid())
            .bind(conversation)
            .bind(before)
            .bind(i64::from(limit));
            query.fetch_all(&pool).await
        })
        .await
    }

    /// Makes the row that everything of a user hangs on.
    pub(crate) async fn make_user(&self, user: UserId) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO companion.users (user_id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(user.as_uuid());
        self.within(query.execute(self.pool())).await.map(|_| ())
    }
}
