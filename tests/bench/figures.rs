//! Histograms of one side of a comparison, and the rows that the table is made of.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use crate::asking::Heard;

/// Three digits from a microsecond to ten minutes.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000, 3).unwrap()
}

/// Times of one side, in microseconds.
pub struct Times {
    /// Until the first piece of text.
    pub first_token: Histogram<u64>,
    /// Until the last piece of text.
    pub last_delta: Histogram<u64>,
    /// Between two pieces.
    pub gaps: Histogram<u64>,
    /// Until `[DONE]`, which a worker says once the turn is stored.
    pub done: Histogram<u64>,
    /// Between being due and leaving.
    pub late: Histogram<u64>,
}

/// One line of the table.
pub struct Row {
    /// The scene.
    pub scene: &'static str,
    /// What is measured.
    pub what: String,
    /// The figure, by name; milliseconds unless the name says otherwise.
    pub figures: Vec<(&'static str, f64)>,
    /// The name of the figure that has a goal, and the goal.
    pub goal: Option<Goal>,
    /// What else is to be known.
    pub note: String,
}

/// What a figure is to be.
#[derive(Clone, Copy)]
pub enum Goal {
    /// The figure of this name is below this.
    Below(&'static str, f64),
    /// The figure of this name is above this.
    Above(&'static str, f64),
}

impl Times {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            first_token: histogram(),
            last_delta: histogram(),
            gaps: histogram(),
            done: histogram(),
            late: histogram(),
        }
    }

    /// Adds a stream that was due at `due` and left `late`.
    pub fn add(&mut self, due: Instant, late: Duration, heard: &Heard) {
        let since = |then: Instant| micros(then.saturating_duration_since(due));
        record(&mut self.first_token, since(heard.deltas[0]));
        record(&mut self.last_delta, since(heard.deltas[heard.deltas.len() - 1]));
        record(&mut self.done, since(heard.done.unwrap()));
        record(&mut self.late, micros(late));
        for pair in heard.deltas.windows(2) {
            record(&mut self.gaps, micros(pair[1] - pair[0]));
        }
    }
}

fn record(histogram: &mut Histogram<u64>, micros: u64) {
    histogram.record(micros.max(1)).unwrap();
}

fn micros(time: Duration) -> u64 {
    time.as_micros() as u64
}

/// Milliseconds at a percentile.
pub fn at(histogram: &Histogram<u64>, percentile: f64) -> f64 {
    histogram.value_at_percentile(percentile) as f64 / 1_000.0
}

impl Row {
    /// Direct and through a worker, what that adds, and by which factor.
    pub fn compared(scene: &'static str, what: &str, direct: &Histogram<u64>, worker: &Histogram<u64>) -> Self {
        let [d50, d99, w50, w99] = [at(direct, 50.0), at(direct, 99.0), at(worker, 50.0), at(worker, 99.0)];
        Self {
            scene,
            what: what.to_owned(),
            figures: vec![
                ("direct p50", d50),
                ("direct p99", d99),
                ("worker p50", w50),
                ("worker p99", w99),
                ("added p50", w50 - d50),
                ("added p99", w99 - d99),
                ("ratio p50", w50 / d50),
                ("ratio p99", w99 / d99),
            ],
            goal: None,
            note: String::new(),
        }
    }

    /// Single figures.
    pub fn of(scene: &'static str, what: &str, figures: Vec<(&'static str, f64)>) -> Self {
        Self {
            scene,
            what: what.to_owned(),
            figures,
            goal: None,
            note: String::new(),
        }
    }

    /// The same with a goal.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// The same with a note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> f64 {
        self.figures
            .iter()
            .find_map(|(known, value)| (*known == name).then_some(*value))
            .unwrap_or_else(|| panic!("{}: no figure {name}", self.what))
    }

    /// Whether the goal is met, and how it reads; nothing without one.
    pub fn judged(&self) -> Option<(bool, String)> {
        let (met, sign, name, goal) = match self.goal? {
            Goal::Below(name, goal) => (self.figure(name) < goal, '<', name, goal),
            Goal::Above(name, goal) => (self.figure(name) > goal, '>', name, goal),
        };
        Some((met, format!("{name} {sign} {goal}")))
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let figures: serde_json::Map<String, Value> = self
            .figures
            .iter()
            .map(|(name, value)| (name.replace(' ', "_"), json!(value)))
            .collect();
        let judged = self.judged();
        json!({
            "scene": self.scene, "what": self.what, "figures": figures, "note": self.note,
            "goal": judged.as_ref().map(|(_, goal)| goal), "met": judged.as_ref().map(|(met, _)| met),
        })
    }
}
