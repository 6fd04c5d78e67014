//! File descriptors: a stream takes two, its client's connection and its provider's. Where the system gives a process fewer
//! than it may have (1,024 is usual), the worker takes the rest when it starts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes as many as this process may have.
pub fn take_all() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, all) {
        Ok(()) => tracing::info!(most = limit.maximum, "file descriptors"),
        Err(error) => tracing::warn!(%error, most = limit.current, "no more file descriptors can be had"),
    }
}
