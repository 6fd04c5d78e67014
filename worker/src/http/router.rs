//! The routes of the serving port and the document that describes them, from one list; and what is done around every one
//! of them: a panic becomes a 500, an error gets the shape of its API, an answer is counted by its route's pattern, and a
//! page of an allowed origin may read it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use companion_crds::serving::ChatPage;
use futures::FutureExt;
use tracing::Instrument as _;
use tracing::field::Empty;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::telemetry::{Metrics, traces};

use super::{
    ApiError, age, chat, chat_page, conversations, cors, embeddings, emotions, memories, messages, models, openapi,
    preferences, privacy, safety, support, usage,
};

/// All routes of the serving port.
pub fn router(app: Arc<App>) -> Router {
    let limit = DefaultBodyLimit::max(app.config.limits.body_bytes as usize);
    let metrics = app.metrics.clone();
    let cors = cors::layer(&app.config.auth.cors);
    let (routes, document) = routes().split_for_parts();
    let page = match app.config.chat_page {
        ChatPage::Enabled => chat_page::routes(),
        ChatPage::Disabled => Router::new(),
    };
    let routes = routes
        .merge(page)
        .merge(openapi::page(document))
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

/// Every route, with what the document says of it.
fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::Description::openapi())
        .routes(routes!(chat::completions))
        .routes(routes!(embeddings::create))
        .routes(routes!(models::list))
        .routes(routes!(models::get))
        .routes(routes!(conversations::list, conversations::create))
        .routes(routes!(
            conversations::get,
            conversations::rename,
            conversations::delete
        ))
        .routes(routes!(conversations::reset))
        .routes(routes!(messages::list, messages::send))
        .routes(routes!(messages::events))
        .routes(routes!(memories::of_turn))
        .routes(routes!(privacy::export))
        .routes(routes!(privacy::erase))
        .routes(routes!(usage::list))
        .routes(routes!(preferences::get, preferences::edit))
        .routes(routes!(memories::list, memories::create))
        .routes(routes!(memories::search))
        .routes(routes!(memories::get, memories::edit, memories::delete))
        .routes(routes!(support::jobs))
        .routes(routes!(support::retry))
        .routes(routes!(support::export))
        .routes(routes!(support::erase))
        .routes(routes!(support::clear_minor))
        .routes(routes!(support::revoke_age))
        .routes(routes!(support::safety_statistics))
        .routes(routes!(age::get, age::verify, age::revoke))
        .routes(routes!(emotions::list, emotions::forget))
        .routes(routes!(emotions::statistics))
        .routes(routes!(safety::classify))
}

/// The OpenAPI document of the serving port.
pub fn document() -> utoipa::openapi::OpenApi {
    openapi::with_errors(routes().into_openapi())
}

async fn around(State(metrics): State<Metrics>, request: Request, next: Next) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", |path| path.as_str())
        .to_owned();
    let method = label(request.method());
    let path = request.uri().path().to_owned();
    let span = tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        trace_id = Empty,
    );
    traces::take_over(&span, request.headers());
    let answered = AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .instrument(span.clone())
        .await;
    let response = answered.unwrap_or_else(|_| {
        tracing::error!(route, "a handler panicked");
        ApiError::internal().into_response()
    });
    let response = ApiError::shape(response, &path);
    span.record("http.response.status_code", response.status().as_u16());
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
