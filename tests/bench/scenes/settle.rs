//! How many turns a second are stored when 64 are under way at any moment: each waits for its commit, and PostgreSQL commits
//! those that wait together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::stub_provider::Pace;
use companion_tests::unique;
use futures::future::join_all;
use serde_json::json;

use super::compared::gave_way;
use crate::asking::{Ask, Client};
use crate::figures::{Goal, Row};
use crate::parts::{Account, Stub};

const LANES: usize = 64;
const WARM_UP: Duration = Duration::from_secs(3);
const COUNTED: Duration = Duration::from_secs(15);

/// Runs it.
pub async fn run() -> Vec<Row> {
    let stub = Stub::start(Pace {
        first_token: Duration::ZERO,
        gap: Duration::ZERO,
        words: 1,
    })
    .await;
    let setup = stub
        .setup(json!({ "memory": { "recalled": 0 }, "database": { "poolSize": 32 } }))
        .await;
    let worker = setup.start_with(&["--jobs", "off"]).await;
    let (client, stored, gave) = (Client::new(), AtomicUsize::new(0), AtomicUsize::new(0));
    let begin = Instant::now() + WARM_UP;
    let end = begin + COUNTED;
    let lanes = (0..LANES).map(|_| {
        let ask = Arc::new(Ask {
            base: worker.url.clone(),
            token: setup.issuer.token(&unique("user")),
            body: message("Hello", true),
        });
        let (client, stored, gave) = (&client, &stored, &gave);
        async move {
            while Instant::now() < end {
                let heard = client.ask(&ask, || {}).await;
                if (begin..end).contains(&heard.done.unwrap()) {
                    let is_stored = heard.companion["stored"] == true;
                    stored.fetch_add(usize::from(is_stored), Ordering::Relaxed);
                    gave.fetch_add(usize::from(gave_way(&heard.companion)), Ordering::Relaxed);
                }
            }
        }
    });
    let account = async {
        tokio::time::sleep_until(begin.into()).await;
        let account = Account::new(&stub, &worker);
        tokio::time::sleep_until((end - Duration::from_millis(50)).into()).await;
        account.tell()
    };
    let (_, used) = tokio::join!(join_all(lanes), account);
    let per_second = stored.load(Ordering::Relaxed) as f64 / COUNTED.as_secs_f64();
    let note = format!("{} without a part; {used}", gave.load(Ordering::Relaxed));
    vec![
        Row::of("settle", "c=64", vec![("turns/s stored", per_second)])
            .goal(Goal::Above("turns/s stored", 1_500.0))
            .note(note),
    ]
}
