//! Clients that others wrote, unchanged: OpenAI's for Node, the Vercel AI SDK, LangChain, LlamaIndex. (OpenAI's for Python
//! runs against the quickstart.)

use std::path::PathBuf;
use std::time::Duration;

use companion_tests::environment::{repository, required};
use companion_tests::process::heavy;
use companion_tests::worker::Setup;
use tokio::process::Command;

/// Runs a script as a user of a fresh worker.
async fn run(mut command: Command, script: PathBuf) {
    let _alone = heavy().await;
    let worker = Setup::new().await.start().await;
    let output = command
        .arg(script)
        .env("OPENAI_BASE_URL", format!("{}/v1", worker.url))
        .env("OPENAI_API_KEY", worker.token("ada"))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(120), output)
        .await
        .expect("the clients take too long")
        .expect("the script can be run");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    println!("{told}");
}

#[tokio::test]
async fn javascript_clients_find_what_they_expect() {
    let folder = PathBuf::from(required("COMPANION_JAVASCRIPT"));
    run(Command::new(required("COMPANION_NODE")), folder.join("javascript.mjs")).await;
}

#[tokio::test]
async fn python_frameworks_find_what_they_expect() {
    let script = repository().join("tests/worker/clients/python.py");
    run(Command::new(required("COMPANION_FRAMEWORKS_PYTHON")), script).await;
}
