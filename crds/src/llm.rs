//! Which models answer: providers, routes and their deadlines.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::SecretKeyRef;
use crate::text::{Decimal, NO_METADATA, SAFE_URL, Span};

/// The language models of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.providers.exists(provider, provider.name == self.routes.normal.provider)")
        .message("llm.routes.normal.provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.detection) || self.providers.exists(provider, provider.name == self.routes.detection.provider)")
        .message("llm.routes.detection.provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.normal.fallback) || self.routes.normal.fallback.all(next, self.providers.exists(provider, provider.name == next.provider))")
        .message("each llm.routes.normal.fallback[].provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.detection) || !has(self.routes.detection.fallback) || self.routes.detection.fallback.all(next, self.providers.exists(provider, provider.name == next.provider))")
        .message("each llm.routes.detection.fallback[].provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.romance) || self.providers.exists(provider, provider.name == self.routes.romance.provider)")
        .message("llm.routes.romance.provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.romance) || !has(self.routes.romance.fallback) || self.routes.romance.fallback.all(next, self.providers.exists(provider, provider.name == next.provider))")
        .message("each llm.routes.romance.fallback[].provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.explicit) || self.providers.exists(provider, provider.name == self.routes.explicit.provider)")
        .message("llm.routes.explicit.provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.explicit) || !has(self.routes.explicit.fallback) || self.routes.explicit.fallback.all(next, self.providers.exists(provider, provider.name == next.provider))")
        .message("each llm.routes.explicit.fallback[].provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.fetish) || self.providers.exists(provider, provider.name == self.routes.fetish.provider)")
        .message("llm.routes.fetish.provider must be the name of one of llm.providers"),
    validation = Rule::new("!has(self.routes.fetish) || !has(self.routes.fetish.fallback) || self.routes.fetish.fallback.all(next, self.providers.exists(provider, provider.name == next.provider))")
        .message("each llm.routes.fetish.fallback[].provider must be the name of one of llm.providers"),
)]
pub struct Llm {
    /// Services that speak the OpenAI API.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub providers: Vec<Provider>,
    /// Which provider and model serves which kind of message.
    pub routes: Routes,
    /// Deadlines of one answer.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Tries after the first that a provider gets, as long as it has sent no token.
    #[serde(default)]
    pub retries: Retries,
    /// What models cost. A model without a price costs nothing in `usage` and metrics.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["model".into()]))]
    pub prices: Vec<Price>,
}

/// A service that speaks the OpenAI API, or the stand-in that needs none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.baseURL) != has(self.simulated)")
        .message("set exactly one of baseURL and simulated for each of llm.providers"),
    validation = Rule::new("!has(self.simulated) || !has(self.apiKeySecretRef)")
        .message("a simulated provider takes no apiKeySecretRef: remove it"),
)]
pub struct Provider {
    /// Name by which routes refer to it.
    #[schemars(length(min = 1, max = 40), pattern("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// Root of its API, such as `https://api.openai.com/v1`. Plain http only within the cluster or a private network.
    #[serde(rename = "baseURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new(SAFE_URL)
        .message("baseURL must be https://, or http:// with a host of this cluster (name, name.namespace.svc) or a private address"),
        validation = Rule::new(NO_METADATA)
        .message("baseURL must not be an address of the cloud's metadata service (169.254.0.0/16, fe80::/10, fd00:ec2::254)"))]
    pub base_url: Option<String>,
    /// Its API key. Left out for services that need none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_secret_ref: Option<SecretKeyRef>,
    /// A deterministic stand-in, labelled as such in every reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
}

/// The simulated provider has no settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct Simulated {}

/// Which provider and model serves which kind of message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Routes {
    /// The route of every message that no other route claims.
    pub normal: Route,
    /// Flirting and romance. Default: `normal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub romance: Option<Route>,
    /// Adult messages, where `content.adult` lets somebody take it. Without it they are declined, never sent elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explicit: Option<Route>,
    /// The same with a kink.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetish: Option<Route>,
    /// A small, cheap model for questions about a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<Route>,
}

/// One route: a model of a provider, and how to ask it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.fallback) || self.fallback.all(next, next.provider != self.provider || next.model != self.model)")
    .message("a fallback must differ from its route in provider or model"))]
pub struct Route {
    /// Name of one of `llm.providers`.
    #[schemars(length(min = 1, max = 40))]
    pub provider: String,
    /// The model's name at that provider.
    #[schemars(length(min = 1, max = 200))]
    pub model: String,
    /// Sampling temperature, 0 to 2 in quotes. Default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]+([.][0-9]+)?$') && double(self) <= 2.0").message("temperature must be from 0 to 2, in quotes such as \"0.7\""))]
    pub temperature: Option<Decimal>,
    /// Longest answer in tokens. Default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<u32>,
    /// Longest whole answer, all providers and tries together. Default: `llm.timeouts.turn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = crate::text::longer_than_zero("the timeout of a route")))]
    pub timeout: Option<Span>,
    /// Who is asked, in this order, when the provider fails before its first token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub fallback: Vec<Fallback>,
}

/// Another model that answers in a route's place. The model is named, because no two providers call one the same, and a
/// wrong name would be found out only when it is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// Name of one of `llm.providers`.
    #[schemars(length(min = 1, max = 40))]
    pub provider: String,
    /// The model's name at that provider.
    #[schemars(length(min = 1, max = 200))]
    pub model: String,
}

/// Deadlines of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// From the request to a provider's first token, all its tries together. A fallback has this time anew, within `turn`.
    #[schemars(extend("x-kubernetes-validations" = crate::text::longer_than_zero("llm.timeouts.firstToken")))]
    pub first_token: Span,
    /// Between two tokens.
    #[schemars(extend("x-kubernetes-validations" = crate::text::longer_than_zero("llm.timeouts.idle")))]
    pub idle: Span,
    /// The whole turn.
    #[schemars(extend("x-kubernetes-validations" = crate::text::longer_than_zero("llm.timeouts.turn")))]
    pub turn: Span,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            first_token: Span::seconds(15),
            idle: Span::seconds(30),
            turn: Span::seconds(120),
        }
    }
}

/// Tries after the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Retries {
    /// How many.
    #[schemars(range(min = 0, max = 5))]
    pub max: u32,
}

impl Default for Retries {
    fn default() -> Self {
        Self { max: 2 }
    }
}

/// What a model costs, in dollars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// The model's name, as routes spell it.
    #[schemars(length(min = 1, max = 200))]
    pub model: String,
    /// Dollars for a million tokens of the prompt.
    pub input_per_million: Decimal,
    /// Dollars for a million tokens of the prompt that the provider had cached. Default: `inputPerMillion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_per_million: Option<Decimal>,
    /// Dollars for a million tokens of the reply.
    pub output_per_million: Decimal,
}
