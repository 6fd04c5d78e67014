//! What a worker adds to a turn that embeds its message in process and recalls by it.

use companion_tests::chat::message;
use companion_tests::unique;
use serde_json::{Value, json};

use super::compared::{self, Asks, Load, gave_way};
use super::no_embedding::MODEL;
use crate::figures::{Goal, Row};
use crate::parts::Stub;

const LOAD: Load = Load {
    rate: 20,
    warm_up: 60,
    counted: 1_000,
};

/// Runs it.
pub async fn run() -> Vec<Row> {
    let stub = Stub::start(MODEL).await;
    let setup = stub.setup(json!({})).await;
    let worker = setup.start().await;
    let users: Vec<String> = (0..64).map(|_| unique("user")).collect();
    for user in &users {
        for fact in [
            "The user's sister Anna lives in Lisbon.",
            "The user is allergic to nuts.",
            "The user plays the cello.",
        ] {
            let stored = worker
                .chat(user)
                .post("/api/v1/memories", json!({ "text": fact }))
                .await;
            assert!(stored.status.is_success(), "{}", stored.text);
        }
    }
    let asks = Asks {
        // No two alike: what was embedded before must not be found again.
        body: |number| {
            message(
                &format!("Where does my sister live, and is number {number} near?"),
                true,
            )
        },
        tokens: users.iter().map(|user| setup.issuer.token(user)).collect(),
    };
    let mut rows = compared::run("local embedder", LOAD, (&stub, &worker), asks, recalled).await;
    let first = rows.remove(0);
    rows.insert(0, first.goal(Goal::Below("added p99", 25.0)));
    rows
}

/// One that went without its memories is counted by [`gave_way`].
fn recalled(companion: &Value) -> bool {
    let gave_way = gave_way(companion);
    assert!(gave_way || companion["recalled"] != json!([]), "{companion}");
    gave_way
}
