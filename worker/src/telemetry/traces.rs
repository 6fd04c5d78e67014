//! Traces: a request's W3C trace context is taken over, goes on to the provider, and the spans in between go to the OTLP
//! collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, beside the turn. Without one nothing is sent, and a trace that came in
//! still goes on. OpenTelemetry's other variables (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`)
//! hold as it says.

use std::time::Duration;

use axum::http::HeaderMap;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};
use tracing_subscriber::registry::LookupSpan;

/// Longest call to the collector, and longest wait for the last one when the worker ends.
const DEADLINE: Duration = Duration::from_secs(5);

const NAME: &str = "companion-worker";

/// Sends the last spans when it is dropped.
pub struct Traces {
    provider: SdkTracerProvider,
    problem: Option<ExporterBuildError>,
}

impl Traces {
    /// Says so if spans cannot be sent. Called once there are logs.
    pub(super) fn warn_if_broken(&self) {
        if let Some(problem) = &self.problem {
            tracing::warn!(%problem, "no traces are sent: OTEL_EXPORTER_OTLP_ENDPOINT must be a URL such as http://collector:4318");
        }
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // Who looks at traces sees what is missing.
        let _ = self.provider.shutdown_with_timeout(DEADLINE);
    }
}

/// The layer that makes spans of a trace.
pub(super) fn layer<S>() -> (Traces, OpenTelemetryLayer<S, SdkTracer>)
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let (exporter, problem) = match exporter() {
        Some(Ok(exporter)) => (Some(exporter), None),
        Some(Err(problem)) => (None, Some(problem)),
        None => (None, None),
    };
    let builder = SdkTracerProvider::builder().with_resource(resource());
    let provider = match exporter {
        Some(exporter) => builder.with_batch_exporter(exporter).build(),
        // Traces that come in go on; none begins here.
        None => builder
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOff)))
            .build(),
    };
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(NAME))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false);
    (Traces { provider, problem }, layer)
}

fn exporter() -> Option<Result<SpanExporter, ExporterBuildError>> {
    let named = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    named.then(|| SpanExporter::builder().with_http().with_timeout(DEADLINE).build())
}

fn resource() -> Resource {
    let builder = Resource::builder();
    if std::env::var_os("OTEL_SERVICE_NAME").is_some() {
        builder.build()
    } else {
        builder.with_service_name(NAME).build()
    }
}

/// Makes `span` part of the trace that `headers` name, if they name one, and notes the trace's id for the logs.
pub fn take_over(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    let trace = context.span().span_context().clone();
    if trace.is_valid() {
        // An error only says that spans are filtered out.
        let _ = span.set_parent(context);
        span.record("trace_id", tracing::field::display(trace.trace_id()));
    }
}

/// Tells in `headers` which trace the present span belongs to. What callers' tools note beside it (`tracestate`) is not for
/// providers.
pub fn pass_on(headers: &mut HeaderMap) {
    TraceContextPropagator::new().inject_context(&Span::current().context(), &mut HeaderInjector(headers));
    headers.remove("tracestate");
}
