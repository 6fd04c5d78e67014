//! What Redis does for a turn: limits, the order of a conversation, and its recent messages. In: who asks and about what;
//! out: leave to go on, with what Redis knew. Every part has an answer without Redis: this worker's share of the limits,
//! PostgreSQL's order, PostgreSQL's messages.

mod active;
mod floor;
mod keys;
mod local;
mod replay;
mod unsettled;

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use companion_crds::config::WorkerConfig;
use redis::{Script, Value};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::identity::UserId;
use crate::link::Link;
use crate::safety::course::Lock;
use crate::telemetry::Metrics;

pub use floor::{Ending, Floor, Way};
pub(crate) use keys::Keys;
pub use keys::{RequestKey, Subject};
use keys::{TurnKeys, hex};
use local::LocalLimits;
pub use replay::{Entry, EventId, Kept, Recorder};

/// Messages of one conversation that may wait for the floor.
const MOST_WAITING: u32 = 3;
/// Longest they wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Pause between two looks at the floor.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

static LIMIT: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("rate.lua"), include_str!("limit.lua"))));
static ADMIT: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("rate.lua"), include_str!("admit.lua"))));

static ERASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("erase.lua")));

/// Redis, as turns see it. Clones share it.
#[derive(Clone)]
pub struct Sessions {
    link: Link,
    keys: Keys,
    local: Arc<LocalLimits>,
    metrics: Metrics,
    per_user: u32,
    per_address: u32,
    per_key: u32,
    kept: u32,
    life: Duration,
}

/// Where a caller stands with its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Requests a minute.
    pub limit: u32,
    /// How many are left.
    pub left: u32,
    /// Time until the limit is worth another try.
    pub reset: Duration,
}

/// Why a request may not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The user's limit is used up.
    User(Allowance),
    /// The address's limit is used up.
    Address(Allowance),
    /// The API key's limit is used up.
    Key(Allowance),
    /// The conversation is busy, and enough messages wait for it.
    Busy,
    /// The idempotency key belongs to another request.
    KeyReused,
}

/// A message as Redis keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// `true` if the user wrote it, `false` if the assistant did.
    pub user: bool,
    /// What it says.
    pub text: String,
    /// Its place in the conversation, 0 while PostgreSQL has not stored it.
    pub seq: i64,
}

/// What Redis says to a turn that asks to begin.
pub enum Admission {
    /// It may.
    Go(Box<Admitted>),
    /// It runs already, under its idempotency key.
    Running {
        /// Where the user stands.
        allowance: Allowance,
        /// The turn that runs.
        turn: Uuid,
    },
}

/// Leave to go on with a turn.
pub struct Admitted {
    /// Where the user stands.
    pub allowance: Allowance,
    /// The conversation's floor; it is given back when this is dropped.
    pub floor: Option<Floor>,
    /// The conversation's recent messages, oldest first; none if Redis has none.
    pub recent: Vec<Recent>,
    /// The adult route that the conversation is on.
    pub lock: Option<Lock>,
    /// Earlier turns of the user are not stored yet.
    pub unsettled: bool,
    /// Redis took no part.
    pub degraded: bool,
}

impl Sessions {
    /// Turns' view of the Redis that `link` leads to.
    pub fn new(link: Link, config: &WorkerConfig, metrics: &Metrics) -> Self {
        Self {
            link,
            keys: Keys::new(&config.tenant),
            local: Arc::new(LocalLimits::new(config.database.max_workers)),
            metrics: metrics.clone(),
            per_user: config.limits.per_user_per_minute,
            per_address: config.limits.per_ip_per_minute,
            per_key: config.limits.per_key_per_minute,
            kept: config.memory.history,
            life: config.sessions.ttl.duration(),
        }
    }

    /// Whether Redis answered when it was last asked.
    pub fn redis_answers(&self) -> bool {
        self.link.is_up()
    }

    /// Counts a request of `address`.
    ///
    /// # Errors
    /// Its limit is used up.
    pub async fn count_address(&self, address: IpAddr) -> Result<Allowance, Refused> {
        let counted = self.count(self.keys.address(address), self.per_address).await;
        counted.map_err(|allowance| self.refuse("ip", Refused::Address(allowance)))
    }

