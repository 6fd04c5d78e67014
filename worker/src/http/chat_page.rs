//! `/chat`: a small page to chat with in a browser, for trying things out. It calls the companion API as any client does,
//! with a token that its user gives it; nothing of it is for this page alone. The headers let it load nothing and talk to
//! nobody but the worker that serves it.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::routing::get;

use crate::app::App;

const SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                        base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [(&str, &str, &str); 7] = [
    ("/chat", HTML, include_str!("chat_page/index.html")),
    ("/chat/chat.css", CSS, include_str!("chat_page/chat.css")),
    ("/chat/chat.js", SCRIPT, include_str!("chat_page/chat.js")),
    ("/chat/messages.js", SCRIPT, include_str!("chat_page/messages.js")),
    ("/chat/memories.js", SCRIPT, include_str!("chat_page/memories.js")),
    ("/chat/api.js", SCRIPT, include_str!("chat_page/api.js")),
    ("/chat/page.js", SCRIPT, include_str!("chat_page/page.js")),
];

/// The page's files.
pub fn routes() -> Router<Arc<App>> {
    FILES.into_iter().fold(Router::new(), |routes, (path, kind, text)| {
        let headers = [
            (CONTENT_TYPE, kind),
            (CACHE_CONTROL, "no-cache"),
            (CONTENT_SECURITY_POLICY, SECURITY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        routes.route(path, get(async move || (headers, text)))
    })
}
