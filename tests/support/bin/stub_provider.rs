//! The simulated language model as a program, for measurements: it must not share a process with what measures it.
//! In come an address and a pace; it serves until it is killed.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use companion_tests::stub_provider::{Pace, StubProvider};

/// A simulated language model that speaks the OpenAI API.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:9099")]
    listen: SocketAddr,
    /// Milliseconds before the first word.
    #[arg(long, default_value_t = 0)]
    first_token_ms: u64,
    /// Milliseconds between two words.
    #[arg(long, default_value_t = 1)]
    gap_ms: u64,
    /// Words of an answer.
    #[arg(long, default_value_t = 8)]
    words: usize,
}

#[tokio::main]
async fn main() {
    let arguments = Arguments::parse();
    let stub = StubProvider::listen(arguments.listen).await;
    stub.pace(Pace {
        first_token: Duration::from_millis(arguments.first_token_ms),
        gap: Duration::from_millis(arguments.gap_ms),
        words: arguments.words,
    });
    println!("a simulated language model listens on http://{}/v1", stub.address);
    std::future::pending::<()>().await;
}
