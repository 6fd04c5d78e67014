//! OpenAI's own Python client against the quickstart, and the tokens it must not be let in with.

use std::path::Path;
use std::time::Duration;

use companion_tests::Chat;
use companion_tests::environment::{repository, required};
use companion_tests::shared::with_quickstart;
use reqwest::StatusCode;
use tokio::process::Command;

#[tokio::test]
async fn openais_python_client_lists_models_chats_and_streams() {
    with_quickstart(async move |quickstart| {
        let script: &Path = &repository().join("tests/e2e/openai_client.py");
        let output = Command::new(required("COMPANION_PYTHON"))
            .arg(script)
            .env_clear()
            .env("OPENAI_BASE_URL", format!("{}/v1", quickstart.url().await))
            .env(
                "OPENAI_API_KEY",
                quickstart.issuer.token(&companion_tests::unique("ada")),
            )
            .env("WRONG_API_KEY", "not-a-token")
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(60), output)
            .await
            .expect("the client takes too long")
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        println!("{told}");
    })
    .await;
}

#[tokio::test]
async fn wrong_expired_unsigned_and_foreign_tokens_get_401() {
    with_quickstart(async move |quickstart| {
        let url = quickstart.url().await;
        for (wrong, token) in quickstart.issuer.wrong_tokens("ada") {
            let answer = Chat::new(&url, token).get("/v1/models").await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong}: {}", answer.text);
            assert!(answer.body["error"]["message"].is_string(), "{wrong}: {}", answer.text);
        }
    })
    .await;
}
