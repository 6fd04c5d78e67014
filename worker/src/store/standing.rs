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

const STANDING: &str = "
SELECT a.adult_since, a.adult_method, u.minor_since FROM companion.users u LEFT JOIN companion.standing a USING (user_id)
WHERE u.user_id = $1";

/// Counts a try. Who is a minor, or has tried too often, stays as they are.
const TRY: &str = "
WITH now AS (
    SELECT u.user_id, u.minor_since,
           CASE WHEN a.attempts_since > now() - interval '1 hour' THEN a.attempts + 1 ELSE 1 END AS attempt
    FROM companion.users u LEFT JOIN companion.standing a USING (user_id) WHERE u.user_id = $1
), tried AS (
    INSERT INTO companion.standing AS s (user_id, attempts, adult_since, adult_method)
    SELECT user_id, attempt, CASE WHEN good THEN now() END, CASE WHEN good THEN $2 END
    FROM (SELECT *, $3::boolean AND minor_since IS NULL AND attempt <= $4 AS good FROM now) AS one
    ON CONFLICT (user_id) DO UPDATE SET
        attempts = excluded.attempts,
        attempts_since = CASE WHEN excluded.attempts = 1 THEN now() ELSE s.attempts_since END,
        adult_since = CASE WHEN excluded.adult_since IS NULL THEN s.adult_since ELSE coalesce(s.adult_since, now()) END,
        adult_method = coalesce(excluded.adult_method, s.adult_method),
        updated_at = now()
    RETURNING adult_since, adult_method, attempts
)
SELECT tried.*, now.minor_since FROM tried, now";

impl Store {
    /// What is known of the age of `user`.
    pub async fn standing(&self, user: UserId) -> Result<AgeStanding, StoreError> {
        let query = sqlx::query_as(STANDING).bind(user.as_uuid());
        let found = self.within(query.fetch_optional(self.pool())).await?;
        Ok(found.unwrap_or_default())
    }

    /// Keeps that `user` said to be under 18, unless they were erased since `epoch`. The first time stands.
    pub async fn note_minor(&self, user: UserId, epoch: Option<i64>) -> Result<(), StoreError> {
        self.make_user(user).await?;
        let query = sqlx::query(
            "UPDATE companion.users SET minor_since = now()
             WHERE user_id = $1 AND minor_since IS NULL AND ($2::bigint IS NULL OR epoch = $2)",
        )
        .bind(user.as_uuid())
        .bind(epoch);
        self.within(query.execute(self.pool())).await.map(|_| ())
    }

    /// Counts a try to verify the age of `user`, and keeps it as verified by `method` if the user `is_adult`.
    pub async fn verify_age(&self, user: UserId, method: &str, is_adult: bool) -> Result<Verified, StoreError> {
        self.make_user(user).await?;
        let query = sqlx::query_as(TRY)
            .bind(user.as_uuid())
            .bind(method)
            .bind(is_adult)
            .bind(TRIES);
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
        let query =
            sqlx::query("UPDATE companion.users SET minor_since = NULL WHERE user_id = $1 AND minor_since IS NOT NULL")
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
