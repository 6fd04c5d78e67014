//! Time to first token: what a worker adds to the model's own. The same client asks a simulated model directly and
//! through a worker, in turns, in one run; every turn through the worker is admitted, recalls and is stored. Turns in which
//! a part gave way are counted: the embedder does when more ask at once than the machine's cores can serve in its deadline,
//! and one that asks alone must never see it. Prints a table, and JSON as the last line.

use std::process::Stdio;
use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::worker::Setup;
use companion_tests::{environment, unique};
use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// Requests that are not counted: pools fill, the weights' pages come in.
const WARM_UP: usize = 50;
/// Requests of each side that are counted, at each concurrency; a few less where it does not divide them.
const COUNTED: usize = 600;
const CONCURRENCY: [usize; 3] = [1, 4, 16];
/// What the simulated model takes to its first token.
const MODEL: Duration = Duration::from_millis(20);

/// One side of the comparison.
struct Side {
    url: String,
    tokens: Vec<String>,
    /// Whether its replies come through a worker.
    worker: bool,
}

#[tokio::main]
async fn main() {
    let (stub, stub_url) = start_stub().await;
    let provider = json!({ "name": "stub", "openAi": { "baseURL": format!("{stub_url}/v1"), "keyed": false } });
    let setup = Setup::new().await.with(json!({
        "database": { "poolSize": 16 },
        "llm": { "providers": [provider], "routes": { "normal": { "provider": "stub", "model": "stub" } } },
    }));
    let worker = setup.start().await;
    let users: Vec<String> = (0..64).map(|_| unique("user")).collect();
    for user in &users {
        for fact in [
            "The user's sister Anna lives in Lisbon.",
            "The user is allergic to nuts.",
            "The user plays the cello.",
        ] {
            worker
                .chat(user)
                .post("/api/v1/memories", json!({ "text": fact }))
                .await;
        }
    }
    let direct = Side {
        url: stub_url,
        tokens: vec!["none".into()],
        worker: false,
    };
    let through = Side {
        url: worker.url.clone(),
        tokens: users.iter().map(|user| setup.issuer.token(user)).collect(),
        worker: true,
    };

    let mut rows = Vec::new();
    for concurrency in CONCURRENCY {
        rows.push(compare(concurrency, &direct, &through).await);
    }
    drop((worker, stub));
    table(&rows);
    println!(
        "{}",
        json!({ "benchmark": "time to first token", "model_ms": MODEL.as_millis(), "rows": rows })
    );
}

/// Runs both sides in turns, so that whatever else the machine does falls on both.
async fn compare(concurrency: usize, direct: &Side, through: &Side) -> Value {
    let client = Client::builder()
        .no_proxy()
        .tcp_nodelay(true)
        .timeout(Duration::from_secs(30))
        .build()
        .unwrap();
    let (mut alone, mut added) = (Vec::new(), Vec::new());
    for round in 0..(WARM_UP + COUNTED) / concurrency {
        let sides = [(direct, &mut alone), (through, &mut added)];
        for (side, times) in sides {
            let asks = (0..concurrency).map(|lane| first_token(&client, side, round * concurrency + lane));
            let measured = join_all(asks).await;
            if round * concurrency >= WARM_UP {
                times.extend(measured);
            }
        }
    }
    let requests = added.len();
    assert_eq!(requests, alone.len(), "both sides are counted alike");
    let degraded = added.iter().filter(|first| first.degraded).count();
    assert!(
        concurrency > 1 || degraded == 0,
        "{degraded} of {requests} turns went on without a part, though nothing else asked"
    );
    let (alone, added) = (percentiles(alone), percentiles(added));
    json!({
        "concurrency": concurrency, "requests": requests, "degraded": degraded,
        "direct_ms": { "p50": alone[0], "p99": alone[1] },
        "through_ms": { "p50": added[0], "p99": added[1] },
        "added_ms": { "p50": added[0] - alone[0], "p99": added[1] - alone[1] },
        "ratio": { "p50": added[0] / alone[0], "p99": added[1] / alone[1] },
    })
}

