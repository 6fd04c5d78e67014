//! How a user has been feeling over time: readings with their times in, counts, averages and a trend out. The order in
//! which they come does not matter, their times do.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::label::Emotion;
use super::weigh::Reading;

#[cfg(test)]
mod tests;

/// How much the mean valence of the newer half must differ from that of the older half to be a trend.
const MIN_CHANGE: f32 = 0.25;

/// With fewer readings there is no trend.
const MIN_READINGS: usize = 4;

/// The newest readings that tell whether someone needs attention, and how many of them must be bad.
const NEWEST: usize = 5;
const MIN_BAD: usize = 3;

/// A reading is bad if its emotion is at most this pleasant (all unpleasant ones but confusion) and at least this strong.
const BAD_VALENCE: f32 = -0.5;
const BAD_INTENSITY: f32 = 0.6;

/// What was felt at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub emotion: Emotion,
    /// How strongly, from 0 to 1.
    pub intensity: f32,
}

impl Point {
    /// A reading of a message of that time.
    pub fn new(at: DateTime<Utc>, reading: &Reading) -> Self {
        Self {
            at,
            emotion: reading.emotion,
            intensity: reading.intensity,
        }
    }
}

/// Where someone's mood is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// The newer half of the readings is more pleasant than the older one.
    Improving,
    /// Neither, or too few readings to say.
    Steady,
    /// The newer half of the readings is less pleasant than the older one.
    Worsening,
}

/// What a series of readings says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How often each emotion was read; those never read are left out.
    pub counts: BTreeMap<Emotion, usize>,
    /// Mean of all intensities, 0 if there are no readings.
    pub average_intensity: f32,
    /// The emotion read most often, the more recent one of two; none if there are no readings.
    pub dominant: Option<Emotion>,
    /// Mean valence of the newer half against that of the older half. Of an odd number the one in the middle is in neither.
    pub trend: Trend,
    /// Whether someone should look after the user: at least 3 of the newest 5 readings are bad (an unpleasant emotion other
    /// than confusion, with an intensity of 0.6 or more), or the trend is worsening and the newest reading is sad, lonely or
    /// anxious.
    pub needs_attention: bool,
}

/// Sums up readings, given in any order.
pub fn summary(points: &[Point]) -> Summary {
    let mut points = points.to_vec();
    points.sort_by_key(|point| point.at);
    let mut counts = BTreeMap::new();
    let mut latest = BTreeMap::new();
    for (index, point) in points.iter().enumerate() {
        *counts.entry(point.emotion).or_insert(0) += 1;
        latest.insert(point.emotion, index);
    }
    let dominant = counts
        .iter()
        .max_by_key(|(emotion, count)| (**count, latest.get(emotion)))
        .map(|(emotion, _)| *emotion);
    let trend = trend(&points);
    Summary {
        average_intensity: mean(points.iter().map(strength)),
        dominant,
        trend,
        needs_attention: needs_attention(&points, trend),
        counts,
    }
}

/// Compares the halves of readings in the order of time.
fn trend(points: &[Point]) -> Trend {
    if points.len() < MIN_READINGS {
        return Trend::Steady;
    }
    let half = points.len() / 2;
    let valence = |points: &[Point]| mean(points.iter().map(|point| point.emotion.valence()));
    let change = valence(&points[points.len() - half..]) - valence(&points[..half]);
    match change {
        _ if change >= MIN_CHANGE => Trend::Improving,
        _ if change <= -MIN_CHANGE => Trend::Worsening,
        _ => Trend::Steady,
    }
}

fn needs_attention(points: &[Point], trend: Trend) -> bool {
    let bad = |point: &&Point| point.emotion.valence() <= BAD_VALENCE && strength(point) >= BAD_INTENSITY;
    let low = |point: &Point| matches!(point.emotion, Emotion::Sad | Emotion::Lonely | Emotion::Anxious);
    let mostly_bad = points.iter().rev().take(NEWEST).filter(bad).count() >= MIN_BAD;
    mostly_bad || trend == Trend::Worsening && points.last().is_some_and(low)
}

/// An intensity within its bounds; one that is no number is none.
fn strength(point: &Point) -> f32 {
    if point.intensity.is_finite() {
        point.intensity.clamp(0.0, 1.0)
    } else {
        0.0
    }
}

fn mean(values: impl ExactSizeIterator<Item = f32>) -> f32 {
    let count = values.len();
    if count == 0 {
        0.0
    } else {
        values.sum::<f32>() / count as f32
    }
}
