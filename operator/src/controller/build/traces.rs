//! Where workers send their traces, in OpenTelemetry's own environment variables.

use k8s_openapi::api::core::v1::EnvVar;

use crate::controller::validate::Validated;

/// The variables; none where nothing is to be sent.
pub fn variables(from: &Validated) -> Vec<EnvVar> {
    let endpoint = &from.spec.telemetry.otlp_endpoint;
    if endpoint.is_empty() {
        return Vec::new();
    }
    let identity = &from.identity;
    let named = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.clone()),
        ("OTEL_SERVICE_NAME", identity.name.clone()),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            format!("k8s.namespace.name={}", identity.namespace),
        ),
    ];
    named
        .into_iter()
        .map(|(name, value)| EnvVar {
            name: name.into(),
            value: Some(value),
            value_from: None,
        })
        .collect()
}
