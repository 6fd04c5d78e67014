//! Where workers send what they measure, beside the metrics that are fetched.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Traces of turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Telemetry {
    /// Root URL of a collector that takes OTLP over HTTP, such as `http://collector.monitoring.svc:4318`. Empty: no traces are
    /// sent, and those that come with requests go on to the providers all the same.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 2048))]
    #[schemars(extend("x-kubernetes-validations" = [
        { "rule": "self == '' || (isURL(self) && url(self).getScheme() in ['http', 'https'] && url(self).getHostname() != '')",
          "message": "telemetry.otlpEndpoint must be a URL such as http://collector.monitoring.svc:4318" }
    ]))]
    pub otlp_endpoint: String,
}
