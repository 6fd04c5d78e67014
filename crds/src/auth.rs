//! Who may chat: how a request proves its user.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::secret::SecretKeyRef;

/// How requests are authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Bearer tokens that the platform's identity service signs. `sub` is the user.
    pub jwt: Jwt,
}

/// JSON Web Tokens, RFC 7519, checked as RFC 8725 advises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.hs256SecretRef)")
    .message("set auth.jwt.hs256SecretRef to the Secret that holds the signing key"))]
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
}
