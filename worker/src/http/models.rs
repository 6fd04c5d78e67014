//! `GET /v1/models`: the names a client may ask for. `default` is always there; the model behind the normal route answers
//! to its own name too.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use companion_crds::config::WorkerConfig;
use serde::Serialize;
use utoipa::ToSchema;

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

/// OpenAI's object; models here have no date of their own.
#[derive(Serialize, ToSchema)]
pub struct Model {
    id: String,
    object: &'static str,
    created: i64,
    owned_by: &'static str,
}

/// OpenAI's list.
#[derive(Serialize, ToSchema)]
pub struct ModelList {
    object: &'static str,
    data: Vec<Model>,
}

/// All models.
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "list_models",
    tag = "openai",
    responses((status = 200, body = ModelList)),
)]
pub async fn list(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<ModelList>, ApiError> {
    caller.may_look(&app).await?;
    Ok(Json(ModelList {
        object: "list",
        data: names(&app.config).into_iter().map(model).collect(),
    }))
}

/// One model.
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    operation_id = "get_model",
    tag = "openai",
    params(("id" = String, Path, description = "its name")),
    responses((status = 200, body = Model), (status = 404, description = "no such model")),
)]
pub async fn get(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<Json<Model>, ApiError> {
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

fn model(id: &str) -> Model {
    Model {
        id: id.to_owned(),
        object: "model",
        created: 0,
        owned_by: "companion",
    }
}
