//! How a worker goes. The pod's preStop hook, `companion-worker leave`, sends SIGUSR1: the worker serves on and gives up
//! connections to the database, for another takes its place. SIGTERM makes it unready at once and closes its door; turns that stream are finished, up to a
//! moment before the kill; then what is left is cut. The parts that must act hold a [`Lifecycle`] and watch it.

use std::time::Duration;

use companion_crds::PRE_STOP_SECONDS;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Kept back from the grace period for the last writes and the exit.
const MARGIN: Duration = Duration::from_secs(5);

/// Whether the worker stays. Clones share it.
#[derive(Clone, Default)]
pub struct Lifecycle {
    draining: CancellationToken,
    cut: CancellationToken,
}

impl Lifecycle {
    /// From now on: unready, no new connections, no new jobs.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Whether the worker goes.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// A token for parts that stop when the worker begins to go.
    pub fn draining_token(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Turns that still stream end now.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Ends when turns must end.
    pub async fn until_cut(&self) {
        self.cut.cancelled().await;
    }
}

/// How long turns may go on after SIGTERM, out of the pod's whole grace period, part of which the preStop hook took.
pub fn time_for_turns(grace_period: Duration) -> Duration {
    grace_period
        .saturating_sub(Duration::from_secs(PRE_STOP_SECONDS) + MARGIN)
        .max(Duration::from_secs(1))
}

/// SIGUSR1, SIGTERM and SIGINT, heard from the moment this is made: none falls between two that wait.
pub struct Signals {
    leave: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The handlers cannot be set.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            leave: signal(SignalKind::user_defined1())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until the pod begins to go: the preStop hook, or the end without it. Says whether it is the end.
    pub async fn leaving(&mut self) -> bool {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => true,
            _ = self.interrupt.recv() => true,
            _ = self.leave.recv() => false,
        }
    }

    /// Waits for SIGTERM or SIGINT.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
