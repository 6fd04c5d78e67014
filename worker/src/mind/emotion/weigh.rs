//! Everything that a message shows in, one reading out: the emotion with the most behind it, the later of two that are as
//! strong. Praise next to a mark of irony is no joy.

use serde::{Deserialize, Serialize};

use super::context::Shown;
use super::label::Emotion;

/// Below this nothing is felt.
const MIN_SCORE: f32 = 0.32;

/// Expressions that a reading names.
const MAX_EVIDENCE: usize = 3;

/// Characters of an expression that a reading names.
const MAX_EVIDENCE_LENGTH: usize = 40;

/// What a message says about how its writer feels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The strongest emotion, [`Emotion::Neutral`] if there is none.
    pub emotion: Emotion,
    /// How sure that is, from 0 to 1.
    pub confidence: f32,
    /// How strongly it is felt, from 0 to 1; 0 if it is neutral.
    pub intensity: f32,
    /// The expressions that decided, as they stand in the message: at most 3, each of at most 40 characters.
    pub evidence: Vec<String>,
}

/// Weighs what was shown in this message.
pub fn weigh(text: &str, shown: &[Shown]) -> Reading {
    let ironic = shown.iter().any(|one| one.ironic);
    let mut weights = [Weight::default(); Emotion::ALL.len()];
    for one in shown {
        let meant = if ironic && one.emotion.valence() > 0.0 {
            Emotion::Frustrated
        } else {
            one.emotion
        };
        weights[meant as usize].add(one, meant == one.emotion);
    }
    let total = |emotion: Emotion| weights[emotion as usize].total();
    // The later one of two equals: `max_by` keeps the last, so they are put in the order of the message.
    let mut ranked = Emotion::ALL.map(|emotion| (emotion, total(emotion), weights[emotion as usize].last));
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then(other.2.cmp(&one.2)));
    let [(emotion, first, _), (_, second, _), ..] = ranked;
    if first < MIN_SCORE {
        return Reading {
            emotion: Emotion::Neutral,
            confidence: 0.9 - first,
            intensity: 0.0,
            evidence: Vec::new(),
        };
    }
    let Weight { intensity, count, .. } = weights[emotion as usize];
    let repeated = 0.05 * (count.saturating_sub(1)).min(3) as f32;
    Reading {
        emotion,
        confidence: (first.min(1.0) * (1.0 - 0.5 * second / first)).clamp(0.05, 0.99),
        intensity: (intensity + repeated).clamp(0.05, 1.0),
        evidence: evidence(text, shown, emotion),
    }
}

/// What speaks for one emotion.
#[derive(Clone, Copy, Default)]
struct Weight {
    strongest: f32,
    sum: f32,
    intensity: f32,
    count: usize,
    last: usize,
}

impl Weight {
    fn add(&mut self, one: &Shown, meant: bool) {
        let score = if meant { one.score } else { 0.5 * one.score };
        self.strongest = self.strongest.max(score);
        self.sum += score;
        self.intensity = self.intensity.max(one.intensity);
        self.count += 1;
        self.last = self.last.max(one.end);
    }

    /// The strongest expression counts whole, the others add to it.
    fn total(&self) -> f32 {
        self.strongest + 0.35 * (self.sum - self.strongest).min(1.0)
    }
}

/// The strongest expressions of an emotion, in the order of the message.
fn evidence(text: &str, shown: &[Shown], emotion: Emotion) -> Vec<String> {
    let mut decided: Vec<&Shown> = shown.iter().filter(|one| one.emotion == emotion).collect();
    decided.sort_by(|one, other| other.score.total_cmp(&one.score));
    decided.truncate(MAX_EVIDENCE);
    decided.sort_by_key(|one| one.start);
    let mut named: Vec<String> = Vec::new();
    for one in decided {
        let expression: String = text[one.start..one.end].chars().take(MAX_EVIDENCE_LENGTH).collect();
        if !named.contains(&expression) {
            named.push(expression);
        }
    }
    named
}
