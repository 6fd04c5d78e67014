//! What was perceived of a message and decided of it, as it is stored with its turn.

use serde::{Deserialize, Serialize};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryAs;

use crate::mind::emotion::Reading;

/// What is stored beside a turn's messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Perceived {
    /// What the message sounded like, where it sounded like something.
    pub mood: Option<Mood>,
    /// What was decided that is not plainly safe.
    pub decisions: Vec<Decision>,
    /// The user said that they are under 18.
    pub minor: bool,
    /// The messages are shown to no model again.
    pub withheld: bool,
}

/// What a message sounded like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mood {
    /// The emotion's name.
    pub emotion: String,
    /// 0 to 1.
    pub confidence: f32,
    /// 0 to 1.
    pub intensity: f32,
    /// The words that said so.
    pub evidence: Vec<String>,
}

impl From<&Reading> for Mood {
    fn from(reading: &Reading) -> Self {
        Self {
            emotion: reading.emotion.as_str().to_owned(),
            confidence: reading.confidence,
            intensity: reading.intensity,
            evidence: reading.evidence.clone(),
        }
    }
}

/// What was decided of a message or a reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `message` or `reply`.
    pub side: String,
    /// What it is.
    pub label: String,
    /// The way it went.
    pub route: String,
    /// 0 to 1.
    pub confidence: f32,
    /// The rules that decided.
    pub reasons: Vec<String>,
    /// Their version.
    pub version: String,
}

/// Parts of the statement that settles a turn. `conversation`, `owner` and `known` are its own; the numbers are those of
/// [`bind`], from 24 on.
pub const STATEMENT: &str = "
mood AS (
    INSERT INTO companion.moods (user_id, turn_id, emotion, confidence, intensity, evidence)
    SELECT user_id, $2, $24, $25, $26, $27 FROM owner WHERE $24::text IS NOT NULL ON CONFLICT DO NOTHING
), decided AS (
    INSERT INTO companion.safety_decisions (user_id, turn_id, side, label, route, confidence, reasons, version)
    SELECT user_id, $2, side, label, route, confidence, ARRAY(SELECT jsonb_array_elements_text(reasons)), version
    FROM owner, jsonb_to_recordset($28::jsonb)
        AS decision (side text, label text, route text, confidence real, reasons jsonb, version text)
    ON CONFLICT DO NOTHING
), minor AS (
    UPDATE companion.users u SET minor_since = now() FROM known
    WHERE $29::boolean AND u.user_id = known.user_id AND u.minor_since IS NULL
)";

/// Binds `perceived` as $24 to $30 of the statement that settles a turn.
pub fn bind<'q, O>(
    query: QueryAs<'q, Postgres, O, PgArguments>,
    perceived: &'q Perceived,
) -> QueryAs<'q, Postgres, O, PgArguments> {
    let mood = perceived.mood.as_ref();
    query
        .bind(mood.map(|mood| &mood.emotion))
        .bind(mood.map(|mood| mood.confidence))
        .bind(mood.map(|mood| mood.intensity))
        .bind(mood.map(|mood| {
            mood.evidence
                .iter()
                .map(|text| super::without_nul(text))
                .collect::<Vec<_>>()
        }))
        .bind(serde_json::json!(perceived.decisions))
        .bind(perceived.minor)
        .bind(perceived.withheld)
}
