//! `/api/v1/safety`: what a text is, for applications that ask before they show or send it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::safety::{Semantic, VERSION, Verdict, this_year};

use super::ApiError;
use super::body::{JsonBody, text};
use super::caller::Caller;

/// How long the text's meaning is waited for; what is late leaves the patterns as they are.
const EMBEDDING: std::time::Duration = std::time::Duration::from_secs(1);

/// A text to look at.
#[derive(Deserialize, ToSchema)]
#[expect(
    dead_code,
    reason = "the document's shape; fields are read one by one, so that errors name them"
)]
pub struct ToClassify {
    /// The text.
    text: String,
}

/// What a text is.
#[derive(Serialize, ToSchema)]
pub struct Classified {
    /// `safe`, `suggestive`, `explicit_adult`, `explicit_fetish`, `nonconsensual`, `minor_risk` or `crisis`.
    label: &'static str,
    /// Where such a message goes where everything is allowed: `normal`, `romance`, `explicit`, `fetish`, `refusal` or
    /// `hard_refusal`.
    route: &'static str,
    /// 0 to 1.
    confidence: f32,
    /// Its author says that they are under 18.
    user_minor: bool,
    /// The rules that decided.
    reasons: Vec<String>,
    /// Their version.
    version: &'static str,
}

impl From<Verdict> for Classified {
    fn from(verdict: Verdict) -> Self {
        Self {
            label: verdict.label.as_str(),
            route: verdict.label.route().as_str(),
            confidence: verdict.confidence,
            user_minor: verdict.user_minor,
            reasons: verdict.reasons,
            version: VERSION,
        }
    }
}

/// Says what a text is. Nothing of it is kept.
#[utoipa::path(
    post,
    path = "/api/v1/safety/classify",
    operation_id = "classify",
    tag = "safety",
    request_body = ToClassify,
    responses((status = 200, body = Classified)),
)]
pub async fn classify(
    State(app): State<Arc<App>>,
    caller: Caller,
    body: Result<JsonBody, ApiError>,
) -> Result<Json<Classified>, ApiError> {
    caller.within_limits(&app).await?;
    let body = body?;
    let said = text(&body.fields, "text", "text")?;
    let (chars, most) = (said.chars().count(), app.config.limits.message_chars as usize);
    if chars > most {
        return Err(ApiError::field(
            "text",
            format!("must have at most {most} characters, has {chars}"),
        ));
    }
    let mut verdict = app.classifier.classify(said, this_year());
    let embedded = app.memories.embedder().embed(said.to_owned(), EMBEDDING).await;
    if let (Ok(embedding), Some(semantic)) = (embedded, Semantic::built_in()) {
        verdict = semantic.refine(verdict, &embedding.vector);
    }
    Ok(Json(verdict.into()))
}
