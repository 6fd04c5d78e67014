//! What every program that a test starts on this machine needs: a port that is free, and to be asked to stop.

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use tokio::process::Child;
use tokio::sync::{Mutex, MutexGuard};

/// Below the ports that the system gives to clients and to whoever asks for any: none of them takes one before its program
/// listens there.
const PORTS: Range<u16> = 20_000..30_000;

/// An address on this machine that nobody listens at, and that no other test is given.
pub(crate) fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(PORTS.start);
    loop {
        let port = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(PORTS.contains(&port), "every port of {PORTS:?} is taken");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// The right to run programs that need a whole processor, such as a browser: one test at a time has it. Beside two of them
/// a worker would miss its deadlines, and the tests of others would fail.
pub async fn heavy() -> MutexGuard<'static, ()> {
    static HEAVY: Mutex<()> = Mutex::const_new(());
    HEAVY.lock().await
}

/// Asks a program to stop, as Kubernetes does.
pub(crate) fn terminate(process: &Child) {
    let pid = process.id().expect("the program still runs");
    let done = std::process::Command::new("kill")
        .args(["-TERM", &pid.to_string()])
        .status();
    assert!(done.expect("there is a kill command").success());
}