    /// Counts a request with the API key called `name`.
    ///
    /// # Errors
    /// Its limit is used up.
    pub async fn count_key(&self, name: &str) -> Result<Allowance, Refused> {
        let counted = self.count(self.keys.api_key(name), self.per_key).await;
        counted.map_err(|allowance| self.refuse("key", Refused::Key(allowance)))
    }

    /// Counts a request of `user` that is no turn.
    ///
    /// # Errors
    /// Its limit is used up.
    pub async fn count_user(&self, user: UserId) -> Result<Allowance, Refused> {
        let counted = self.count(self.keys.user(user), self.per_user).await;
        counted.map_err(|allowance| self.refuse("user", Refused::User(allowance)))
    }

    /// Counts a turn of `user`, waits for the floor of `subject`, and brings its recent messages if `recent` is set.
    ///
    /// # Errors
    /// The limit is used up, the conversation stays busy, or the key belongs to another request.
    pub async fn admit(&self, user: UserId, subject: &Subject, recent: bool) -> Result<Admission, Refused> {
        let keys = self.keys.turn(user, subject);
        let mut floor = (subject.holds()).then(|| Floor::wait(self.link.clone(), keys.clone(), subject.turn));
        let began = Instant::now();
        let mut counted: Option<Allowance> = None;
        loop {
            let answer = self.ask_to_begin(user, &keys, subject, counted.is_none(), recent).await;
            let Some((word, rest)) = answer else {
                return self.without_redis(&keys.rate, counted, floor);
            };
            let number = |index: usize| {
                rest.get(index)
                    .and_then(|value| redis::from_redis_value_ref::<i64>(value).ok())
                    .unwrap_or(0)
            };
            let allowance = |left: i64, reset: i64| Allowance {
                limit: self.per_user,
                left: u32::try_from(left).unwrap_or(0),
                reset: Duration::from_millis(reset.unsigned_abs()),
            };
            let so_far = counted.unwrap_or_else(|| allowance(number(0), number(1)));
            match word.as_str() {
                "limited" => return Err(self.refuse("user", Refused::User(allowance(0, number(0))))),
                "busy" => return Err(self.refuse("conversation", Refused::Busy)),
                "reused" => return Err(Refused::KeyReused),
                "running" => {
                    let turn = rest
                        .get(2)
                        .and_then(|value| redis::from_redis_value_ref::<String>(value).ok());
                    // Nothing but a script of ours writes that key.
                    let turn = turn.and_then(|text| Uuid::parse_str(&text).ok()).unwrap_or_default();
                    return Ok(Admission::Running {
                        allowance: so_far,
                        turn,
                    });
                }
                "wait" => {
                    counted = Some(so_far);
                    if began.elapsed() >= LONGEST_WAIT {
                        return Err(self.refuse("conversation", Refused::Busy));
                    }
                    sleep(LOOK_AGAIN).await;
                }
                _ => {
                    if let Some(floor) = &mut floor {
                        floor.take(number(2));
                    }
                    return Ok(Admission::Go(Box::new(Admitted {
                        allowance: so_far,
                        floor,
                        unsettled: number(3) > 0,
                        lock: subject.conversation.and_then(|_| rest.get(4).and_then(lock)),
                        recent: rest.iter().skip(5).filter_map(message).collect(),
                        degraded: false,
                    })));
                }
            }
        }
    }

