//! What a person would look at first when a test fails: the resources' conditions, the events, the pods' states and the
//! last lines of their logs. A namespace comes in, text on standard output goes out.

use companion_crds::CompanionDeployment;
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::{Api, ListParams, LogParams};
use kube::{Client, ResourceExt};

const LOG_LINES: i64 = 40;

/// Prints the state of everything in `namespace`.
pub async fn diagnose(client: &Client, namespace: &str) {
    println!("---- {namespace} ----");
    conditions(client, namespace).await;
    events(client, namespace).await;
    pods(client, namespace).await;
}

async fn conditions(client: &Client, namespace: &str) {
    let resources: Api<CompanionDeployment> = Api::namespaced(client.clone(), namespace);
    match resources.list(&ListParams::default()).await {
        Ok(list) => {
            for resource in list {
                let generation = resource.metadata.generation;
                println!(
                    "{} at generation {generation:?}: {:#?}",
                    resource.name_any(),
                    resource.status
                );
            }
        }
        Err(error) => println!("no CompanionDeployments to see: {error}"),
    }
}

async fn events(client: &Client, namespace: &str) {
    let Ok(list) = Api::<Event>::namespaced(client.clone(), namespace)
        .list(&ListParams::default())
        .await
    else {
        return;
    };
    for event in list {
        println!(
            "event: {} {} {}: {}",
            event.involved_object.kind.unwrap_or_default(),
            event.involved_object.name.unwrap_or_default(),
            event.reason.unwrap_or_default(),
            event.message.unwrap_or_default()
        );
    }
}

async fn pods(client: &Client, namespace: &str) {
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let Ok(list) = api.list(&ListParams::default()).await else {
        return;
    };
    for pod in list {
        let name = pod.name_any();
        let status = pod.status.unwrap_or_default();
        println!("pod {name}: {}", status.phase.unwrap_or_default());
        for container in status.container_statuses.unwrap_or_default() {
            println!(
                "  {}: ready {}, {} restarts, {:?}",
                container.name, container.ready, container.restart_count, container.state
            );
        }
        let tail = LogParams {
            tail_lines: Some(LOG_LINES),
            ..LogParams::default()
        };
        if let Ok(log) = api.logs(&name, &tail).await {
            println!(
                "{}",
                log.lines().map(|line| format!("  | {line}\n")).collect::<String>()
            );
        }
    }
}
