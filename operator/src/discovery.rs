//! Whether the cluster serves `CompanionDeployment` yet. A watch of a kind that is not served fails for ever, so the
//! operator waits for it, says so at `/readyz` and in its metrics, and goes on as soon as it is there.

use std::time::Duration;

use companion_crds::CompanionDeployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use kube::{Client, Resource as _};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::telemetry::Metrics;

const PERIOD: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(5);

/// Resolves once the API server serves the kind.
pub async fn wait_for_crd(client: &Client, metrics: &Metrics) {
    let version = CompanionDeployment::api_version(&());
    let mut said = false;
    loop {
        let answer = timeout(CALL, client.list_api_group_resources(&version)).await;
        match answer.map(is_served) {
            Ok(Ok(true)) => {
                metrics.crd_missing.set(0);
                info!(%version, "the cluster serves CompanionDeployment");
                return;
            }
            Ok(Ok(false)) => {
                metrics.crd_missing.set(1);
                if !said {
                    warn!(
                        "waiting for the CustomResourceDefinition companiondeployments.companion.dev: install the chart companion-crds"
                    );
                    said = true;
                }
            }
            Ok(Err(error)) => warn!(%error, "failed to ask the API server what it serves"),
            Err(_) => warn!("the API server did not say within {CALL:?} what it serves"),
        }
        sleep(PERIOD).await;
    }
}

/// Whether the kind is there. A group without any kind is not there itself; every other error leaves it open.
fn is_served(answer: Result<APIResourceList, kube::Error>) -> Result<bool, kube::Error> {
    let plural = CompanionDeployment::plural(&());
    match answer {
        Ok(served) => Ok(served.resources.iter().any(|resource| resource.name == plural)),
        // By its code: the API server answers for a group that it does not have in plain text, which has no reason.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_kind_that_is_really_absent_counts_as_missing() {
        let list = |names: &[&str]| {
            let resources: Vec<_> = names
                .iter()
                .map(|name| json!({ "name": name, "singularName": "", "namespaced": true, "kind": "K", "verbs": [] }))
                .collect();
            Ok(
                serde_json::from_value(json!({ "groupVersion": "companion.dev/v1alpha1", "resources": resources }))
                    .unwrap(),
            )
        };
        let refused = |code: u16, reason: &str| {
            Err(kube::Error::Api(Box::new(
                Status::failure("no", reason).with_code(code),
            )))
        };
        assert!(is_served(list(&["companiondeployments"])).unwrap());
        assert!(!is_served(list(&["companiondeployments/status"])).unwrap());
        assert!(!is_served(refused(404, "NotFound")).unwrap());
        assert!(!is_served(refused(404, "Failed to parse error data")).unwrap());
        assert!(is_served(refused(403, "Forbidden")).is_err());
        assert!(is_served(refused(500, "InternalError")).is_err());
    }
}
