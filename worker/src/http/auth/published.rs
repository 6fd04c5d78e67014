//! The issuer's keys, fetched and kept. They are fetched at the start, then every ten minutes, and when a token names a key
//! that is not among them: at most once in 30 s however many tokens come, all of which wait for the one fetch. A fetch that
//! fails changes nothing: the keys stay for a day, so that an outage of the issuer shuts nobody out, and no longer, so that a
//! key taken back does not stay for good. In between a hung issuer holds up only tokens with keys that are not known.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use reqwest::{Client, Url};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use crate::config::ConfigError;
use crate::outbound;

use super::jwks::KeySet;

const SETTING: &str = "auth.jwt.jwksURL";

/// Between two fetches that nobody asked for.
const FRESH: Duration = Duration::from_secs(600);
/// Least time between two fetches that tokens asked for.
const ASKED_AT_MOST: Duration = Duration::from_secs(30);
/// Longest that keys are believed without having been seen again.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Longest wait for a whole answer.
const DEADLINE: Duration = Duration::from_secs(3);
/// Largest answer; a key has some 500 bytes.
const MAX_ANSWER: usize = 256 * 1024;
/// Pause after a fetch that failed; it doubles up to the longest.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_AT_LAST: Duration = Duration::from_secs(60);

/// The issuer's keys.
pub struct Published {
    shared: Arc<Shared>,
}

struct Shared {
    url: Url,
    client: Client,
    known: RwLock<Option<Known>>,
    /// Held while fetching, so that there is one fetch at a time: when tokens last asked for one.
    asked: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<KeySet>,
    seen: Instant,
}

impl Published {
    /// The keys at `url`, which are looked for from now on.
    ///
    /// # Errors
    /// It is no URL, or TLS cannot be set up.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        let problem = |error: &dyn std::fmt::Display| ConfigError::setting(SETTING, error.to_string());
        let shared = Arc::new(Shared {
            url: Url::parse(url).map_err(|error| problem(&error))?,
            client: outbound::client().map_err(|error| problem(&error))?,
            known: RwLock::new(None),
            asked: Mutex::new(None),
        });
        tokio::spawn(keep_fresh(Arc::downgrade(&shared)));
        Ok(Self { shared })
    }

    /// The keys as they are known, if they may be believed still.
    pub fn keys(&self) -> Option<Arc<KeySet>> {
        self.shared.known().map(|known| known.keys)
    }

    /// The keys after a fetch, unless one was asked for too short a time ago.
    pub async fn asked_anew(&self) -> Option<Arc<KeySet>> {
        let before = self.shared.known().map(|known| known.seen);
        let shared = Arc::clone(&self.shared);
        // A task of its own: a client that goes away must not end the fetch that others wait for.
        let fetching = tokio::spawn(async move {
            let mut asked = shared.asked.lock().await;
            let newer = shared.known().map(|known| known.seen) != before;
            if newer || asked.is_some_and(|asked| asked.elapsed() < ASKED_AT_MOST) {
                return;
            }
            *asked = Some(Instant::now());
            let _ = shared.fetch().await;
        });
        let _ = fetching.await;
        self.keys()
    }
}

impl Shared {
    fn known(&self) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        known.filter(|known| known.seen.elapsed() < KEPT)
    }

    /// True if the keys are known anew. The caller holds the lock on `asked`.
    async fn fetch(&self) -> bool {
        let late = |_| Err(format!("no whole answer within {DEADLINE:?}"));
        match timeout(DEADLINE, self.answer()).await.unwrap_or_else(late) {
            Ok(keys) => {
                let known = Known {
                    keys: Arc::new(keys),
                    seen: Instant::now(),
                };
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
                true
            }
            Err(problem) => {
                tracing::warn!("{SETTING}: {problem}; keys that are known stay");
                false
            }
        }
    }

    async fn answer(&self) -> Result<KeySet, String> {
        // Without the URL: it may have a password in it.
        let failed = |error: reqwest::Error| format!("failed to fetch the keys: {}", error.without_url());
        let mut response = self.client.get(self.url.clone()).send().await.map_err(failed)?;
        let status = response.status();
        if !status.is_success() {
            return Err(format!("the answer is {status}; redirects are not followed"));
        }
        let mut document = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if document.len() + piece.len() > MAX_ANSWER {
                return Err(format!("the answer is larger than {MAX_ANSWER} bytes"));
            }
            document.extend_from_slice(&piece);
        }
        KeySet::read(&document)
    }
}

/// Fetches for as long as anybody has use for it.
async fn keep_fresh(shared: std::sync::Weak<Shared>) {
    let mut again = AGAIN;
    loop {
        let Some(shared) = shared.upgrade() else { return };
        let guard = shared.asked.lock().await;
        let fetched = shared.fetch().await;
        drop(guard);
        drop(shared);
        if fetched {
            again = AGAIN;
            sleep(FRESH).await;
        } else {
            sleep(again).await;
            again = (again * 2).min(AGAIN_AT_LAST);
        }
    }
}
