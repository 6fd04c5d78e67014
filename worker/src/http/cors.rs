//! Which web pages may call from a browser: those of the configured origins, each compared whole, and none if there are
//! none. No answer ever allows credentials: cookies prove nothing here, so no page can act with a user's without its token.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method};
use companion_crds::auth::Cors;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser may remember what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Every origin.
pub const ANY: &str = "*";

/// What pages may read of an answer besides its body.
const READABLE: [&str; 8] = [
    "etag",
    "location",
    "retry-after",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "server-timing",
    "x-companion-simulated",
];

/// Answers browsers as `cors` says; nothing if no page may call.
pub fn layer(cors: &Cors) -> Option<CorsLayer> {
    if cors.is_empty() {
        return None;
    }
    let origins = if cors.origins.iter().any(|origin| origin == ANY) {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            cors.origins
                .iter()
                .filter_map(|origin| HeaderValue::from_str(origin).ok()),
        )
    };
    Some(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            // OpenAI's client for browsers sends a dozen of its own.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(READABLE.map(HeaderName::from_static))
            .max_age(REMEMBERED),
    )
}
