//! The load that a worker is measured under: a real worker process, PostgreSQL and Redis, and a simulated model in a process
//! of its own. Each scene asks one question and gives rows of one table; those that compare ask the model directly as well,
//! in turns with the worker, on one schedule. Prints the table, and JSON as the last line.
//!
//! `make bench` runs all scenes; arguments name some of them.

mod asking;
mod figures;
mod open_loop;
mod parts;
mod scenes;
mod table;

use std::time::Duration;

use figures::Row;
use scenes::{cached, embedder, no_embedding, open_streams, settle};

/// Each scene and its name, in the order of the table.
const SCENES: [&str; 5] = ["no_embedding", "embedder", "cached", "settle", "open_streams"];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    for name in &wanted {
        assert!(
            SCENES.contains(&name.as_str()),
            "no scene {name:?}; there are {SCENES:?}"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let rows = runtime.block_on(run(&wanted));
    // What still listens for the ends of streams is not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    table::print(&rows);
}

async fn run(wanted: &[String]) -> Vec<Row> {
    let durable = parts::Durable::begin().await;
    let mut rows = Vec::new();
    for name in SCENES {
        if !wanted.is_empty() && !wanted.iter().any(|one| one == name) {
            continue;
        }
        eprintln!("{name} ...");
        // A task of its own: the server is put back as it was, whatever becomes of the scene.
        let scene = tokio::spawn(async move {
            match name {
                "no_embedding" => no_embedding::run().await,
                "embedder" => embedder::run().await,
                "cached" => cached::run().await,
                "settle" => settle::run().await,
                _ => open_streams::run().await,
            }
        });
        match scene.await {
            Ok(more) => rows.extend(more),
            Err(broken) => {
                durable.end().await;
                std::panic::resume_unwind(broken.into_panic());
            }
        }
    }
    durable.end().await;
    rows
}
