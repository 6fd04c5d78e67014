//! One worker as a process on this machine, with a database and a tenant of its own and the shared Redis: for what can be
//! seen over HTTP without Kubernetes. A `Setup` says how it is configured; several workers may run from one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::chat::http;
use crate::eventually::ensure;
use crate::process::{free_port, terminate};
use crate::stub_provider::StubProvider;
use crate::{Chat, Issuer, TestDatabase, environment, eventually, merge, unique};

/// What a worker is given: configuration, database, Redis, the key of its tokens.
pub struct Setup {
    /// Its database.
    pub database: TestDatabase,
    /// Signs the tokens it believes.
    pub issuer: Issuer,
    /// Redis as it reaches it; a test may put a wire in between.
    pub redis_url: String,
    /// PostgreSQL as it reaches it; a test may put a wire in between.
    pub database_url: String,
    /// The configuration file; `listen` is set for each worker.
    pub config: Value,
    /// Further variables of its environment.
    pub variables: Vec<(&'static str, &'static str)>,
    /// A program and its arguments that become the worker; none for the worker itself.
    pub launcher: Vec<String>,
    folder: PathBuf,
}

/// A worker that runs.
pub struct Worker {
    /// Where it serves.
    pub url: String,
    /// Where it tells its health.
    pub admin_url: String,
    issuer: Issuer,
    log: PathBuf,
    process: Child,
}

impl Setup {
    /// The plain case: the simulated provider, generous limits, a migrated database.
    pub async fn new() -> Self {
        let setup = Self::unmigrated().await;
        setup.migrate().await;
        setup
    }

    /// The same with a stub as its language model.
    pub async fn with_stub(stub: &StubProvider) -> Self {
        let provider = json!({ "name": "stub", "openAi": { "baseURL": stub.url(), "keyed": false } });
        Self::new().await.with(json!({ "llm": {
            "providers": [provider],
            "routes": { "normal": { "provider": "stub", "model": "stub" } },
        } }))
    }

    /// The plain case before any migration.
    pub async fn unmigrated() -> Self {
        let database = TestDatabase::create().await;
        let issuer = Issuer::new();
        let folder = std::env::temp_dir().join(unique("companion-worker"));
        std::fs::create_dir_all(&folder).expect("a temporary folder can be made");
        let config = json!({
            "environment": "Development",
            "tenant": database.name,
            "database": { "poolSize": 6, "maxWorkers": 2 },
            "llm": {
                "providers": [{ "name": "demo", "simulated": {} }],
                "routes": { "normal": { "provider": "demo", "model": "demo" } },
                "timeouts": { "firstToken": "5s", "idle": "5s", "turn": "20s" },
            },
            "embeddings": { "local": { "path": environment::required("COMPANION_MODEL_DIR") } },
            "auth": { "jwt": { "issuer": issuer.issuer, "audience": issuer.audience } },
            "limits": { "perUserPerMinute": 100_000, "perIPPerMinute": 100_000 },
            "drain": { "gracePeriod": "30s" },
        });
        Self {
            redis_url: environment::required("COMPANION_TEST_REDIS_URL"),
            database_url: database.worker_url.clone(),
            database,
            issuer,
            config,
            variables: Vec::new(),
            launcher: Vec::new(),
            folder,
        }
    }

    /// The same with a change to the configuration file, as a JSON merge patch.
    pub fn with(mut self, change: Value) -> Self {
        merge(&mut self.config, change);
        self
    }

    /// The same, believing tokens by keys that are published at `url`.
    pub fn with_jwks(self, url: &str) -> Self {
        self.with(json!({ "auth": { "jwt": { "jwksURL": url } } }))
    }

