//! The same load on a model directly and through a worker, every other request on one schedule, so that whatever else the
//! machine does falls on both.

use std::sync::Arc;
use std::time::Duration;

use companion_tests::worker::Worker;
use serde_json::Value;

use crate::asking::{Ask, Client, Heard};
use crate::figures::{Row, Times, at};
use crate::open_loop;
use crate::parts::{Account, Stub};

/// How much is asked.
#[derive(Clone, Copy)]
pub struct Load {
    /// Requests of each side in a second.
    pub rate: u32,
    /// Requests of each side that are not counted: pools fill, the model's weights come in.
    pub warm_up: usize,
    /// Requests of each side that are.
    pub counted: usize,
}

/// What both sides are asked by request number so and so.
pub struct Asks {
    /// The message.
    pub body: fn(usize) -> Value,
    /// Tokens of the users who ask the worker, one after the other.
    pub tokens: Vec<String>,
}

/// Runs the load and gives the rows that compare; `check` looks at each end of a turn that is counted and says whether it
/// went without a part.
pub async fn run(
    scene: &'static str,
    load: Load,
    (stub, worker): (&Stub, &Worker),
    asks: Asks,
    check: fn(&Value) -> bool,
) -> Vec<Row> {
    let client = Client::new();
    let bases = [stub.url.clone(), worker.url.clone()];
    let asks = Arc::new(asks);
    let ask = move |number: usize| {
        let (side, number) = (number % 2, number / 2);
        let ask = Ask {
            base: bases[side].clone(),
            token: asks.tokens[number % asks.tokens.len()].clone(),
            body: (asks.body)(number),
        };
        let client = client.clone();
        async move { client.ask(&ask, || {}).await }
    };
    let account = Account::new(stub, worker);
    let period = Duration::from_secs(1) / (2 * load.rate);
    let came = open_loop::run::<Heard, _>(2 * (load.warm_up + load.counted), period, ask).await;
    let used = account.tell();

    let (mut sides, mut degraded) = ([Times::new(), Times::new()], 0);
    for came in came.iter().filter(|came| came.number / 2 >= load.warm_up) {
        let side = came.number % 2;
        sides[side].add(came.due, came.late, &came.what);
        degraded += usize::from(side == 1 && check(&came.what.companion));
    }
    let [direct, worker] = &sides;
    let note = format!(
        "{} a second of each side, {} counted, {degraded} without a part; left late by {:.2} / {:.2}; {used}",
        load.rate,
        load.counted,
        at(&worker.late, 50.0),
        at(&worker.late, 99.0)
    );
    vec![
        Row::compared(scene, "first token", &direct.first_token, &worker.first_token).note(note),
        Row::compared(scene, "gap", &direct.gaps, &worker.gaps),
        Row::compared(scene, "last delta", &direct.last_delta, &worker.last_delta),
        Row::compared(scene, "done", &direct.done, &worker.done),
    ]
}

/// Whether a turn went without a part, storing included.
pub fn gave_way(companion: &Value) -> bool {
    companion["stored"] != true || companion["degraded"].as_array().map(Vec::len) != Some(0)
}
