//! Clients that take their time, on purpose or not: heads and bodies that trickle in are given up after a deadline, replies
//! that are not read wait without filling the memory, silent streams stay. Whoever comes meanwhile is served.

use std::time::{Duration, Instant};

use companion_tests::chat::message;
use companion_tests::process::{heavy, resident};
use companion_tests::sse::Event;
use companion_tests::stub_provider::{Pace, StubProvider, answer};
use companion_tests::worker::{Setup, Worker};
use companion_tests::{eventually, eventually::ensure, unique};
use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// Longest that a head or a body may take, and some more for a machine that is busy.
const GIVEN_UP: Duration = Duration::from_secs(20);

/// A request for a streamed reply, by hand.
fn request(worker: &Worker, user: &str) -> String {
    let body = message("Hello", true).to_string();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        worker.token(user),
        body.len()
    )
}

/// Sends `begun`, then a byte now and then, until the worker closes the connection: what it said until then.
async fn trickle(worker: &Worker, begun: &str) -> String {
    let address = worker.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(begun.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut said = Vec::new();
    let going_on = async {
        while write.write_all(b"a").await.is_ok() {
            sleep(Duration::from_millis(200)).await;
        }
        std::future::pending::<()>().await;
    };
    let closed = tokio::select! {
        // A reset closes it as well: what was still to come is thrown away.
        closed = timeout(GIVEN_UP, read.read_to_end(&mut said)) => closed,
        () = going_on => unreachable!("it never ends"),
    };
    assert!(
        closed.is_ok(),
        "{begun:.40?} holds a connection for more than {GIVEN_UP:?}"
    );
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test]
async fn heads_and_bodies_that_trickle_in_are_given_up_and_others_are_served_meanwhile() {
    let setup = Setup::new().await;
    let worker = setup.start().await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: ";
    let body = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 100000\r\n\r\n{{\"model\":\"",
        worker.token("mallory")
    );
    let heads = join_all((0..50).map(|_| trickle(&worker, head)));
    let bodies = join_all((0..50).map(|_| trickle(&worker, &body)));
    let others = async {
        for _ in 0..10 {
            is_answered_at_once(&worker).await;
            sleep(Duration::from_millis(500)).await;
        }
    };
    let (_, bodies, ()) = tokio::join!(heads, bodies, others);
    for said in bodies {
        assert!(
            said.starts_with("HTTP/1.1 408") && said.contains("body_timeout"),
            "{said}"
        );
    }
}

/// Somebody else does not wait.
async fn is_answered_at_once(worker: &Worker) {
    let began = Instant::now();
    worker.chat("ada").say("Hello").await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "it waited {:?}",
        began.elapsed()
    );
}

/// Asks for a streamed reply and reads nothing of it.
async fn open_unread(worker: &Worker) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    // So that the kernel does not take the whole reply in the client's place.
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = worker.url.trim_start_matches("http://").parse().unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = request(worker, &unique("slow"));
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_reply_that_is_not_read_waits_holds_nobody_up_and_fills_no_memory() {
    const SLOW: usize = 4;
    const WORDS: usize = 40_000;
    let _alone = heavy().await;
    let stub = StubProvider::start().await;
    let setup = Setup::with_stub(&stub)
        .await
        .with(json!({ "llm": { "timeouts": { "turn": "60s" } } }));
    let worker = setup.start().await;
    worker.chat("ada").say("Hello").await;
    let before = resident(worker.id());
    stub.pace(Pace {
        gap: Duration::ZERO,
        words: WORDS,
        ..Pace::default()
    });
    let mut slow = Vec::new();
    for _ in 0..SLOW {
        slow.push(open_unread(&worker).await);
    }
    eventually("the model is asked by all", Duration::from_secs(10), || async {
        let asked = stub.requests().len() - 1;
        ensure(asked == SLOW, || format!("{asked} asked"))
    })
    .await;
    stub.pace(Pace::default());
    for _ in 0..5 {
        is_answered_at_once(&worker).await;
        sleep(Duration::from_millis(300)).await;
    }
    eventually("turns that wait", Duration::from_secs(5), || async {
        // One that could put its reply somewhere would be over.
        let metrics = worker.metrics().await;
        let waiting = format!("companion_turns_in_flight {SLOW}\n");
        ensure(metrics.contains(&waiting), || metrics)
    })
    .await;
    let grown = resident(worker.id()).saturating_sub(before) / 1_024;
    assert!(grown < 32 * 1_024, "{SLOW} replies that nobody reads took {grown} KiB");

    let read = slow.into_iter().map(|mut stream| async move {
        let mut said = String::new();
        let whole = timeout(Duration::from_secs(40), stream.read_to_string(&mut said)).await;
        whole.expect("the rest comes").unwrap();
        said
    });
    for said in join_all(read).await {
        assert!(said.contains("data: [DONE]"), "{}", &said[said.len() - 300..]);
        assert_eq!(text(&said), answer(WORDS), "what was not read in time is not lost");
    }
}

#[tokio::test]
async fn who_reads_nothing_for_half_a_minute_is_let_go() {
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::ZERO,
        words: 40_000,
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub).await;
    let worker = setup.start().await;
    let mut stream = open_unread(&worker).await;
    eventually("the model is asked", Duration::from_secs(10), || async {
        ensure(stub.requests().len() == 1, || "not asked".to_owned())
    })
    .await;
    // Nothing is read meanwhile: a byte would be a sign of life.
    sleep(Duration::from_secs(40)).await;
    let mut said = Vec::new();
    let read = timeout(Duration::from_secs(10), stream.read_to_end(&mut said)).await;
    let read = read.expect("the connection is over");
    assert!(read.is_err(), "the reply came whole: {} bytes", said.len());
}

/// The text of a stream.
fn text(stream: &str) -> String {
    let chunks = stream.lines().filter_map(|line| line.strip_prefix("data: {"));
    let chunks = chunks.filter_map(|chunk| serde_json::from_str::<serde_json::Value>(&format!("{{{chunk}")).ok());
    chunks
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn silent_streams_stay_and_show_that_they_live() {
    const STREAMS: usize = 200;
    let _alone = heavy().await;
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        gap: Duration::from_secs(20),
        words: 1,
        ..Pace::default()
    });
    let setup = Setup::with_stub(&stub)
        .await
        .with(json!({ "llm": { "timeouts": { "idle": "30s", "turn": "60s" } } }));
    let worker = setup.start().await;
    let ask = |number: usize| {
        let chat = worker.chat(&format!("user-{number}"));
        async move {
            let mut stream = chat.open(message("Hello", true)).await;
            stream.first_text().await.unwrap();
            stream
        }
    };
    let streams = join_all((0..STREAMS).map(ask)).await;
    assert_eq!(stub.open_answers(), STREAMS, "all are open at once");
    for events in join_all(streams.into_iter().map(|stream| stream.rest())).await {
        let events = events.unwrap();
        assert!(events.contains(&Event::Comment), "no sign of life: {events:?}");
        assert_eq!(events.last(), Some(&Event::Done), "a silent stream was cut");
    }
}
