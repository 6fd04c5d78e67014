//! How long a reply takes that was made before for somebody else: no model is asked, nothing is stored.

use companion_tests::chat::message;
use companion_tests::unique;
use serde_json::{Value, json};

use super::compared::{self, Asks, Load};
use super::no_embedding::MODEL;
use crate::figures::{Goal, Row};
use crate::parts::Stub;

const LOAD: Load = Load {
    rate: 100,
    warm_up: 400,
    counted: 4_000,
};

/// Runs it.
pub async fn run() -> Vec<Row> {
    let stub = Stub::start(MODEL).await;
    let setup = stub.setup(json!({})).await;
    let worker = setup.start().await;
    let asks = Asks {
        body: |_| {
            let mut body = message("How many legs has a spider?", true);
            body["store"] = json!(false);
            body
        },
        tokens: (0..64).map(|_| setup.issuer.token(&unique("user"))).collect(),
    };
    let mut rows = compared::run("cached", LOAD, (&stub, &worker), asks, was_made).await;
    // A reply that is there comes in one piece.
    rows.retain(|row| row.what != "gap");
    let first = rows.remove(0);
    rows.insert(0, first.goal(Goal::Below("worker p99", 1.0)));
    rows
}

/// Whether the reply had to be made, for Redis did not answer in time.
fn was_made(companion: &Value) -> bool {
    companion["cached"] != true || companion["degraded"] != json!([])
}