    /// Makes an API key with `companion-worker key`, as a person would, and has the workers to come believe it.
    pub async fn api_key(&mut self, name: &str, scopes: &str) -> String {
        let output = self
            .command()
            .args(["key", "--name", name, "--scopes", scopes])
            .output()
            .await
            .expect("companion-worker can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed: BTreeMap<String, String> =
            serde_saphyr::from_slice(&output.stdout).expect("what is printed is YAML");
        let folder = self.folder.join("api-keys");
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        std::fs::write(folder.join(name), &printed[name]).expect("the entry can be written");
        merge(&mut self.config, json!({ "auth": { "apiKeys": { "path": folder } } }));
        printed["key"].clone()
    }

    /// Runs `companion-worker` with this setup to its end: whether it succeeded, and all it wrote.
    pub async fn run(&self, arguments: &[&str]) -> (bool, String) {
        // Runs at once must not find each other's file half written.
        let config = self.write_config(&unique("command"));
        let output = tokio::time::timeout(
            Duration::from_secs(60),
            self.command()
                .args(arguments)
                .arg("--config")
                .arg(config)
                .kill_on_drop(true)
                .output(),
        )
        .await
        .unwrap_or_else(|_| panic!("companion-worker {arguments:?} takes more than a minute"))
        .expect("companion-worker can be run");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    }

    /// Brings the database to the schema of this release.
    pub async fn migrate(&self) {
        let (done, text) = self.run(&["migrate", "--phase", "expand"]).await;
        assert!(done, "the migration fails: {text}");
    }

    /// Starts a worker and waits until it is ready.
    pub async fn start(&self) -> Worker {
        let worker = self.launch();
        worker.await_ready().await;
        worker
    }

    /// Starts a worker with further `arguments` and waits until it is ready.
    pub async fn start_with(&self, arguments: &[&str]) -> Worker {
        let worker = self.launch_with(arguments);
        worker.await_ready().await;
        worker
    }

    /// Starts a worker and does not wait.
    pub fn launch(&self) -> Worker {
        self.launch_with(&[])
    }

    fn launch_with(&self, arguments: &[&str]) -> Worker {
        let (serving, admin) = (free_port(), free_port());
        let mut config = self.config.clone();
        merge(
            &mut config,
            json!({ "listen": { "serving": serving.to_string(), "admin": admin.to_string() } }),
        );
        let name = unique("worker");
        let path = self.folder.join(format!("{name}.yaml"));
        std::fs::write(&path, config.to_string()).expect("the configuration can be written");
        let log = self.folder.join(format!("{name}.log"));
        let output = std::fs::File::create(&log).expect("the log can be written");
        let process = self
            .command()
            .args(["serve", "--config"])
            .arg(path)
            .args(arguments)
            .stdout(output.try_clone().expect("a file can be shared"))
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .expect("companion-worker can be started");
        Worker {
            url: format!("http://{serving}"),
            admin_url: format!("http://{admin}"),
            issuer: self.issuer.clone(),
            log,
            process,
        }
    }

    fn command(&self) -> Command {
        let binary = environment::required("COMPANION_WORKER_BIN");
        let mut words = self.launcher.iter().chain([&binary]);
        let mut command = Command::new(words.next().expect("the worker at least"));
        command
            .args(words)
            .stdin(Stdio::null())
            .envs(self.variables.iter().copied())
            .env("COMPANION_DATABASE_URL", &self.database_url)
            .env("COMPANION_DATABASE_DIRECT_URL", &self.database.owner_url)
            .env("COMPANION_REDIS_URL", &self.redis_url)
            .env("COMPANION_JWT_HS256_SECRET", &self.issuer.secret);
        command
    }

    fn write_config(&self, name: &str) -> PathBuf {
        let path = self.folder.join(format!("{name}.yaml"));
        // JSON is YAML.
        std::fs::write(&path, self.config.to_string()).expect("the configuration can be written");
        path
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Worker {
    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id().expect("the worker still runs")
    }

    /// A token of this user.
    pub fn token(&self, user: &str) -> String {
        self.issuer.token(user)
    }

    /// The service as this user sees it.
    pub fn chat(&self, user: &str) -> Chat {
        Chat::new(&self.url, self.token(user))
    }

    /// The status of a path of the admin port, 0 where nothing answers.
    pub async fn admin(&self, path: &str) -> u16 {
        match http().get(format!("{}{path}", self.admin_url)).send().await {
            Ok(response) => response.status().as_u16(),
            Err(_) => 0,
        }
    }

    /// The metrics in Prometheus' text form.
    pub async fn metrics(&self) -> String {
        let response = http()
            .get(format!("{}/metrics", self.admin_url))
            .send()
            .await
            .expect("the admin port answers");
        response.text().await.expect("metrics are text")
    }

    /// Waits until it is ready.
    pub async fn await_ready(&self) {
        eventually("a ready worker", Duration::from_secs(30), || async {
            let status = self.admin("/readyz").await;
            ensure(status == 200, || {
                format!("/readyz gives {status}; its log:\n{}", self.log())
            })
        })
        .await;
    }

    /// Runs what its pod's preStop hook would.
    pub async fn leave(&self) {
        let done = Command::new(environment::required("COMPANION_WORKER_BIN"))
            .args(["leave", "--worker", &self.id().to_string()])
            .kill_on_drop(true)
            .status();
        assert!(done.await.expect("companion-worker can be run").success());
    }

    /// Asks it to stop, as Kubernetes does.
    pub fn terminate(&self) {
        terminate(&self.process);
    }

    /// Kills it, as a node that fails does.
    pub async fn kill(&mut self) {
        self.process.kill().await.expect("the worker still ran");
    }

    /// Waits for its end: whether it was a good one.
    pub async fn ended(&mut self, within: Duration) -> bool {
        let status = tokio::time::timeout(within, self.process.wait()).await;
        status
            .unwrap_or_else(|_| panic!("the worker runs on after {within:?}"))
            .expect("a child can be waited for")
            .success()
    }

    /// What it wrote so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("---- log of {} ----\n{}", self.url, self.log());
        }
    }
}
