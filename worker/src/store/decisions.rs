//! What was decided for safety, as numbers over all users: for reports, without anybody in them.

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Store, StoreError};

/// Decisions of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct DayDecisions {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// `message` or `reply`.
    pub side: String,
    /// What it was.
    pub label: String,
    /// The way it went.
    pub route: String,
    /// How many.
    pub decisions: i64,
    /// Of how many users.
    pub users: i64,
}

impl Store {
    /// Decisions of the last `days` days, the newest day first.
    pub async fn decisions(&self, days: u32) -> Result<Vec<DayDecisions>, StoreError> {
        self.read(|pool| async move {
            let query = sqlx::query_as(
                "SELECT (created_at AT TIME ZONE 'UTC')::date AS day, side, label, route, count(*) AS decisions,
                        count(DISTINCT user_id) AS users
                 FROM companion.safety_decisions WHERE created_at > now() - make_interval(days => $1)
                 GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4",
            )
            .bind(i32::try_from(days).unwrap_or(i32::MAX));
            query.fetch_all(&pool).await
        })
        .await
    }
}
