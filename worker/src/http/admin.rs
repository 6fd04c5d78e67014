//! The admin port: `/healthz`, `/readyz`, `/metrics`. Clients never reach it. Ready means that the embedding model and the
//! schema were seen once and the worker is not going; Redis or PostgreSQL being away later makes no worker unready, for
//! that would empty the Service and end what still works.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::Utc;
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::jobs::backlog;
use crate::session::Sessions;
use crate::shutdown::Lifecycle;
use crate::store::Store;
use crate::telemetry::Metrics;

/// What must have been seen before requests may come.
#[derive(Default)]
pub struct Readiness {
    /// The embedding model is loaded.
    pub embedder: AtomicBool,
    /// The schema is there and fits.
    pub schema: AtomicBool,
}

#[derive(Clone)]
struct Admin {
    readiness: Arc<Readiness>,
    lifecycle: Lifecycle,
    metrics: Metrics,
    store: Store,
    sessions: Sessions,
    turns: TaskTracker,
}

/// The routes of the admin port. `turns` are those being answered.
pub fn router(
    readiness: Arc<Readiness>,
    lifecycle: Lifecycle,
    metrics: Metrics,
    store: Store,
    sessions: Sessions,
    turns: TaskTracker,
) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_text))
        .with_state(Admin {
            readiness,
            lifecycle,
            metrics,
            store,
            sessions,
            turns,
        })
}

async fn ready(State(admin): State<Admin>) -> Response {
    let embedder = admin.readiness.embedder.load(Ordering::Acquire);
    let schema = admin.readiness.schema.load(Ordering::Acquire);
    let draining = admin.lifecycle.is_draining();
    let status = if embedder && schema && !draining {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(json!({ "embedder": embedder, "schema": schema, "draining": draining })),
    )
        .into_response()
}

async fn metrics_text(State(admin): State<Admin>) -> Response {
    admin
        .metrics
        .turns_in_flight
        .set(i64::try_from(admin.turns.len()).unwrap_or(i64::MAX));
    // Where Redis or PostgreSQL is away the last number stands.
    if let Some(active) = admin.sessions.active(Utc::now()).await {
        admin.metrics.active_users.set(active);
    }
    admin.metrics.redis_up.set(admin.sessions.redis_answers().into());
    if let Some(waiting) = backlog::count(&admin.store).await {
        admin.metrics.jobs_waiting.set(waiting);
    }
    let (open, in_use) = admin.store.pool_usage();
    admin.metrics.pool_open.set(open.into());
    admin.metrics.pool_in_use.set(in_use.into());
    match admin.metrics.text() {
        Ok(text) => text.into_response(),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
