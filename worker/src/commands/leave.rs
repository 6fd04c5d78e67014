//! `leave`: what the pod's preStop hook runs, beside the worker. It tells the worker that another takes its place, and waits
//! until proxies have learned that the pod is going; SIGTERM comes after it.

use std::time::Duration;

use anyhow::Context;
use companion_crds::PRE_STOP_SECONDS;
use rustix::process::{Pid, Signal, kill_process};

/// Tells the process with this id, in a pod the worker's.
///
/// # Errors
/// There is none, or it is another user's.
pub async fn run(worker: i32) -> anyhow::Result<()> {
    let pid = Pid::from_raw(worker).with_context(|| format!("{worker} is no process"))?;
    kill_process(pid, Signal::USR1).with_context(|| format!("failed to tell process {worker}"))?;
    tokio::time::sleep(Duration::from_secs(PRE_STOP_SECONDS)).await;
    Ok(())
}
