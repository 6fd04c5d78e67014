//! What a text means, beside what its words are: a linear layer over the vector that recall searches by anyway and the
//! patterns' evidence. It was trained on lines of our own (`tests/safety`), and is compiled in as text.
//!
//! It finds what nobody listed, and lets an odd word in a harmless sentence be. It undoes no hard rule: what the patterns call
//! a risk to a minor or without consent stays so, and nothing that they call a crisis becomes harmless unless it is sure.

use std::sync::LazyLock;

use super::decide::{EVIDENCE, Evidence};
use super::label::{Label, Verdict};

/// Length of a text's vector.
const DIMENSIONS: usize = 384;

/// What each label is weighed by: the vector, the evidence, the patterns' label, and one for the bias.
pub const FEATURES: usize = DIMENSIONS + EVIDENCE + Label::ALL.len() + 1;

/// How much a vector of length 1 weighs beside evidence from 0 to 1.
const VECTOR_SCALE: f32 = 4.0;

/// How sure it must be that a text is something else which the patterns call harmless.
const SURELY_NOT_SAFE: f32 = 0.5;

/// How sure it must be that a text is harmless which the patterns call a crisis.
const SURELY_SAFE: f32 = 0.9;

/// Weights by label, in the order of [`Label::ALL`].
#[derive(Clone, Debug, PartialEq)]
pub struct Semantic {
    weights: Vec<Vec<f32>>,
}

static BUILT_IN: LazyLock<Option<Semantic>> =
    LazyLock::new(|| Semantic::parse(include_str!("../../lexicon/safety/semantic.txt")));

impl Semantic {
    /// The layer of this release. A unit test holds that there is one.
    pub fn built_in() -> Option<&'static Self> {
        BUILT_IN.as_ref()
    }

    /// A layer with these weights, by label.
    pub fn new(weights: Vec<Vec<f32>>) -> Option<Self> {
        let fits = weights.len() == Label::ALL.len() && weights.iter().all(|row| row.len() == FEATURES);
        fits.then_some(Self { weights })
    }

    /// Reads what [`Semantic::write`] wrote; `#` begins a comment.
    pub fn parse(text: &str) -> Option<Self> {
        let rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let row = |line: &str| {
            line.split_whitespace()
                .skip(1)
                .map(|number| number.parse().ok())
                .collect()
        };
        Self::new(rows.map(row).collect::<Option<_>>()?)
    }

    /// The weights as text: a line for each label, its name first.
    pub fn write(&self) -> String {
        let line = |(label, row): (&Label, &Vec<f32>)| {
            let numbers: Vec<String> = row.iter().map(|weight| format!("{weight:.3}")).collect();
            format!("{} {}\n", label.as_str(), numbers.join(" "))
        };
        Label::ALL.iter().zip(&self.weights).map(line).collect()
    }

    /// What a text of this vector and evidence is weighed by.
    pub fn features(vector: &[f32], label: Label, evidence: &Evidence) -> Vec<f32> {
        let patterns = Label::ALL.iter().map(|known| if *known == label { 1.0 } else { 0.0 });
        (vector.iter().map(|value| value * VECTOR_SCALE))
            .chain(evidence.values)
            .chain(patterns)
            .chain([1.0])
            .collect()
    }

    /// How likely each label is.
    pub fn probabilities(&self, features: &[f32]) -> [f32; 7] {
        let mut scores = [0.0; 7];
        for (score, row) in scores.iter_mut().zip(&self.weights) {
            *score = row.iter().zip(features).map(|(weight, feature)| weight * feature).sum();
        }
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        scores.iter_mut().for_each(|score| *score = (*score - highest).exp());
        let sum: f32 = scores.iter().sum();
        scores.map(|score| score / sum)
    }

    /// `verdict` with what the text's `vector` says of it.
    pub fn refine(&self, verdict: Verdict, vector: &[f32]) -> Verdict {
        if vector.len() != DIMENSIONS || verdict.label == Label::MinorRisk {
            return verdict;
        }
        let likely = self.probabilities(&Self::features(vector, verdict.label, &verdict.evidence));
        let best =
            (Label::ALL.into_iter().zip(likely)).fold(
                (verdict.label, 0.0),
                |best, next| if next.1 > best.1 { next } else { best },
            );
        let (label, confidence) = best;
        let unsure = match verdict.label {
            Label::Safe => confidence < SURELY_NOT_SAFE,
            Label::Crisis => confidence < SURELY_SAFE,
            // The rule on consent is undone by no later layer.
            Label::Nonconsensual => label < Label::Nonconsensual,
            _ => false,
        };
        if label == verdict.label || unsure {
            return Verdict {
                confidence: verdict.confidence.max(confidence),
                ..verdict
            };
        }
        let mut reasons = verdict.reasons;
        reasons.truncate(3);
        reasons.insert(0, format!("meaning/{}", label.as_str()));
        Verdict {
            label,
            confidence,
            reasons,
            ..verdict
        }
    }
}
