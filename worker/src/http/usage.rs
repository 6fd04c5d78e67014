//! `GET /api/v1/usage`: what the caller's turns cost, by day and way, and in all.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use chrono::{Days, NaiveDate, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::store::DayUsage;

use super::ApiError;
use super::caller::Caller;
use super::openapi::UsageParams;

/// Days that are told of, unless asked otherwise.
const USUAL: u64 = 30;
/// Most days of one answer.
const MOST: i64 = 366;

/// What the caller's turns cost.
#[derive(Serialize, ToSchema)]
pub struct UsageReport {
    from: NaiveDate,
    to: NaiveDate,
    days: Vec<DayUsage>,
    total: TotalUsage,
}

/// All days together.
#[derive(Serialize, ToSchema)]
pub struct TotalUsage {
    turns: i64,
    prompt_tokens: i64,
    cached_tokens: i64,
    completion_tokens: i64,
    cost_microdollars: i64,
}

/// What the caller's turns cost from one day to another.
#[utoipa::path(
    get,
    path = "/api/v1/usage",
    operation_id = "usage",
    tag = "usage",
    params(UsageParams),
    responses((status = 200, body = UsageReport)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<UsageReport>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let (from, to) = span(&query, Utc::now().date_naive())?;
    let days = app.store.usage(user, from, to).await?;
    let sum = |part: fn(&DayUsage) -> i64| days.iter().map(part).sum::<i64>();
    let total = TotalUsage {
        turns: sum(|day| day.turns),
        prompt_tokens: sum(|day| day.prompt_tokens),
        cached_tokens: sum(|day| day.cached_tokens),
        completion_tokens: sum(|day| day.completion_tokens),
        cost_microdollars: sum(|day| day.cost_microdollars),
    };
    Ok(Json(UsageReport { from, to, days, total }))
}

/// The days asked for, both included.
fn span(query: &HashMap<String, String>, today: NaiveDate) -> Result<(NaiveDate, NaiveDate), ApiError> {
    let day = |name: &str| match query.get(name).map(|text| text.parse::<NaiveDate>()) {
        None => Ok(None),
        Some(Ok(day)) => Ok(Some(day)),
        Some(Err(_)) => Err(ApiError::field(name, "must be a day, such as 2026-11-24")),
    };
    let to = day("to")?.unwrap_or(today);
    let from = match day("from")? {
        Some(from) => from,
        None => to.checked_sub_days(Days::new(USUAL - 1)).unwrap_or(to),
    };
    let days = to.signed_duration_since(from).num_days() + 1;
    if !(1..=MOST).contains(&days) {
        return Err(ApiError::field(
            "from",
            format!("must be at most {MOST} days before to, and not after it"),
        ));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_bounded_and_a_wrong_one_is_named() {
        let today = "2026-11-24".parse().unwrap();
        let read = |pairs: &[(&str, &str)]| {
            let query = pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect();
            span(&query, today)
                .map(|(from, to)| format!("{from} {to}"))
                .map_err(|error| error.field.unwrap_or_default())
        };
        assert_eq!(read(&[]).unwrap(), "2026-10-26 2026-11-24");
        assert_eq!(read(&[("from", "2026-11-24")]).unwrap(), "2026-11-24 2026-11-24");
        assert_eq!(read(&[("to", "2025-01-30")]).unwrap(), "2025-01-01 2025-01-30");
        for (query, field) in [
            ([("from", "yesterday"), ("to", "2026-11-24")], "from"),
            ([("from", "2026-11-24"), ("to", "tomorrow")], "to"),
            ([("from", "2026-11-25"), ("to", "2026-11-24")], "from"),
            ([("from", "2025-11-23"), ("to", "2026-11-24")], "from"),
            ([("from", "-262143-01-01"), ("to", "2026-11-24")], "from"),
        ] {
            assert_eq!(read(&query).unwrap_err(), field, "{query:?}");
        }
        assert_eq!(read(&[("from", "2025-11-24")]).unwrap(), "2025-11-24 2026-11-24");
    }
}
