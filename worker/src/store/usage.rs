//! What users' turns cost, by day and way. Turns that are stored are counted where they are settled; those of which nothing
//! else is stored are counted here.

use std::sync::LazyLock;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Store, StoreError};
use crate::identity::UserId;
use crate::llm::Usage;

/// What a turn cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    /// The way it took, by the route's name.
    pub route: String,
    /// Who replied.
    pub provider: String,
    /// Which model replied.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// Millionths of a dollar, by the price list.
    pub cost: u64,
}

/// What one user's turns of one day cost that took one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct DayUsage {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// The route.
    pub route: String,
    /// Who replied.
    pub provider: String,
    /// Which model replied.
    pub model: String,
    /// Turns.
    pub turns: i64,
    /// Tokens read.
    pub prompt_tokens: i64,
    /// Those of them that the provider had cached.
    pub cached_tokens: i64,
    /// Tokens written.
    pub completion_tokens: i64,
    /// Millionths of a dollar, by the price list.
    pub cost_microdollars: i64,
}

/// What a counting statement ends with, after it selected one row: user, route, provider, model, turns, tokens and cost.
pub(super) const ADD: &str = "
INSERT INTO companion.usage AS u (user_id, day, route, provider, model, turns,
                                  prompt_tokens, completion_tokens, cached_tokens, cost_microdollars)
SELECT user_id, (now() AT TIME ZONE 'UTC')::date, route, provider, model, turns, prompt, completion, cached, cost FROM spent
ON CONFLICT (user_id, day, route, provider, model) DO UPDATE SET
    turns = u.turns + excluded.turns, prompt_tokens = u.prompt_tokens + excluded.prompt_tokens,
    completion_tokens = u.completion_tokens + excluded.completion_tokens,
    cached_tokens = u.cached_tokens + excluded.cached_tokens,
    cost_microdollars = u.cost_microdollars + excluded.cost_microdollars";

/// A user who was never here is made: whoever only asks for what is not kept spends all the same.
static COUNT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "
WITH owner AS (
    INSERT INTO companion.users AS u (user_id) VALUES ($1) ON CONFLICT (user_id) DO UPDATE SET epoch = u.epoch
    RETURNING user_id
), spent AS (
    SELECT user_id, $2 AS route, $3 AS provider, $4 AS model, $5 AS prompt, $6 AS completion, $7 AS cached, $8 AS cost,
           $9 AS turns FROM owner
)
{ADD}"
    )
});

const LIST: &str = "
SELECT day, route, provider, model, turns, prompt_tokens, cached_tokens, completion_tokens, cost_microdollars
FROM companion.usage WHERE user_id = $1 AND day BETWEEN $2 AND $3 ORDER BY day, route, provider, model";

impl Store {
    /// Counts a turn of which nothing else is stored.
    pub async fn count_usage(&self, user: UserId, spent: &Spent) -> Result<(), StoreError> {
        self.count(user, spent, 1).await
    }

    /// Counts work for `user` that is no turn.
    pub async fn count_work(&self, user: UserId, spent: &Spent) -> Result<(), StoreError> {
        self.count(user, spent, 0).await
    }

    /// Tokens that work for `user` on `route` has cost today.
    pub async fn tokens_today(&self, user: UserId, route: &str) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT coalesce(sum(prompt_tokens + completion_tokens), 0)::bigint FROM companion.usage
             WHERE user_id = $1 AND route = $2 AND day = (now() AT TIME ZONE 'UTC')::date",
        )
        .bind(user.as_uuid())
        .bind(route);
        let tokens: i64 = self.within(query.fetch_one(self.pool())).await?;
        Ok(u64::try_from(tokens).unwrap_or(0))
    }

    async fn count(&self, user: UserId, spent: &Spent, turns: i64) -> Result<(), StoreError> {
        let query = sqlx::query(COUNT.as_str())
            .bind(user.as_uuid())
            .bind(&spent.route)
            .bind(&spent.provider)
            .bind(&spent.model)
            .bind(count(spent.usage.prompt))
            .bind(count(spent.usage.completion))
            .bind(count(spent.usage.cached))
            .bind(amount(spent.cost))
            .bind(turns);
        self.within(query.execute(self.pool())).await.map(drop)
    }

    /// What a user's turns cost from the day `from` to the day `to`, both included.
    pub async fn usage(&self, user: UserId, from: NaiveDate, to: NaiveDate) -> Result<Vec<DayUsage>, StoreError> {
        self.read(|pool| async move {
            let query = sqlx::query_as(LIST).bind(user.as_uuid()).bind(from).bind(to);
            query.fetch_all(&pool).await
        })
        .await
    }
}

/// PostgreSQL has no unsigned integers; a provider's absurd count must not fail the turn.
pub(super) fn count(tokens: u32) -> i32 {
    i32::try_from(tokens).unwrap_or(i32::MAX)
}

/// Nor a sum of money that it cannot hold.
pub(super) fn amount(microdollars: u64) -> i64 {
    i64::try_from(microdollars).unwrap_or(i64::MAX)
}
