//! Single flight within one worker: the first who asks for a key leads, the others wait for what it brings.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::{Key, KnownReply};

/// Who is on the way for which key.
#[derive(Clone, Default)]
pub struct Flights(Arc<Mutex<HashMap<Key, watch::Receiver<Option<KnownReply>>>>>);

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
    landing: watch::Sender<Option<KnownReply>>,
}

/// One of the others.
pub struct Waiting(watch::Receiver<Option<KnownReply>>);

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
    /// Gives `reply` to all who wait.
    pub fn land(self, reply: KnownReply) {
        self.landing.send_replace(Some(reply));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&self.key);
    }
}

impl Waiting {
    /// What the flight brought; nothing if its lead was dropped without a reply.
    pub async fn landed(mut self) -> Option<KnownReply> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> KnownReply {
        KnownReply {
            text: "Hello".into(),
            finish: "stop".into(),
            provider: "p".into(),
            model: "m".into(),
            simulated: false,
        }
    }

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
        lead.land(reply());
        for one in waiting {
            assert_eq!(one.landed().await, Some(reply()));
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