/// How one reply came.
struct First {
    /// From sending the request to the first chunk with text.
    time: Duration,
    /// Whether the turn went on without a part.
    degraded: bool,
}

/// Asks once. The rest of the stream is read, not counted. A turn through the worker must have recalled and be stored: one
/// that skipped either would flatter.
async fn first_token(client: &Client, side: &Side, number: usize) -> First {
    let start = Instant::now();
    let mut response = client
        .post(format!("{}/v1/chat/completions", side.url))
        .bearer_auth(&side.tokens[number % side.tokens.len()])
        .json(&message("Where does my sister live?", true))
        .send()
        .await
        .unwrap();
    assert!(
        response.status().is_success(),
        "{}: {}",
        side.url,
        response.text().await.unwrap()
    );
    let (mut text, mut first) = (String::new(), None);
    while let Some(bytes) = response.chunk().await.unwrap() {
        text.push_str(&String::from_utf8_lossy(&bytes));
        if first.is_none() {
            first = text.contains("word0").then(|| start.elapsed());
        }
    }
    First {
        time: first.unwrap_or_else(|| panic!("{}: no token: {text}", side.url)),
        degraded: side.worker && gave_way(&text),
    }
}

/// Whether a part of the turn gave way; its closing chunk must say that memories were recalled and that it is stored.
fn gave_way(stream: &str) -> bool {
    let chunks = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let chunks = chunks.filter_map(|chunk| serde_json::from_str::<Value>(chunk).ok());
    let ours: Vec<Value> = chunks.map(|chunk| chunk["companion"].clone()).collect();
    let closing = ours.iter().rfind(|companion| companion["stored"].is_boolean());
    let closing = closing.unwrap_or_else(|| panic!("no chunk says whether the turn is stored: {stream}"));
    let many = |name: &str| closing[name].as_array().map(Vec::len);
    assert_eq!(closing["stored"], true, "{closing}");
    assert!(many("recalled") > Some(0), "{closing}");
    many("degraded") != Some(0)
}

/// Median and 99th percentile in milliseconds.
fn percentiles(replies: Vec<First>) -> [f64; 2] {
    let mut times: Vec<Duration> = replies.into_iter().map(|first| first.time).collect();
    times.sort();
    [50, 99].map(|percent| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1000.0)
}

fn table(rows: &[Value]) {
    println!(
        "time to first token in ms, p50 / p99; the simulated model takes {} ms",
        MODEL.as_millis()
    );
    println!(
        "{:>11} {:>17} {:>17} {:>17} {:>13} {:>9}",
        "concurrency", "direct", "through a worker", "added", "ratio", "degraded"
    );
    for row in rows {
        let pair = |name: &str| {
            format!(
                "{:.2} / {:.2}",
                row[name]["p50"].as_f64().unwrap(),
                row[name]["p99"].as_f64().unwrap()
            )
        };
        println!(
            "{:>11} {:>17} {:>17} {:>17} {:>13} {:>9}",
            row["concurrency"],
            pair("direct_ms"),
            pair("through_ms"),
            pair("added_ms"),
            pair("ratio"),
            format!("{}/{}", row["degraded"], row["requests"])
        );
    }
}

/// The simulated model in a process of its own, so that it does not share the measuring one's threads.
async fn start_stub() -> (Child, String) {
    environment::required("COMPANION_WORKER_BIN");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let child = Command::new(env!("CARGO_BIN_EXE_companion-stub-provider"))
        .args([
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--first-token-ms",
            &MODEL.as_millis().to_string(),
            "--gap-ms",
            "1",
        ])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let url = format!("http://127.0.0.1:{port}");
    let http = companion_tests::chat::http();
    companion_tests::eventually("the stub answers", Duration::from_secs(10), || async {
        http.get(format!("{url}/v1/models"))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
    .await;
    (child, url)
}
