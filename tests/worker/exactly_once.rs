//! Clients that lose patience and come back, workers that are killed: every message is answered once and stored once, in
//! its place. `make soak` asks 10,000 messages, `make test` a fiftieth of them.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use companion_tests::Chat;
use companion_tests::environment::times;
use companion_tests::process::heavy;
use companion_tests::stub_provider::{Pace, StubProvider};
use companion_tests::worker::{Setup, Worker};
use futures::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

const CLIENTS: usize = 10;
/// Each client's messages; `make soak` asks fifty times as many.
const MESSAGES: usize = 20;
/// A worker's floor and its turn's sign of life outlast it by so much, and then its turn is made again.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message is answered at last, however often its worker was killed.
const AT_LAST: Duration = Duration::from_secs(180);

/// The same throws in every run (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Where workers serve now.
type Addresses = Arc<RwLock<Vec<String>>>;

/// Asks until the reply is stored, as a client does whose network is bad: at any worker, often leaving before the answer,
/// and always under the same key.
async fn ask(chat: &Chat, workers: &Addresses, dice: &mut Dice, key: &str, text: &str) -> String {
    let body = json!({ "model": "default", "messages": [{ "role": "user", "content": text }] }).to_string();
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    let begun = Instant::now();
    while begun.elapsed() < AT_LAST {
        let address = {
            let workers = workers.read().unwrap();
            workers[dice.below(workers.len() as u64) as usize].clone()
        };
        let request = chat.at(address).with("idempotency-key", key);
        let answer = request.try_request(Method::POST, "/v1/chat/completions", Some(body.clone()));
        let patience = match dice.below(3) {
            0 => Duration::from_millis(dice.below(120)),
            _ => PATIENCE,
        };
        match timeout(patience, answer).await {
            Ok(Ok(answer)) if answer.status == StatusCode::OK => {
                let companion = &answer.body["companion"];
                assert_eq!(companion["stored"], true, "{}", answer.text);
                return companion["turn_id"].as_str().unwrap().to_owned();
            }
            // Its conversation is busy, its worker is gone or was killed: what may be tried again.
            Ok(Ok(answer)) => {
                assert!(
                    matches!(answer.status.as_u16(), 409 | 503),
                    "{key}: {} {}",
                    answer.status,
                    answer.text
                );
                *outcomes.entry(answer.text).or_default() += 1;
            }
            Ok(Err(_)) => *outcomes.entry("no answer".into()).or_default() += 1,
            Err(_) => *outcomes.entry("left".into()).or_default() += 1,
        }
        sleep(Duration::from_millis(20 + dice.below(80))).await;
    }
    panic!("{key}: never answered, but: {outcomes:#?}");
}

/// Kills one worker after the other for as long as it is let, and puts another in its place.
async fn kill_workers(setup: &Setup, mut workers: Vec<Worker>, addresses: Addresses) {
    for turn in 0.. {
        sleep(Duration::from_millis(2_500)).await;
        let place = turn % workers.len();
        workers[place].kill().await;
        workers[place] = setup.start().await;
        addresses.write().unwrap()[place] = workers[place].url.clone();
    }
}

#[tokio::test]
async fn every_message_is_answered_once_whatever_breaks() {
    let _alone = heavy().await;
    let stub = StubProvider::start().await;
    stub.pace(Pace {
        first_token: Duration::from_millis(20),
        gap: Duration::from_millis(3),
        words: 15,
    });
    let setup = Setup::with_stub(&stub).await;
    let workers = vec![setup.start().await, setup.start().await];
    let addresses: Addresses = Arc::new(RwLock::new(workers.iter().map(|worker| worker.url.clone()).collect()));
    let messages = times(MESSAGES);
    let client = |client: usize| {
        let chat = workers[0]
            .chat(&format!("user-{}", client % 3))
            .in_conversation(&format!("talk-{client}"));
        let addresses = Arc::clone(&addresses);
        async move {
            let mut dice = Dice(0x9e37_79b9 + client as u64);
            let mut turns = Vec::new();
            for number in 0..messages {
                let key = format!("{client}-{number}");
                turns.push((
                    key.clone(),
                    ask(&chat, &addresses, &mut dice, &key, &format!("Message {key}")).await,
                ));
            }
            turns
        }
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let told = tokio::select! {
        told = join_all(clients) => told,
        () = kill_workers(&setup, workers, Arc::clone(&addresses)) => unreachable!("it goes on for ever"),
    };

    let told: Vec<(String, String)> = told.into_iter().flatten().collect();
    assert_eq!(told.len(), CLIENTS * messages);
    let mut expected: Vec<String> = told.iter().map(|(key, turn)| format!("{key} {turn}")).collect();
    let mut stored = setup
        .database
        .list("SELECT idempotency_key || ' ' || turn_id FROM companion.turns")
        .await;
    expected.sort();
    stored.sort();
    assert_eq!(
        stored, expected,
        "each turn that a client was told of is stored, once, and no other"
    );
    let out_of_place = "
        SELECT conversation_id || ': ' || string_agg(text, ', ' ORDER BY seq) FROM companion.messages
        GROUP BY user_id, conversation_id
        HAVING min(seq) <> 1 OR max(seq) <> count(*) OR bool_or(partial) OR count(*) FILTER (WHERE role = 'user') * 2 <> count(*)";
    assert_eq!(setup.database.list(out_of_place).await, Vec::<String>::new());
    let in_order = "
        SELECT text FROM companion.messages WHERE role = 'user' ORDER BY user_id, conversation_id, seq";
    let said = setup.database.list(in_order).await;
    for talk in said.chunks(messages) {
        let numbers: Vec<&str> = talk.iter().filter_map(|text| text.rsplit('-').next()).collect();
        let right: Vec<String> = (0..messages).map(|number| number.to_string()).collect();
        assert_eq!(numbers, right, "a conversation is in the order in which it was said");
    }
    println!("{} messages, {} calls of the model", told.len(), stub.requests().len());
}
