//! Front ends that others wrote, unchanged: a real Open WebUI and a real SillyTavern, each with two people whose memories must
//! not mix (`make front-ends`). What they send stands in `open_webui/requests.json` and `sillytavern/requests.json`, for
//! `make test`, which does without them.

use std::path::Path;
use std::time::Duration;

use companion_tests::environment::{repository, required};
use companion_tests::process::heavy;
use companion_tests::stub_provider::{Behaviour, StubProvider};
use companion_tests::worker::{Setup, Worker};
use serde_json::json;
use tokio::process::Command;

const FORWARDED: &str = "X-OpenWebUI-User-Id";

/// A worker that works, workers whose models fail in three ways, and the key that all of them believe.
struct Service {
    worker: Worker,
    broken: Vec<(Worker, StubProvider)>,
    key: String,
    _setup: Setup,
}

async fn service() -> Service {
    let mut setup = Setup::new().await;
    let key = setup.api_key("front-end", "chat,act-as").await;
    let mut setup = setup.with(json!({ "auth": { "forwardedUserHeader": FORWARDED } }));
    let worker = setup.start().await;
    let mut broken = Vec::new();
    for failure in [Behaviour::Refuse(500), Behaviour::Mute, Behaviour::BreakAfter(3)] {
        let stub = StubProvider::start().await;
        stub.always(failure);
        setup = setup.with(json!({ "llm": {
            "providers": [{ "name": "stub", "openAi": { "baseURL": stub.url(), "keyed": false } }],
            "routes": { "normal": { "provider": "stub", "model": "stub" } },
        } }));
        broken.push((setup.start().await, stub));
    }
    Service {
        worker,
        broken,
        key,
        _setup: setup,
    }
}

/// Runs a script against it.
async fn run(service: &Service, mut command: Command, script: &Path) {
    let broken: Vec<&str> = service.broken.iter().map(|(worker, _)| worker.url.as_str()).collect();
    let output = command
        .arg(script)
        .env("COMPANION_URL", &service.worker.url)
        .env("COMPANION_KEY", &service.key)
        .env("COMPANION_BROKEN_URLS", broken.join(" "))
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(330), output)
        .await
        .expect("the front end takes too long")
        .expect("the script can be run");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    println!("{told}");
}

#[tokio::test]
async fn open_webui_keeps_two_people_apart() {
    let _alone = heavy().await;
    let service = service().await;
    let script = repository().join("tests/front_ends/open_webui/main.py");
    run(&service, Command::new(required("COMPANION_OPEN_WEBUI_PYTHON")), &script).await;
}

#[tokio::test]
async fn sillytavern_keeps_two_people_apart() {
    let _alone = heavy().await;
    let service = service().await;
    let tokens = format!("{} {}", service.worker.token("ada"), service.worker.token("sam"));
    let mut command = Command::new(required("COMPANION_NODE"));
    command.env("COMPANION_TOKENS", tokens);
    let folder = required("COMPANION_SILLYTAVERN");
    run(&service, command, &Path::new(&folder).join("sillytavern.mjs")).await;
}
