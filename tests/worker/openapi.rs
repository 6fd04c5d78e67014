//! The service against its own OpenAPI document: schemathesis makes requests of every kind from it, right and wrong ones,
//! and holds every answer against it. What is documented and not so, and what is so and not documented, fails.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use companion_tests::environment::{repository, required};
use companion_tests::process::heavy;
use companion_tests::worker::{Setup, Worker};
use tokio::process::Command;

/// Requests made for each operation beside those of its bounds; `make openapi` makes more.
const REQUESTS: &str = "15";

fn schemathesis() -> PathBuf {
    Path::new(&required("COMPANION_PYTHON")).with_file_name("schemathesis")
}

/// Drives the operations that `which` chooses, as whoever `token` proves.
async fn drive(worker: &Worker, token: &str, which: [&str; 2]) -> Output {
    let requests = std::env::var("COMPANION_OPENAPI_REQUESTS").unwrap_or_else(|_| REQUESTS.into());
    let mut command = Command::new(schemathesis());
    let rules = repository().join("tests/worker/schemathesis.toml");
    command
        .arg("--config-file")
        .arg(rules)
        .args(["run", &format!("{}/openapi.json", worker.url)])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--max-examples", &requests, "--seed", "1", "--workers", "1"])
        .args(["--request-timeout", "20", "--continue-on-failure", "--no-color"])
        .args(which)
        .current_dir(std::env::temp_dir())
        .kill_on_drop(true);
    tokio::time::timeout(Duration::from_secs(1_800), command.output())
        .await
        .expect("schemathesis takes too long")
        .expect("schemathesis can be run")
}

fn passed(output: &Output) {
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    println!("{told}");
}

#[tokio::test]
async fn the_service_answers_as_its_document_says() {
    let _alone = heavy().await;
    let mut setup = Setup::new().await;
    let admin = setup.api_key("support", "admin").await;
    let worker = setup.start().await;
    passed(&drive(&worker, &worker.token("ada"), ["--exclude-tag", "support"]).await);
    passed(&drive(&worker, &admin, ["--include-tag", "support"]).await);
}

#[tokio::test]
async fn the_document_and_its_page_are_served_to_everybody() {
    let worker = Setup::new().await.start().await;
    let document: serde_json::Value = reqwest::get(format!("{}/openapi.json", worker.url))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let written = std::fs::read(repository().join("docs/openapi.json")).unwrap();
    assert_eq!(document, serde_json::from_slice::<serde_json::Value>(&written).unwrap());
    let page = reqwest::get(format!("{}/docs/", worker.url)).await.unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(page.text().await.unwrap().contains("swagger-ui"));
}
