//! JSON logs on standard error, and the spans of traces beside them.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::layer::{Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::traces::{self, Traces};

/// Starts logs and traces; what comes back sends the last spans when it is dropped. `RUST_LOG` sets what is logged.
/// async-openai is never seen: it logs replies that it cannot parse, and those are what users talk about. The job queue tells
/// of every job, which metrics do better.
pub fn start() -> Traces {
    let logs = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_writer(std::io::stderr)
        .with_filter(filter("info"));
    let (traces, spans) = traces::layer();
    // Only our own: a library's may hold what nobody looked at.
    let own = Targets::new().with_target("companion_worker", LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(logs)
        .with(spans.with_filter(own))
        .init();
    traces.warn_if_broken();
    traces
}

/// Starts logs as a person reads them: warnings, unless `RUST_LOG` says otherwise. There are no traces.
pub fn start_for_a_person() {
    let logs = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_filter(filter("warn"));
    tracing_subscriber::registry().with(logs).init();
}

fn filter<S: Subscriber>(usual: &str) -> impl Filter<S> {
    let mut filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    if let Ok(quiet) = "graphile_worker=warn".parse() {
        filter = filter.add_directive(quiet);
    }
    // No setting may turn it on. What decides by the event and not by its place in the code would lose others' events.
    let never = Targets::new()
        .with_default(LevelFilter::TRACE)
        .with_target("async_openai", LevelFilter::OFF);
    filter.and(never)
}
