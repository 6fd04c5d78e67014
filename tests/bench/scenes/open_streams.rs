//! Thousands of streams that are open at once and mostly silent: what they cost in memory, and that each is answered, kept
//! alive and ends whole.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::process::resident;
use companion_tests::stub_provider::Pace;
use companion_tests::unique;
use serde_json::json;

use super::compared::gave_way;
use crate::asking::{Ask, Client};
use crate::figures::{Goal, Row};
use crate::open_loop;
use crate::parts::{Account, Stub};

const STREAMS: usize = 5_000;
/// Streams that are opened in a second.
const RATE: u32 = 500;
/// Silence of each after its first word: it sees two heartbeats.
const SILENCE: Duration = Duration::from_secs(25);

/// Runs it.
pub async fn run() -> Vec<Row> {
    let stub = Stub::start(Pace {
        first_token: Duration::ZERO,
        gap: SILENCE,
        words: 1,
    })
    .await;
    let setup = stub.setup(json!({ "memory": { "recalled": 0 } })).await;
    let worker = setup.start().await;
    let before = resident(worker.id());
    let (client, began) = (Client::new(), Instant::now());
    let base = worker.url.clone();
    let tokens: Vec<String> = (0..STREAMS).map(|_| setup.issuer.token(&unique("user"))).collect();
    let answered = Arc::new(Mutex::new(Vec::with_capacity(STREAMS)));
    let counted = Arc::clone(&answered);
    let ask = move |number: usize| {
        let ask = Ask {
            base: base.clone(),
            token: tokens[number].clone(),
            body: message("Hello", true),
        };
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        async move { client.ask(&ask, || answered.lock().unwrap().push(Instant::now())).await }
    };
    let account = Account::new(&stub, &worker);
    let mut most = 0;
    let streams = open_loop::run(STREAMS, Duration::from_secs(1) / RATE, ask);
    let watching = async {
        loop {
            most = most.max(resident(worker.id()));
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    };
    let came = tokio::select! {
        came = streams => came,
        () = watching => unreachable!("it watches for ever"),
    };
    let used = account.tell();
    let answered = counted.lock().unwrap();
    assert_eq!(answered.len(), STREAMS);
    let last = *answered.iter().max().unwrap();
    let first_end = came.iter().filter_map(|came| came.what.done).min().unwrap();
    assert!(last < first_end, "the streams were not all open at once");
    let silent = came.iter().filter(|came| came.what.heartbeats < 2).count();
    let degraded = came.iter().filter(|came| gave_way(&came.what.companion)).count();
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let ended = came.iter().filter_map(|came| came.what.done).max().unwrap();
    vec![
        Row::of(
            "open streams",
            "5,000",
            vec![
                ("worker MiB", mib(most)),
                ("before MiB", mib(before)),
                ("KiB a stream", (most - before) as f64 / 1_024.0 / STREAMS as f64),
                ("s until all answered", (last - began).as_secs_f64()),
                ("s until all ended", (ended - began).as_secs_f64()),
            ],
        )
        .goal(Goal::Below("worker MiB", 512.0))
        .note(format!(
            "opened at {RATE} a second; {silent} without two heartbeats, {degraded} without a part; {used}"
        )),
    ]
}
