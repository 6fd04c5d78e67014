//! Whether the cluster serves `CompanionDeployment` yet. A watch of a kind that is not served fails for ever, so the
//! operator waits for it, says so at `/readyz` and in its metrics, and goes on as soon as it is there.

use std::time::Duration;

use companion_crds::CompanionDeployment;
use kube::{Client, Resource as _};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::telemetry::Metrics;

const PERIOD: Duration = Duration::from_secs(2);
const CALL: Duration = Duration::from_secs(5);

/// Resolves once the API server serves the kind.
pub async fn wait_for_crd(client: &Client, metrics: &Metrics) {
    let version = CompanionDeployment::api_version(&());
    let plural = CompanionDeployment::plural(&());
    let mut said = false;
    loop {
        match timeout(CALL, client.list_api_group_resources(&version)).await {
            Ok(Ok(served)) if served.resources.iter().any(|resource| resource.name == plural) => {
                metrics.crd_missing.set(0);
                info!(%version, "the cluster serves CompanionDeployment");
                return;
            }
            Ok(Err(error)) if !matches!(&error, kube::Error::Api(status) if status.is_not_found()) => {
                warn!(%error, "failed to ask the API server what it serves");
            }
            _ if !said => {
                warn!(
                    "waiting for the CustomResourceDefinition companiondeployments.companion.dev: install the chart companion-crds"
                );
                said = true;
            }
            _ => {}
        }
        metrics.crd_missing.set(1);
        sleep(PERIOD).await;
    }
}
