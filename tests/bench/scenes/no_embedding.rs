//! What a worker adds to a turn that is admitted, composed and stored, but embeds nothing.

use std::time::Duration;

use companion_tests::chat::message;
use companion_tests::stub_provider::Pace;
use companion_tests::unique;
use serde_json::{Value, json};

use super::compared::{self, Asks, Load, gave_way};
use crate::figures::{Goal, Row};
use crate::parts::Stub;

const LOAD: Load = Load {
    rate: 50,
    warm_up: 200,
    counted: 2_000,
};

/// How fast the model is: its first token costs nothing, so that what is added stands out.
pub const MODEL: Pace = Pace {
    first_token: Duration::ZERO,
    gap: Duration::from_millis(5),
    words: 8,
};

/// Runs it.
pub async fn run() -> Vec<Row> {
    let stub = Stub::start(MODEL).await;
    let setup = stub.setup(json!({ "memory": { "recalled": 0 } })).await;
    let worker = setup.start().await;
    let asks = Asks {
        body: |number| message(&format!("What is {number} and {number}?"), true),
        tokens: (0..64).map(|_| setup.issuer.token(&unique("user"))).collect(),
    };
    let mut rows = compared::run("no embedding", LOAD, (&stub, &worker), asks, recalled_nothing).await;
    let first = rows.remove(0);
    rows.insert(0, first.goal(Goal::Below("added p99", 2.0)));
    rows
}

fn recalled_nothing(companion: &Value) -> bool {
    assert_eq!(companion["recalled"], json!([]), "{companion}");
    gave_way(companion)
}
