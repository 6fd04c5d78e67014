//! The schedule: requests leave at their time, whether or not those before them came back, so a slow answer cannot hold
//! the next question up and hide behind it. Time counts from when a request was due, not from when it left; how much later
//! it left is told, for a loader that is late measures itself.

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// What came of one request.
pub struct Came<T> {
    /// Its number on the schedule.
    pub number: usize,
    /// When it was due.
    pub due: Instant,
    /// How much later it left.
    pub late: Duration,
    /// The rest.
    pub what: T,
}

/// Runs `ask` for each number below `count`, one every `period`, and gives what came of them as they end.
pub async fn run<T, F>(count: usize, period: Duration, ask: impl Fn(usize) -> F + Send + 'static) -> Vec<Came<T>>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (sender, mut ended) = mpsc::unbounded_channel();
    let runtime = Handle::current();
    // A thread of its own: the runtime's clock has steps of a millisecond.
    let pacer = std::thread::spawn(move || {
        let start = Instant::now() + Duration::from_millis(10);
        for number in 0..count {
            let due = start + period * number as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let (sender, asked) = (sender.clone(), ask(number));
            runtime.spawn(async move {
                let late = due.elapsed();
                let what = asked.await;
                let came = Came {
                    number,
                    due,
                    late,
                    what,
                };
                let _ = sender.send(came);
            });
        }
    });
    let mut all = Vec::with_capacity(count);
    while let Some(came) = ended.recv().await {
        all.push(came);
    }
    pacer.join().unwrap();
    assert_eq!(all.len(), count, "a request broke; what broke it stands above");
    all
}
