//! Traces: one that comes with a request goes on to the provider, and the spans in between go to a collector, without
//! anything that was said.

use std::time::Duration;

use companion_tests::chat::message;
use companion_tests::collector::{Collector, hex};
use companion_tests::stub_provider::{Behaviour, StubProvider};
use companion_tests::worker::Setup;
use companion_tests::{eventually, eventually::ensure};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn a_request_is_followed_from_its_caller_to_the_provider() {
    let (collector, stub) = (Collector::start().await, StubProvider::start().await);
    let mut setup = Setup::with_stub(&stub).await;
    setup
        .variables
        .push(("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.clone().leak()));
    setup.variables.push(("OTEL_BSP_SCHEDULE_DELAY", "200"));
    let worker = setup.start().await;
    let chat = worker
        .chat("ada")
        .with("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    let reply = chat.say("My sister Wilhelmina lives in Lisbon.").await;
    let spans = eventually("all spans are there", Duration::from_secs(20), || async {
        let spans: Vec<_> = collector
            .spans()
            .into_iter()
            .filter(|span| hex(&span.trace_id) == TRACE)
            .collect();
        ensure(spans.len() >= 6, || format!("{spans:?}"))?;
        Ok(spans)
    })
    .await;
    let named = |name: &str| {
        let span = spans.iter().find(|span| span.name == name);
        span.unwrap_or_else(|| panic!("no span {name}: {spans:?}"))
    };
    let request = named("POST /v1/chat/completions");
    assert_eq!(hex(&request.parent_span_id), CALLER);
    for (name, parent) in [
        ("admit", request),
        ("turn", request),
        ("recall", named("turn")),
        ("generate", named("turn")),
        ("settle", named("turn")),
    ] {
        assert_eq!(named(name).parent_span_id, parent.span_id, "{name}");
    }
    let tokens = named("generate")
        .attributes
        .iter()
        .any(|attribute| attribute.key == "gen_ai.usage.output_tokens");
    assert!(tokens, "{spans:?}");
    let asked = stub.last_request().traceparent;
    assert_eq!(asked, format!("00-{TRACE}-{}-01", hex(&named("generate").span_id)));
    for word in ["Wilhelmina", "Lisbon", &reply.text, "ada"] {
        assert!(!collector.was_told(word), "{word}");
    }
    // What is logged of a turn names it and its trace.
    stub.next([Behaviour::Refuse(400)]);
    assert_eq!(chat.complete(message("Hello", false)).await.status, 502);
    let log = worker.log();
    let line = log.lines().find(|line| line.contains("a provider gives no reply"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains(TRACE) && line.contains("turn_id"), "{line}");
}

#[tokio::test]
async fn a_trace_goes_on_where_none_are_kept_and_a_collector_that_is_away_costs_nothing() {
    let stub = StubProvider::start().await;
    let mut setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let chat = worker
        .chat("ada")
        .with("traceparent", &format!("00-{TRACE}-{CALLER}-01"));
    chat.say("Hello").await;
    assert!(stub.last_request().traceparent.starts_with(&format!("00-{TRACE}-")));
    for nonsense in ["", "00-xyz", "00-00000000000000000000000000000000-0000000000000000-01"] {
        worker.chat("ada").with("traceparent", nonsense).say("Hello").await;
    }
    drop(worker);
    setup
        .variables
        .push(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"));
    setup.variables.push(("OTEL_BSP_SCHEDULE_DELAY", "100"));
    let mut worker = setup.start().await;
    for _ in 0..3 {
        assert_eq!(worker.chat("ada").say("Hello").await.companion["stored"], true);
    }
    worker.terminate();
    assert!(worker.ended(Duration::from_secs(20)).await, "{}", worker.log());
}
