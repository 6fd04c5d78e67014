//! Moods over time, and what is said of them.

use chrono::{DateTime, Utc};

use super::super::label::Emotion::{self, Angry, Anxious, Happy, Lonely, Neutral, Sad};
use super::{Point, Trend, summary};

fn points(felt: &[(Emotion, f32)]) -> Vec<Point> {
    let at = |hour: usize| DateTime::<Utc>::from_timestamp(hour as i64 * 3_600, 0).expect("a time");
    let point = |(hour, (emotion, intensity)): (usize, &(Emotion, f32))| Point {
        at: at(hour),
        emotion: *emotion,
        intensity: *intensity,
    };
    felt.iter().enumerate().map(point).collect()
}

#[test]
fn a_mood_that_lifts_improves_whatever_the_order_of_the_readings() {
    let mut readings = points(&[(Sad, 0.8), (Sad, 0.7), (Neutral, 0.0), (Happy, 0.5), (Happy, 0.6)]);
    assert_eq!(summary(&readings).trend, Trend::Improving);
    readings.reverse();
    assert_eq!(summary(&readings).trend, Trend::Improving);
    readings.swap(0, 3);
    assert_eq!(summary(&readings).trend, Trend::Improving);
}

#[test]
fn a_mood_that_falls_worsens_and_needs_attention_if_it_ends_low() {
    let falling = summary(&points(&[(Happy, 0.5), (Happy, 0.5), (Neutral, 0.0), (Lonely, 0.4)]));
    assert_eq!(falling.trend, Trend::Worsening);
    assert!(falling.needs_attention);
    let angry = summary(&points(&[(Happy, 0.5), (Happy, 0.5), (Neutral, 0.0), (Angry, 0.4)]));
    assert_eq!(angry.trend, Trend::Worsening);
    assert!(!angry.needs_attention);
}

#[test]
fn three_strong_bad_readings_of_the_newest_five_need_attention() {
    let strong = [
        (Happy, 0.5),
        (Sad, 0.6),
        (Neutral, 0.0),
        (Anxious, 0.7),
        (Happy, 0.5),
        (Angry, 0.9),
    ];
    assert!(summary(&points(&strong)).needs_attention);
    let weak = [
        (Sad, 0.5),
        (Neutral, 0.0),
        (Anxious, 0.5),
        (Happy, 0.5),
        (Angry, 0.5),
        (Happy, 0.5),
    ];
    assert!(!summary(&points(&weak)).needs_attention);
    let long_ago = [
        (Sad, 0.9),
        (Sad, 0.9),
        (Sad, 0.9),
        (Happy, 0.5),
        (Happy, 0.5),
        (Happy, 0.5),
        (Neutral, 0.0),
    ];
    assert!(!summary(&points(&long_ago)).needs_attention);
}

#[test]
fn few_readings_are_no_trend() {
    assert_eq!(
        summary(&points(&[(Happy, 1.0), (Neutral, 0.0), (Sad, 1.0)])).trend,
        Trend::Steady
    );
    let none = summary(&[]);
    assert_eq!(
        (none.trend, none.dominant, none.needs_attention),
        (Trend::Steady, None, false)
    );
    assert_eq!(none.average_intensity, 0.0);
}

#[test]
fn counts_averages_and_the_dominant_emotion_are_of_all_readings() {
    let mixed = summary(&points(&[
        (Sad, 0.4),
        (Happy, 0.6),
        (Sad, 0.8),
        (Happy, f32::NAN),
        (Neutral, 0.2),
    ]));
    assert_eq!(mixed.counts.get(&Sad), Some(&2));
    assert_eq!(mixed.counts.get(&Lonely), None);
    assert!((mixed.average_intensity - 0.4).abs() < 1e-6);
    assert_eq!(mixed.dominant, Some(Happy), "of two the more recent one");
}
