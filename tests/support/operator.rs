//! One operator as a process on this machine, beside the one that the cluster runs: for what can be seen of a replica from
//! outside. Its Lease and its key are in a namespace of the test's, and it watches no other.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use crate::chat::http;
use crate::environment::required;
use crate::eventually;
use crate::eventually::ensure;
use crate::process::{free_port, terminate};

/// An operator that runs.
pub struct Operator {
    admin: SocketAddr,
    process: Child,
}

impl Operator {
    /// Starts the replica called `name`, for the resources in `namespace` alone.
    pub fn start(namespace: &str, name: &str) -> Self {
        let admin = free_port();
        let process = Command::new(required("COMPANION_OPERATOR_BIN"))
            .args(["run", "--namespaces", namespace, "--pod-namespace", namespace, "--pod-name", name])
            .args(["--admin-address", &admin.to_string()])
            // The same as the cluster's operator has, so that both want the same.
            .args(["--worker-image", &required("COMPANION_WORKER_IMAGE")])
            .args(["--postgres-image", &required("COMPANION_POSTGRES_IMAGE")])
            .args(["--redis-image", &required("COMPANION_REDIS_IMAGE")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("COMPANION_OPERATOR_BIN cannot be run: {error}"));
        Self { admin, process }
    }

    /// The status of a path of the admin port, 0 where nothing answers, and what it says.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        match http().get(format!("http://{}{path}", self.admin)).send().await {
            Ok(response) => (response.status().as_u16(), response.text().await.unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }

    /// The value of a metric without labels, or with exactly those given.
    pub async fn metric(&self, name: &str) -> Option<f64> {
        let (_, text) = self.admin("/metrics").await;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        line.trim().parse().ok()
    }

    /// Waits until a metric has this value.
    pub async fn await_metric(&self, name: &str, value: f64, within: Duration) {
        eventually(&format!("{name} is {value}"), within, || async {
            let found = self.metric(name).await;
            ensure(found == Some(value), || format!("{found:?}"))
        })
        .await;
    }

    /// Waits until it is ready: it leads or stands by.
    pub async fn await_ready(&self) {
        eventually("a ready operator", Duration::from_secs(30), || async {
            let found = self.admin("/readyz").await;
            ensure(found.0 == 200, || format!("{found:?}"))
        })
        .await;
    }

    /// Kills it, as a node that fails does.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("the operator still ran");
    }

    /// Asks it to stop, as Kubernetes does.
    pub fn terminate(&self) {
        terminate(&self.process);
    }

    /// Waits for its end: whether it was a good one.
    pub async fn ended(&mut self, within: Duration) -> bool {
        let status = tokio::time::timeout(within, self.process.wait()).await;
        status
            .unwrap_or_else(|_| panic!("the operator runs on after {within:?}"))
            .expect("a child can be waited for")
            .success()
    }
}
