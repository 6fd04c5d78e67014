//! What every program that a test starts on this machine needs: a port that is free, to be asked to stop, and what it uses.

use std::net::{SocketAddr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::{Mutex, MutexGuard};

/// Below the ports that the system gives to clients and to whoever asks for any: none of them takes one before its program
/// listens there.
const PORTS: Range<u16> = 20_000..30_000;

/// An address on this machine that nobody listens at, and that no other test is given.
pub fn free_port() -> SocketAddr {
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

/// Bytes of memory that the process `id` has in use.
pub fn resident(id: u32) -> u64 {
    let status = of(id, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_else(|| panic!("process {id} has no memory: {status}")) * 1_024
}

/// Processor time that the process `id` has used, in its own code and in the kernel's.
pub fn cpu_time(id: u32) -> Duration {
    let stat = of(id, "stat");
    // The name stands in parentheses and may hold anything; utime and stime are the 12th and 13th field after it (proc(5)).
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|field| field.parse::<u64>().expect("a count of ticks")).sum();
    // USER_HZ is 100 on every Linux that this runs on.
    Duration::from_millis(ticks * 10)
}

fn of(id: u32, file: &str) -> String {
    let path = format!("/proc/{id}/{file}");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}
