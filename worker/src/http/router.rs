//! The routes of the serving port, and what is done around every one of them: a panic becomes a 500, an error gets the
//! shape of its API, an answer is counted by its route's pattern, and a page of an allowed origin may read it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::FutureExt;

use crate::app::App;
use crate::telemetry::Metrics;

use super::{ApiError, chat, conversations, cors, embeddings, memories, messages, models, privacy, support, usage};

/// All routes of the serving port.
pub fn router(app: Arc<App>) -> Router {
    let limit = DefaultBodyLimit::max(app.config.limits.body_bytes as usize);
    let metrics = app.metrics.clone();
    let cors = cors::layer(&app.config.auth.cors);
    let routes = Router::new()
        .route("/v1/chat/completions", post(chat::completions))
        .route("/v1/embeddings", post(embeddings::create))
        .route("/v1/models", get(models::list))
        .route("/v1/models/{id}", get(models::get))
        .route(
            "/api/v1/conversations",
            get(conversations::list).post(conversations::create),
        )
        .route(
            "/api/v1/conversations/{id}",
            get(conversations::get)
                .patch(conversations::rename)
                .delete(conversations::delete),
        )
        .route("/api/v1/conversations/{id}/reset", post(conversations::reset))
        .route(
            "/api/v1/conversations/{id}/messages",
            get(messages::list).post(messages::send),
        )
        .route("/api/v1/turns/{id}/events", get(messages::events))
        .route("/api/v1/turns/{id}/memories", get(memories::of_turn))
        .route("/api/v1/export", get(privacy::export))
        .route("/api/v1/erase", post(privacy::erase))
        .route("/api/v1/usage", get(usage::list))
        .route("/api/v1/memories", get(memories::list).post(memories::create))
        .route("/api/v1/memories/search", post(memories::search))
        .route(
            "/api/v1/memories/{id}",
            get(memories::get).patch(memories::edit).delete(memories::delete),
        )
        .route("/api/v1/admin/jobs", get(support::jobs))
        .route("/api/v1/admin/jobs/{id}/retry", post(support::retry))
        .route("/api/v1/admin/users/{name}/export", get(support::export))
        .route("/api/v1/admin/users/{name}/erase", post(support::erase))
        .fallback(async || ApiError::no_route())
        .method_not_allowed_fallback(async || ApiError::no_method())
        .layer(limit)
        .layer(from_fn_with_state(metrics, around))
        .with_state(app);
    // Outermost: errors are for the page to read as well, and a browser asks for leave without a token.
    match cors {
        Some(cors) => routes.layer(cors),
        None => routes,
    }
}

async fn around(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str())
        .to_owned();
    let method = label(request.method());
    let path = request.uri().path().to_owned();
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let response = answered.unwrap_or_else(|_| {
        tracing::error!(route, "a handler panicked");
        ApiError::internal().into_response()
    });
    let response = ApiError::shape(response, &path);
    let class = match response.status().as_u16() {
        ..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    };
    metrics
        .http_requests
        .with_label_values(&[route.as_str(), method, class])
        .inc();
    response
}

/// Methods are the client's to invent; labels are not.
fn label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "HEAD" => "HEAD",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
