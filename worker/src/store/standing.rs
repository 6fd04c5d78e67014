//! What is known of a user's age: that they said to be under 18, and whether their age was verified.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::identity::UserId;

/// What is known of a user's age.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct AgeStanding {
    /// Since when the age is verified; null if it is not.
    pub adult_since: Option<DateTime<Utc>>,
    /// How it was verified: `attestation`.
    pub adult_method: Option<String>,
    /// Since when the user is known to be under 18; null if they never said so.
    pub minor_since: Option<DateTime<Utc>>,
}

/// What became of a try to verify an age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is verified.
    Yes(AgeStanding),
    /// The user said that they are under 18; only a call for support takes that back.
    Minor,
    /// Too many tries within the hour.
    TooMany,
}

/// Tries within an hour.
const TRIES: i32 = 5;

const COLUMNS: &str = "adult_since, adult_method, minor_since";

impl Store {
    /// What is known of the age of `user`.
    pub async fn standing(&self, user: UserId) -> Result<AgeStanding, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM companion.standing WHERE user_id = $1");
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(user.as_uuid());
        let found = self.within(query.fetch_optional(self.pool())).await?;
        Ok(found.unwrap_or_default())
    }

    /// Keeps that `user` said to be under 18, by these phrases. The first time stands.
    pub async fn note_minor(&self, user: UserId, reason: &str) -> Result<(), StoreError> {
        self.make_user(user).await?;
        let query = sqlx::query(
            "INSERT INTO companion.standing AS s (user_id, minor_since, minor_reason) VALUES ($1, now(), $2)
             ON CONFLICT (user_id) DO UPDATE SET minor_since = now(), minor_reason = $2, updated_at = now()
             WHERE s.minor_since IS NULL",
        )
        .bind(user.as_uuid())
        .bind(reason);
        self.within(query.execute(self.pool())).await.map(|_| ())
    }

    /// Counts a try to verify the age of `user`, and keeps it as verified by `method` if the user `is_adult`.
    pub async fn verify_age(&self, user: UserId, method: &str, is_adult: bool) -> Result<Verified, StoreError> {
        self.make_user(user).await?;
        let sql = format!(
            "INSERT INTO companion.standing AS s (user_id, attempts, adult_since, adult_method)
             VALUES ($1, 1, CASE WHEN $3 THEN now() END, CASE WHEN $3 THEN $2 END)
             ON CONFLICT (user_id) DO UPDATE SET
                 attempts = CASE WHEN s.attempts_since < now() - interval '1 hour' THEN 1 ELSE s.attempts + 1 END,
                 attempts_since = CASE WHEN s.attempts_since < now() - interval '1 hour' THEN now() ELSE s.attempts_since END,
                 adult_since = CASE WHEN $3 AND s.minor_since IS NULL
                                     AND (s.attempts < {TRIES} OR s.attempts_since < now() - interval '1 hour')
                                    THEN coalesce(s.adult_since, now()) ELSE s.adult_since END,
                 adult_method = CASE WHEN $3 AND s.minor_since IS NULL
                                      AND (s.attempts < {TRIES} OR s.attempts_since < now() - interval '1 hour')
                                     THEN $2 ELSE s.adult_method END,
                 updated_at = now()
             RETURNING {COLUMNS}, attempts"
        );
        let query = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(user.as_uuid())
            .bind(method)
            .bind(is_adult);
        let tried: Tried = self.within(query.fetch_one(self.pool())).await?;
        Ok(match tried {
            Tried { attempts, .. } if attempts > TRIES => Verified::TooMany,
            Tried { standing, .. } if standing.minor_since.is_some() => Verified::Minor,
            Tried { standing, .. } => Verified::Yes(standing),
        })
    }

    /// Takes the verification back. False if there was none.
    pub async fn revoke_age(&self, user: UserId) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE companion.standing SET adult_since = NULL, adult_method = NULL, updated_at = now()
             WHERE user_id = $1 AND adult_since IS NOT NULL",
        )
        .bind(user.as_uuid());
        Ok(self.within(query.execute(self.pool())).await?.rows_affected() > 0)
    }

    /// Forgets that `user` said to be under 18. False if they never did.
    pub async fn clear_minor(&self, user: UserId) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE companion.standing SET minor_since = NULL, minor_reason = NULL, updated_at = now()
             WHERE user_id = $1 AND minor_since IS NOT NULL",
        )
        .bind(user.as_uuid());
        Ok(self.within(query.execute(self.pool())).await?.rows_affected() > 0)
    }
}

#[derive(sqlx::FromRow)]
struct Tried {
    #[sqlx(flatten)]
    standing: AgeStanding,
    attempts: i32,
}
