//! What the message is, before anyone answers it: what kind of thing it says, whether its user says to be under 18, and what
//! it sounds like. Patterns read it here; what it means, and the judge where patterns are unsure, join beside recall.

use crate::app::App;
use crate::mind::emotion::{self, Emotion, Reading};
use crate::safety::judge::{self, Judgement};
use crate::safety::{Label, Semantic, Verdict, this_year};

use super::Asked;

/// Longest text that recall searches by; the embedding model reads no more than this anyway.
const QUERY_CHARS: usize = 1_000;

/// What is understood of a message.
#[derive(Clone, Debug)]
pub struct Perception {
    /// The message as recall searches by it: trimmed and bounded.
    pub query: String,
    /// The query is all of it.
    pub whole: bool,
    /// What it is.
    pub verdict: Verdict,
    /// What it sounds like.
    pub mood: Reading,
}

impl Perception {
    /// Adds what the message's vector says of it, and what the judge does. What is not there leaves the patterns as they are.
    pub fn complete(&mut self, vector: Option<&[f32]>, judgement: Option<Judgement>) {
        if let (Some(vector), Some(semantic)) = (vector, Semantic::built_in()) {
            let refined = semantic.refine(self.verdict.clone(), vector);
            // The vector is of the beginning of a long text: it says nothing for what follows.
            if self.whole || refined.label > self.verdict.label {
                self.verdict = refined;
            }
        }
        if let Some(judgement) = judgement {
            self.verdict = judge::with(self.verdict.clone(), judgement);
        }
    }

    /// The mood, where the message has one.
    pub fn has_mood(&self) -> bool {
        self.mood.emotion != Emotion::Neutral
    }
}

/// What the message is; a document before it that is never answered makes it the same.
fn verdict(app: &App, asked: &Asked) -> Verdict {
    let said = app.classifier.classify(&asked.text, this_year());
    let shown = asked
        .document
        .as_deref()
        .map(|document| app.classifier.classify(document, this_year()));
    match shown.filter(|shown| matches!(shown.label, Label::MinorRisk | Label::Nonconsensual)) {
        Some(shown) if shown.label > said.label => Verdict {
            user_minor: said.user_minor,
            ..shown
        },
        _ => said,
    }
}

/// Reads `asked`.
#[tracing::instrument(skip_all)]
pub fn perceive(app: &App, asked: &Asked) -> Perception {
    Perception {
        query: asked.text.trim().chars().take(QUERY_CHARS).collect(),
        whole: asked.text.trim().chars().nth(QUERY_CHARS).is_none(),
        verdict: verdict(app, asked),
        mood: emotion::detect(&asked.text),
    }
}
