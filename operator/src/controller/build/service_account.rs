//! The workers' ServiceAccount. They never talk to the API server, so it has no token.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::labels::{self, Component};
use crate::controller::validate::Identity;

/// Its name, where the resource names none of its own.
pub fn name(identity: &Identity) -> String {
    format!("{}-worker", identity.name)
}

/// The ServiceAccount.
pub fn service_account(identity: &Identity) -> ServiceAccount {
    ServiceAccount {
        metadata: labels::owned(identity, name(identity), Component::Worker),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
