//! Single flight within one worker: the first who asks for a key leads, the others wait for what it brings.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{Key, KnownReply};
use crate::llm::LlmError;

/// Who is on the way for which key.
#[derive(Clone, Default)]
pub struct Flights(Arc<Mutex<HashMap<Key, watch::Receiver<Option<Landing>>>>>);

/// What a flight brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Landing {
    /// The reply.
    Reply(KnownReply),
    /// Why there is none.
    Failure(LlmError),
}

/// A place in a flight.
pub enum Seat {
    /// To ask.
    Lead(Lead),
    /// To wait.
    Wait(Waiting),
}

/// The first of those who ask the same.
pub struct Lead {
    key: Key,
    flights: Flights,
    landing: watch::Sender<Option<Landing>>,
}

/// One of the others.
pub struct Waiting(watch::Receiver<Option<Landing>>);

impl Flights {
    /// A place in the flight for `key`, which begins where there is none.
    pub fn join(&self, key: Key) -> Seat {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            Entry::Occupied(flight) => Seat::Wait(Waiting(flight.get().clone())),
            Entry::Vacant(place) => {
                let (landing, landed) = watch::channel(None);
                place.insert(landed);
                Seat::Lead(Lead {
                    key,
                    flights: self.clone(),
                    landing,
                })
            }
        }
    }
}

impl Lead {
    /// Gives `landing` to all who wait.
    pub fn land(self, landing: Landing) {
        self.landing.send_replace(Some(landing));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&self.key);
    }
}

impl Waiting {
    /// What the flight brought; nothing if its lead was dropped without an outcome.
    pub async fn landed(mut self) -> Option<Landing> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply_cache::tests::reply;

    #[tokio::test]
    async fn one_leads_and_the_others_get_what_it_brings() {
        let flights = Flights::default();
        let key = Key([7; 32]);
        let Seat::Lead(lead) = flights.join(key) else {
            panic!("the first leads")
        };
        let waiting: Vec<Waiting> = (0..3)
            .map(|_| match flights.join(key) {
                Seat::Wait(waiting) => waiting,
                Seat::Lead(_) => panic!("one leads"),
            })
            .collect();
        assert!(matches!(flights.join(Key([8; 32])), Seat::Lead(_)), "another key");
        lead.land(Landing::Reply(reply()));
        for one in waiting {
            assert_eq!(one.landed().await, Some(Landing::Reply(reply())));
        }
        assert!(matches!(flights.join(key), Seat::Lead(_)), "the flight is over");
    }

    #[tokio::test]
    async fn a_lead_that_is_dropped_leaves_its_place_to_another() {
        let flights = Flights::default();
        let key = Key([7; 32]);
        let Seat::Lead(lead) = flights.join(key) else {
            panic!("the first leads")
        };
        let Seat::Wait(waiting) = flights.join(key) else {
            panic!("the second waits")
        };
        drop(lead);
        assert_eq!(waiting.landed().await, None);
        assert!(matches!(flights.join(key), Seat::Lead(_)));
    }
}
