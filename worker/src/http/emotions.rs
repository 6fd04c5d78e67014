//! `/api/v1/emotions`: how the user's messages sounded, and what that comes to.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use chrono::{TimeDelta, Utc};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::app::App;
use crate::mind::emotion::Emotion;
use crate::mind::emotion::trend::{Point, Trend, summary};
use crate::store::StoredMood;

use super::ApiError;
use super::caller::Caller;
use super::openapi::PageParams;
use super::page::{PageQuery, cut};

/// Days that statistics look back on, by default and at most.
const DAYS: i64 = 30;
const MOST_DAYS: i64 = 365;
/// Moods that statistics are made of, the newest.
const MOST: u32 = 1_000;

/// Some of the moods.
#[derive(Serialize, ToSchema)]
pub struct MoodPage {
    moods: Vec<StoredMood>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// What the moods come to.
#[derive(Serialize, ToSchema)]
pub struct MoodStatistics {
    /// Days looked back on.
    days: i64,
    /// Messages that sounded like something, by emotion.
    counts: BTreeMap<&'static str, usize>,
    /// 0 to 1.
    average_intensity: f32,
    /// The most frequent one.
    dominant: Option<&'static str>,
    /// `improving`, `steady` or `worsening`.
    trend: &'static str,
    /// Somebody should ask how the user is.
    needs_attention: bool,
}

/// How far to look back.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document's shape")]
pub struct DaysParams {
    /// How many days.
    #[param(minimum = 1, maximum = 365)]
    days: Option<u32>,
}

/// A page of moods, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/emotions",
    operation_id = "list_emotions",
    tag = "senses",
    params(PageParams),
    responses((status = 200, body = MoodPage)),
)]
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<MoodPage>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let page = PageQuery::<Uuid>::read(&query)?;
    let mut moods = app.store.moods(user, page.limit + 1, page.cursor).await?;
    let next_cursor = cut(&mut moods, page.limit, |last: &StoredMood| last.turn_id.to_string());
    Ok(Json(MoodPage { moods, next_cursor }))
}

/// What the moods of the last days come to.
#[utoipa::path(
    get,
    path = "/api/v1/emotions/statistics",
    operation_id = "emotion_statistics",
    tag = "senses",
    params(DaysParams),
    responses((status = 200, body = MoodStatistics)),
)]
pub async fn statistics(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<MoodStatistics>, ApiError> {
    let user = caller.within_limits(&app).await?;
    let days = days(&query, DAYS)?;
    let moods = app
        .store
        .moods_since(user, Utc::now() - TimeDelta::days(days), MOST)
        .await?;
    let points: Vec<Point> = moods.iter().filter_map(point).collect();
    let summary = summary(&points);
    Ok(Json(MoodStatistics {
        days,
        counts: summary
            .counts
            .iter()
            .map(|(emotion, count)| (emotion.as_str(), *count))
            .collect(),
        average_intensity: summary.average_intensity,
        dominant: summary.dominant.map(Emotion::as_str),
        trend: match summary.trend {
            Trend::Improving => "improving",
            Trend::Steady => "steady",
            Trend::Worsening => "worsening",
        },
        needs_attention: summary.needs_attention,
    }))
}

/// Forgets how the user's messages sounded.
#[utoipa::path(
    delete,
    path = "/api/v1/emotions",
    operation_id = "forget_emotions",
    tag = "senses",
    responses((status = 204, description = "they are forgotten")),
)]
pub async fn forget(State(app): State<Arc<App>>, caller: Caller) -> Result<StatusCode, ApiError> {
    let user = caller.within_limits(&app).await?;
    app.store.forget_moods(user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The days in `query`.
pub fn days(query: &HashMap<String, String>, default: i64) -> Result<i64, ApiError> {
    let Some(text) = query.get("days") else {
        return Ok(default);
    };
    let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.ok_or_else(|| ApiError::field("days", format!("must be a number from 1 to {MOST_DAYS}")))
}

fn point(mood: &StoredMood) -> Option<Point> {
    Some(Point {
        at: mood.created_at,
        emotion: Emotion::named(&mood.emotion)?,
        intensity: mood.intensity,
    })
}
