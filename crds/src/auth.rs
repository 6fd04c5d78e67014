//! Who may chat: how a request proves its user, and which pages and proxies around the service are believed.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::secret::{SecretKeyRef, SecretRef};
use crate::text::{NO_METADATA, SAFE_URL};

/// How requests are authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.forwardedUserHeader) || self.forwardedUserHeader == '' || has(self.apiKeys)")
    .message("auth.forwardedUserHeader needs auth.apiKeys: the header is believed only from a key that may act for users"))]
pub struct Auth {
    /// Bearer tokens that the platform's identity service signs. `sub` is the user.
    pub jwt: Jwt,
    /// Keys for servers, which may act for the users they name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<ApiKeys>,
    /// A header that names the user, such as `X-OpenWebUI-User-Id`; believed only with an API key that has `act-as`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64), pattern("^([A-Za-z][A-Za-z0-9-]*)?$"))]
    pub forwarded_user_header: String,
    /// Networks whose `X-Forwarded-For` is believed: those of the ingress or gateway in front of the workers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 43)))]
    #[x_kube(validation = Rule::new("self.all(network, isCIDR(network))")
        .message("each of auth.trustedProxies must be a network, such as 10.0.0.0/8"))]
    pub trusted_proxies: Vec<String>,
    /// Which web pages may call from a browser.
    #[serde(default, skip_serializing_if = "Cors::is_empty")]
    pub cors: Cors,
}

/// JSON Web Tokens, RFC 7519, checked as RFC 8725 advises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.hs256SecretRef) != has(self.jwksURL)")
    .message("set exactly one of auth.jwt.jwksURL (where the issuer publishes its keys) and auth.jwt.hs256SecretRef (the Secret that holds a shared signing key)"))]
pub struct Jwt {
    /// The only accepted `iss`.
    #[schemars(length(min = 1, max = 512))]
    pub issuer: String,
    /// The only accepted `aud`.
    #[schemars(length(min = 1, max = 512))]
    pub audience: String,
    /// The shared HS256 key, at least 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hs256_secret_ref: Option<SecretKeyRef>,
    /// Where the issuer publishes its public keys (RFC 7517), such as `https://id.example/jwks.json`. Plain http only within
    /// the cluster or a private network.
    #[serde(rename = "jwksURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new(SAFE_URL)
        .message("auth.jwt.jwksURL must be https://, or http:// with a host of this cluster (name, name.namespace.svc) or a private address"),
        validation = Rule::new(NO_METADATA)
        .message("auth.jwt.jwksURL must not be an address of the cloud's metadata service (169.254.0.0/16, fe80::/10, fd00:ec2::254)"))]
    pub jwks_url: Option<String>,
}

/// API keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeys {
    /// A Secret each of whose entries is one key: the entry's name is the key's name, its value is what
    /// `companion-worker key` prints, `{"sha256":"...","scopes":["chat","act-as"]}`.
    pub secret_ref: SecretRef,
}

/// Cross-origin requests, as browsers ask leave for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// Origins that may call, exactly as browsers send them: scheme, host and port. `*` only in Development.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(max = 255)))]
    #[x_kube(validation = Rule::new(r"self.all(origin, origin == '*' || origin.matches('^https?://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|[[][0-9a-f:]+[]])(:[0-9]{1,5})?$'))")
        .message("each of auth.cors.origins must be an origin as browsers send it, such as https://chat.example: lower case, no path, no wildcard within"))]
    pub origins: Vec<String>,
}

impl Cors {
    /// Whether no page may call.
    pub fn is_empty(&self) -> bool {
        self.origins.is_empty()
    }
}
