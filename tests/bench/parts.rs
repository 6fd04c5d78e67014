//! What stands beside the loader: the simulated model as a process of its own, a PostgreSQL that waits for its disk, and an
//! account of who used the processor meanwhile.

use std::process::Stdio;
use std::time::{Duration, Instant};

use companion_tests::process::{cpu_time, free_port};
use companion_tests::stub_provider::Pace;
use companion_tests::worker::{Setup, Worker};
use companion_tests::{TestDatabase, environment, eventually};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// The simulated model in a process of its own, so that it does not share the loader's threads.
pub struct Stub {
    /// Where it listens.
    pub url: String,
    process: Child,
}

impl Stub {
    /// A stub that answers at this pace.
    pub async fn start(pace: Pace) -> Self {
        let address = free_port();
        let process = Command::new(env!("CARGO_BIN_EXE_companion-stub-provider"))
            .args(["--listen", &address.to_string()])
            .args(["--first-token-ms", &pace.first_token.as_millis().to_string()])
            .args(["--gap-ms", &pace.gap.as_millis().to_string()])
            .args(["--words", &pace.words.to_string()])
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let url = format!("http://{address}");
        let http = companion_tests::chat::http();
        eventually("the stub answers", Duration::from_secs(10), || async {
            let asked = http.get(format!("{url}/v1/models")).send().await;
            asked.map(drop).map_err(|error| error.to_string())
        })
        .await;
        Self { url, process }
    }

    /// A worker's setup with this stub as its model, limits that no load meets, and `change` over it.
    pub async fn setup(&self, change: Value) -> Setup {
        let provider = json!({ "name": "stub", "openAi": { "baseURL": format!("{}/v1", self.url), "keyed": false } });
        let setup = Setup::new().await.with(json!({
            "database": { "poolSize": 16 },
            "limits": {
                "perUserPerMinute": 1_000_000, "perIPPerMinute": 1_000_000, "turnsInFlightPerWorker": 20_000,
            },
            "llm": {
                "providers": [provider], "routes": { "normal": { "provider": "stub", "model": "stub" } },
                "timeouts": { "firstToken": "30s", "idle": "60s", "turn": "120s" },
            },
        }));
        setup.with(change)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id().unwrap()
    }
}

/// The tests' PostgreSQL does not wait for its disk, because tests need not survive a power cut. While this lives it does,
/// as production does.
pub struct Durable(TestDatabase);

impl Durable {
    /// From now on.
    pub async fn begin() -> Self {
        environment::required("COMPANION_WORKER_BIN");
        let database = TestDatabase::create().await;
        set(&database, "SET fsync = on").await;
        Self(database)
    }

    /// As before.
    pub async fn end(self) {
        set(&self.0, "RESET fsync").await;
    }
}

async fn set(database: &TestDatabase, change: &str) {
    database.execute(&format!("ALTER SYSTEM {change}")).await;
    database.execute("SELECT pg_reload_conf()").await;
}

/// Who used the processor, from its making on.
pub struct Account {
    began: Instant,
    machine: (u64, u64),
    used: [Duration; 3],
    ids: [u32; 3],
}

impl Account {
    /// Of the loader, `stub` and `worker`.
    pub fn new(stub: &Stub, worker: &Worker) -> Self {
        let ids = [std::process::id(), stub.id(), worker.id()];
        Self {
            began: Instant::now(),
            machine: machine(),
            used: ids.map(cpu_time),
            ids,
        }
    }

    /// Shares of one core, and of the whole machine.
    pub fn tell(&self) -> String {
        let elapsed = self.began.elapsed().as_secs_f64();
        let used = self.ids.map(cpu_time);
        let share = |index: usize| (used[index] - self.used[index]).as_secs_f64() / elapsed * 100.0;
        let (busy, all) = machine();
        let whole = (busy - self.machine.0) as f64 / (all - self.machine.1).max(1) as f64 * 100.0;
        format!(
            "of one core: loader {:.0} %, stub {:.0} %, worker {:.0} %; of all cores, everybody: {whole:.0} %",
            share(0),
            share(1),
            share(2)
        )
    }
}

/// Ticks that the machine's cores were busy, and all ticks (proc(5), `/proc/stat`).
fn machine() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/stat").unwrap();
    let ticks: Vec<u64> = text
        .lines()
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .take(8)
        .map(|n| n.parse().unwrap())
        .collect();
    let all: u64 = ticks.iter().sum();
    (all - ticks[3] - ticks[4], all)
}
