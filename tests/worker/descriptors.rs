//! A worker whose table of file descriptors is full: it goes on with the connections that it has, rests, and takes new ones
//! once some are given back.

use std::process::Stdio;
use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::process::cpu_time;
use companion_tests::sse::Event;
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::worker::{Setup, Worker};
use companion_tests::{eventually, eventually::ensure};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

/// File descriptors in use.
fn used(worker: &Worker) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", worker.id())).unwrap().count()
}

/// Lets `worker` have at most `most` from now on.
async fn limit(worker: &Worker, most: usize) {
    let done = Command::new("prlimit")
        .args(["--pid", &worker.id().to_string()])
        .arg(format!("--nofile={most}:"))
        .stdout(Stdio::null())
        .status();
    assert!(done.await.expect("there is a prlimit command").success());
}

#[tokio::test]
async fn a_worker_without_descriptors_serves_whom_it_has_rests_and_takes_others_later() {
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    worker.chat("ada").say("Hello").await;
    stub.pace(Pace {
        gap: Duration::from_millis(100),
        words: 40,
        ..Pace::default()
    });
    let mut stream = worker.chat("ada").open(message("Hello", true)).await;
    stream.first_text().await.unwrap();

    const SPARE: usize = 5;
    let most = used(&worker) + SPARE;
    limit(&worker, most).await;
    let address = worker.url.trim_start_matches("http://");
    // The kernel takes those that the worker cannot.
    let mut idle = Vec::new();
    for _ in 0..8 * SPARE {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    eventually("a full table", Duration::from_secs(5), || async {
        let refused = worker.log().contains("a connection could not be accepted");
        ensure(refused, || format!("{} of {most} are used", used(&worker)))
    })
    .await;
    let (began, before) = (Instant::now(), cpu_time(worker.id()));
    sleep(Duration::from_secs(2)).await;
    let busy = (cpu_time(worker.id()) - before).as_secs_f64() / began.elapsed().as_secs_f64();
    assert!(busy < 0.3, "it is busy for {:.0} % of the time", busy * 100.0);

    let events = stream.rest().await.unwrap();
    assert_eq!(events.last(), Some(&Event::Done), "a stream was cut");
    drop(idle);
    stub.pace(Pace::default());
    eventually("an answer", Duration::from_secs(5), || async {
        worker.chat("bob").try_say("Hello").await
    })
    .await;
}

#[tokio::test]
async fn a_worker_takes_as_many_descriptors_as_it_may_have() {
    let mut setup = Setup::new().await;
    setup.launcher = ["prlimit", "--nofile=256:4096"].map(str::to_owned).to_vec();
    let worker = setup.start().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", worker.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(fields[3..5], ["4096", "4096"], "{line}");
}
