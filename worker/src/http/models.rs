//! `GET /v1/models`: the names a client may ask for. `default` is always there; the model behind the normal route answers
//! to its own name too.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use companion_crds::config::WorkerConfig;
use serde_json::{Value, json};

use crate::app::App;

use super::ApiError;
use super::caller::Caller;

/// The name that every deployment answers to.
const DEFAULT: &str = "default";

/// Checks that `model` may be asked for.
///
/// # Errors
/// It may not; as OpenAI answers, with 404.
pub fn find(config: &WorkerConfig, model: &str) -> Result<(), ApiError> {
    if names(config).contains(&model) {
        return Ok(());
    }
    let detail = format!("model: {model:?} does not exist; GET /v1/models lists what does");
    Err(ApiError::new(StatusCode::NOT_FOUND, "model_not_found", detail).about("model"))
}

/// All models.
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Value>, ApiError> {
    caller.may_look(&app).await?;
    let models: Vec<Value> = names(&app.config).into_iter().map(model).collect();
    Ok(Json(json!({ "object": "list", "data": models })))
}

/// One model.
pub async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    caller.may_look(&app).await?;
    find(&app.config, &id)?;
    Ok(Json(model(&id)))
}

fn names(config: &WorkerConfig) -> Vec<&str> {
    let own = config.llm.routes.normal.model.as_str();
    if own == DEFAULT {
        vec![DEFAULT]
    } else {
        vec![DEFAULT, own]
    }
}

/// OpenAI's object; models here have no date of their own.
fn model(id: &str) -> Value {
    json!({ "id": id, "object": "model", "created": 0, "owned_by": "companion" })
}
