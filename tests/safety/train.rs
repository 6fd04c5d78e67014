//! Trains the layer that weighs what a text means (`worker/src/safety/semantic.rs`): `train-safety MODEL FILE...` reads labelled
//! lines, and writes the weights to standard output, the figures to standard error. Softmax regression with an L2 penalty, by
//! Adam over all lines at once: the same lines give the same weights.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs
)]

use std::path::PathBuf;
use std::time::Duration;

use companion_worker::memory::Embedder;
use companion_worker::safety::semantic::{FEATURES, Semantic};
use companion_worker::safety::{Classifier, Label};

const LABELS: usize = Label::ALL.len();
const STEPS: usize = 800;
const STEP: f32 = 0.02;
/// Weight of the penalty beside the mean loss, times the number of lines.
const PENALTY: f32 = 1.0 / 0.3;
/// The year in which the lines were written: ages are reckoned by it.
const YEAR: u32 = 2026;

struct Line {
    features: Vec<f32>,
    label: usize,
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let model = PathBuf::from(arguments.next().expect("usage: train-safety MODEL FILE..."));
    let embedder = Embedder::load(&model, 2).expect("the embedding model can be loaded");
    let classifier = Classifier::default();
    let mut lines = Vec::new();
    for file in arguments {
        for line in std::fs::read_to_string(&file).expect("a file can be read").lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
            let text = line["text"].as_str().expect("a line has a text").to_owned();
            let label: Label = serde_json::from_value(line["label"].clone()).expect("a line has a label");
            let verdict = classifier.classify(&text, YEAR);
            let embedding = embedder
                .embed(text, Duration::from_secs(60))
                .await
                .expect("a text can be embedded");
            lines.push(Line {
                features: Semantic::features(&embedding.vector, verdict.label, &verdict.evidence),
                label: Label::ALL.iter().position(|known| *known == label).expect("a label"),
            });
        }
    }
    let semantic = train(&lines);
    let right = lines.iter().filter(|line| best(&semantic, line) == line.label).count();
    eprintln!(
        "{} lines, {:.3} of them right",
        lines.len(),
        right as f32 / lines.len() as f32
    );
    print!(
        "# Trained by tests/safety/train.rs on {} lines: make safety-model.\n{}",
        lines.len(),
        semantic.write()
    );
}

fn best(semantic: &Semantic, line: &Line) -> usize {
    let likely = semantic.probabilities(&line.features);
    (0..LABELS).fold(0, |best, next| if likely[next] > likely[best] { next } else { best })
}

fn train(lines: &[Line]) -> Semantic {
    let mut weights = vec![vec![0.0_f32; FEATURES]; LABELS];
    let (mut first, mut second) = (weights.clone(), weights.clone());
    let count = lines.len() as f32;
    for step in 1..=STEPS {
        let semantic = Semantic::new(weights.clone()).expect("the weights fit");
        let mut gradient = vec![vec![0.0_f32; FEATURES]; LABELS];
        for line in lines {
            let likely = semantic.probabilities(&line.features);
            for label in 0..LABELS {
                let error = likely[label] - if label == line.label { 1.0 } else { 0.0 };
                for (slope, feature) in gradient[label].iter_mut().zip(&line.features) {
                    *slope += error * feature;
                }
            }
        }
        let rate = STEP * 0.5 * (1.0 + (std::f32::consts::PI * step as f32 / STEPS as f32).cos());
        let corrections = (1.0 - 0.9_f32.powi(step as i32), 1.0 - 0.999_f32.powi(step as i32));
        for label in 0..LABELS {
            for at in 0..FEATURES {
                let slope = (gradient[label][at] + PENALTY * weights[label][at]) / count;
                first[label][at] = 0.9 * first[label][at] + 0.1 * slope;
                second[label][at] = 0.999 * second[label][at] + 0.001 * slope * slope;
                let (mean, spread) = (first[label][at] / corrections.0, second[label][at] / corrections.1);
                weights[label][at] -= rate * mean / (spread.sqrt() + 1e-8);
            }
        }
    }
    Semantic::new(weights).expect("the weights fit")
}