    /// One look at whether a turn may begin: the script's word and what follows it.
    async fn ask_to_begin(
        &self,
        user: UserId,
        keys: &TurnKeys,
        subject: &Subject,
        count: bool,
        recent: bool,
    ) -> Option<(String, Vec<Value>)> {
        let mut script = ADMIT.prepare_invoke();
        for key in [
            &keys.rate,
            &keys.lease,
            &keys.fence,
            &keys.tickets,
            &keys.messages,
            &keys.running,
            &keys.told.alive,
            &keys.newest,
            &keys.unsettled,
            &keys.lock,
        ] {
            script.key(key);
        }
        let hash = subject
            .key
            .as_ref()
            .map_or_else(String::new, |key| hex(&key.request_hash));
        let kept = subject.kept && !self.link.is_crowded();
        script
            .arg(if count { self.per_user } else { 0 })
            .arg(u8::from(subject.conversation.is_some()))
            .arg(subject.turn.to_string())
            .arg(floor::LEASE.as_millis() as u64)
            .arg(MOST_WAITING)
            .arg(LONGEST_WAIT.as_millis() as u64)
            .arg(if recent { self.kept } else { 0 })
            .arg(hash)
            .arg(u8::from(subject.holds()))
            .arg(if kept { replay::KEPT_TURNS } else { 0 })
            .arg(self.keys.events(user));
        let ask = async |mut connection| {
            let answer: Vec<Value> = script.invoke_async(&mut connection).await?;
            let mut answer = answer.into_iter();
            let word = redis::from_redis_value(answer.next().unwrap_or(Value::Nil))?;
            Ok((word, answer.collect()))
        };
        self.link.ask(ask).await
    }

    /// Keeps what `turn` tells for a client that comes back.
    pub fn recorder(&self, user: UserId, turn: Uuid) -> Recorder {
        Recorder::new(self.link.clone(), self.keys.told(user, turn))
    }

    /// What `turn` told after `after`; nothing if Redis does not answer.
    pub async fn kept(&self, user: UserId, turn: Uuid, after: EventId) -> Option<Kept> {
        replay::read(&self.link, &self.keys.told(user, turn), after).await
    }

    /// Lets go of all that is kept of what `user` said: the number of keys, or nothing if Redis does not answer.
    pub async fn erase(&self, user: UserId) -> Option<u32> {
        let mut script = ERASE.prepare_invoke();
        for key in [
            self.keys.buffers(user),
            self.keys.newest(user),
            self.keys.unsettled(user),
        ] {
            script.key(key);
        }
        script.arg(self.keys.events(user));
        let ask = async |mut connection| script.invoke_async(&mut connection).await;
        self.link.ask(ask).await
    }

    /// Leaves what a turn left and gives its floor back.
    pub async fn settle(&self, floor: Floor, ending: Ending<'_>) {
        floor.settle(ending, self.kept, self.life).await;
    }

    fn without_redis(&self, key: &str, counted: Option<Allowance>, floor: Option<Floor>) -> Result<Admission, Refused> {
        let allowance = match counted {
            Some(allowance) => allowance,
            None => (self.local.take(key, self.per_user))
                .map_err(|allowance| self.refuse("user", Refused::User(allowance)))?,
        };
        Ok(Admission::Go(Box::new(Admitted {
            allowance,
            floor,
            recent: Vec::new(),
            lock: None,
            unsettled: false,
            degraded: true,
        })))
    }

    async fn count(&self, key: String, limit: u32) -> Result<Allowance, Allowance> {
        let mut script = LIMIT.prepare_invoke();
        script.key(&key).arg(limit);
        let answer: Option<(u8, u32, u64)> = self
            .link
            .ask(async |mut connection| script.invoke_async(&mut connection).await)
            .await;
        match answer {
            Some((allowed, left, reset)) => {
                let allowance = Allowance {
                    limit,
                    left,
                    reset: Duration::from_millis(reset),
                };
                if allowed == 1 { Ok(allowance) } else { Err(allowance) }
            }
            None => self.local.take(&key, limit),
        }
    }

    fn refuse(&self, limit: &str, refused: Refused) -> Refused {
        self.metrics.refused.with_label_values(&[limit]).inc();
        refused
    }
}

fn lock(value: &Value) -> Option<Lock> {
    let text: String = redis::from_redis_value_ref(value).ok()?;
    serde_json::from_str(&text).ok()
}

fn message(value: &Value) -> Option<Recent> {
    let text: String = redis::from_redis_value_ref(value).ok()?;
    serde_json::from_str(&text).ok()
}
