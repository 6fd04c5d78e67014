//! Counts what the operator writes, from the API server's own audit log: it holds every write by a program in a pod.
//! The log's length now comes in, the operator's later writes go out.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;

use serde_json::Value;

/// The user that the operator's pods are to the API server.
const OPERATOR: &str = "system:serviceaccount:companion-system:";

/// A place in the audit log from which writes are counted.
pub struct AuditLog {
    path: PathBuf,
    from: u64,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// `create`, `update`, `patch` or `delete`.
    pub verb: String,
    /// The resource in the plural, with its subresource: `deployments`, `companiondeployments/status`.
    pub resource: String,
    /// Where it is; empty for what belongs to the cluster.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl AuditLog {
    /// From now on.
    pub fn from_here() -> Self {
        let path = PathBuf::from(crate::environment::required("COMPANION_CLUSTER_DIR")).join("logs/audit.log");
        let from = path
            .metadata()
            .unwrap_or_else(|error| panic!("the API server writes its audit log to {}: {error}", path.display()))
            .len();
        Self { path, from }
    }

    /// The operator's writes since then, but for the renewal of the Lease by which it leads.
    pub fn operator_writes(&self) -> Vec<Write> {
        let mut file = File::open(&self.path).expect("the audit log can be read");
        assert!(
            file.metadata().expect("it has a length").len() >= self.from,
            "the audit log was rotated: count again"
        );
        file.seek(SeekFrom::Start(self.from))
            .expect("the audit log has not become shorter");
        BufReader::new(file)
            .lines()
            .map_while(Result::ok)
            // The last line may still be half written.
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .filter(|event| event["user"]["username"].as_str().is_some_and(|user| user.starts_with(OPERATOR)))
            .map(|event| Write::from_event(&event))
            .filter(|write| write.resource != "leases")
            .collect()
    }
}

impl Write {
    fn from_event(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["objectRef"];
        let resource = match object["subresource"].as_str() {
            Some(part) => format!("{}/{part}", text(&object["resource"])),
            None => text(&object["resource"]),
        };
        Self {
            verb: text(&event["verb"]),
            resource,
            namespace: text(&object["namespace"]),
            name: text(&object["name"]),
        }
    }
}
