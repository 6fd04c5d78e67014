//! Services: the one that clients reach the workers by, and those of managed servers.

use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::labels::{self, Component};
use crate::controller::validate::Identity;

/// The workers' Service, called like the resource.
pub fn workers(identity: &Identity) -> Service {
    service(identity, identity.name.clone(), Component::Worker, "http", 80)
}

/// The Service called `name` that leads to the port called `port` of a component's pods.
pub fn service(identity: &Identity, name: String, component: Component, port: &str, number: i32) -> Service {
    Service {
        metadata: labels::owned(identity, name, component),
        spec: Some(ServiceSpec {
            type_: Some("ClusterIP".into()),
            selector: Some(labels::service_selector(identity, component)),
            ports: Some(vec![ServicePort {
                name: Some(port.into()),
                port: number,
                protocol: Some("TCP".into()),
                target_port: Some(IntOrString::String(port.into())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        status: None,
    }
}
