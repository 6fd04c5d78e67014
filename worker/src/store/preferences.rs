//! What a user wants to be called, and where they are.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Edited, Store, StoreError, without_nul};
use crate::identity::UserId;

/// A user's preferences; null where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct Preferences {
    /// What the user is called.
    pub name: Option<String>,
    /// Such as `she/her`.
    pub pronouns: Option<String>,
    /// The language that the companion speaks, as BCP 47 names it: `pt`, `en-GB`.
    pub language: Option<String>,
    /// Where the user's clock is, as IANA names it: `Europe/Lisbon`.
    pub time_zone: Option<String>,
    /// Counts edits; the entity tag. 0 before the first.
    #[serde(skip)]
    pub revision: i32,
}

const COLUMNS: &str = "name, pronouns, language, time_zone, revision";

impl Store {
    /// The preferences of `user`.
    pub async fn preferences(&self, user: UserId) -> Result<Preferences, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM companion.preferences WHERE user_id = $1");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(user.as_uuid());
        let found = self.within(query.fetch_optional(self.pool())).await?;
        Ok(found.unwrap_or_default())
    }

    /// Keeps `wanted`, if what is kept still has the revision in it; else says which it has.
    pub async fn put_preferences(&self, user: UserId, wanted: &Preferences) -> Result<Edited<Preferences>, StoreError> {
        self.make_user(user).await?;
        let sql = format!(
            "WITH first AS (
                 INSERT INTO companion.preferences (user_id, name, pronouns, language, time_zone)
                 SELECT $1, $2, $3, $4, $5 WHERE $6 = 0 ON CONFLICT DO NOTHING RETURNING {COLUMNS}
             ), later AS (
                 UPDATE companion.preferences
                 SET name = $2, pronouns = $3, language = $4, time_zone = $5, revision = revision + 1, updated_at = now()
                 WHERE user_id = $1 AND revision = $6 RETURNING {COLUMNS}
             )
             SELECT * FROM first UNION ALL SELECT * FROM later"
        );
        let text = |value: &Option<String>| value.as_deref().map(without_nul);
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(user.as_uuid())
            .bind(text(&wanted.name))
            .bind(text(&wanted.pronouns))
            .bind(text(&wanted.language))
            .bind(text(&wanted.time_zone))
            .bind(wanted.revision);
        match self.within(query.fetch_optional(self.pool())).await? {
            Some(kept) => Ok(Edited::Done(kept)),
            None => Ok(Edited::Stale(self.preferences(user).await?.revision)),
        }
    }
}
