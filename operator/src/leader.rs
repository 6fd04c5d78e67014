//! Leadership by a Lease. In: a client and this replica's name. Out: a future that resolves once this replica leads, and
//! one that resolves when it no longer does; then the process ends, for a leader that was paused cannot know what the
//! next one has done.
//!
//! Every change of the Lease carries the resource version that was read, so of two candidates one loses. Another's lease
//! counts as expired only after it stood unchanged for its duration on our own clock; two machines' clocks are never
//! compared.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{info, warn};

const NAME: &str = "companion-operator";
/// A leader that has not renewed for so long is taken to be gone.
const DURATION: Duration = Duration::from_secs(15);
/// A leader that could not renew for so long gives up, well before others may take over.
const DEADLINE: Duration = Duration::from_secs(10);
const PERIOD: Duration = Duration::from_secs(3);
const CALL: Duration = Duration::from_secs(3);

/// The way to leadership.
pub struct Leader {
    api: Api<Lease>,
    identity: String,
}

/// What was last seen of another's lease, and when.
struct Seen {
    version: Option<String>,
    since: Instant,
}

impl Leader {
    /// A candidate called `identity`, for the Lease in `namespace`.
    pub fn new(client: Client, namespace: &str, identity: String) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            identity,
        }
    }

    /// Waits until this replica leads.
    pub async fn acquire(&self) -> Lease {
        let mut seen = Seen {
            version: None,
            since: Instant::now(),
        };
        loop {
            match timeout(CALL, self.try_acquire(&mut seen)).await {
                Ok(Ok(Some(lease))) => {
                    info!(identity = self.identity, "leads");
                    return lease;
                }
                Ok(Ok(None)) => {}
                Ok(Err(error)) => warn!(%error, "failed to read or take the lease"),
                Err(_) => warn!("the API server did not answer about the lease within {CALL:?}"),
            }
            sleep(PERIOD).await;
        }
    }

    /// Renews until that fails for good: somebody else holds the lease, or the deadline passed.
    pub async fn hold(&self, mut lease: Lease) {
        let mut renewed = Instant::now();
        // Whatever a try is waiting for, it ends with the deadline.
        while let Ok(Some(time)) = timeout_at(renewed + DEADLINE, self.renew(&mut lease)).await {
            renewed = time;
        }
    }

    /// Renews until it has worked, and gives the time at which that was begun; nothing once somebody else holds the lease.
    async fn renew(&self, lease: &mut Lease) -> Option<Instant> {
        loop {
            sleep(PERIOD).await;
            let mut next = lease.clone();
            next.spec.get_or_insert_default().renew_time = Some(MicroTime(Timestamp::now()));
            let started = Instant::now();
            match timeout(CALL, self.api.replace(NAME, &PostParams::default(), &next)).await {
                Ok(Ok(held)) => {
                    *lease = held;
                    return Some(started);
                }
                Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_not_found() => {
                    // An answer that got lost looks like a conflict: the lease may still be ours.
                    match timeout(CALL, self.api.get_opt(NAME)).await {
                        Ok(Ok(Some(found))) if self.is_ours(&found) => *lease = found,
                        Ok(Ok(_)) => return None,
                        _ => {}
                    }
                }
                Ok(Err(error)) => warn!(%error, "failed to renew the lease"),
                Err(_) => warn!("the API server did not renew the lease within {CALL:?}"),
            }
        }
    }

    /// Gives the lease away, so that the next leader need not wait for it to expire.
    pub async fn release(&self) {
        let released = timeout(CALL, async {
            if let Some(mut lease) = self.api.get_opt(NAME).await?
                && self.is_ours(&lease)
            {
                lease.spec.get_or_insert_default().holder_identity = None;
                self.api.replace(NAME, &PostParams::default(), &lease).await?;
            }
            Ok::<_, kube::Error>(())
        });
        if !matches!(released.await, Ok(Ok(()))) {
            warn!("failed to give the lease away; the next leader takes it when it expires");
        }
    }

    fn is_ours(&self, lease: &Lease) -> bool {
        lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_ref()) == Some(&self.identity)
    }

    async fn try_acquire(&self, seen: &mut Seen) -> Result<Option<Lease>, kube::Error> {
        let Some(lease) = self.api.get_opt(NAME).await? else {
            return self
                .api
                .create(&PostParams::default(), &self.taken(None))
                .await
                .map(Some)
                .or_else(lost);
        };
        if seen.version != lease.metadata.resource_version {
            *seen = Seen {
                version: lease.metadata.resource_version.clone(),
                since: Instant::now(),
            };
        }
        let spec = lease.spec.as_ref();
        let held = spec
            .and_then(|spec| spec.holder_identity.as_deref())
            .is_some_and(|holder| !holder.is_empty());
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default()).max(DURATION);
        if held && seen.since.elapsed() < duration {
            return Ok(None);
        }
        self.api
            .replace(NAME, &PostParams::default(), &self.taken(Some(&lease)))
            .await
            .map(Some)
            .or_else(lost)
    }

    /// The Lease as ours, in place of `old`.
    fn taken(&self, old: Option<&Lease>) -> Lease {
        let now = MicroTime(Timestamp::now());
        let transitions = old
            .and_then(|lease| lease.spec.as_ref()?.lease_transitions)
            .unwrap_or_default();
        Lease {
            metadata: ObjectMeta {
                name: Some(NAME.into()),
                resource_version: old.and_then(|lease| lease.metadata.resource_version.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                lease_transitions: Some(transitions.saturating_add(1)),
                ..LeaseSpec::default()
            }),
        }
    }
}

/// Another candidate was faster.
fn lost(error: kube::Error) -> Result<Option<Lease>, kube::Error> {
    match error {
        kube::Error::Api(status) if status.is_conflict() || status.is_already_exists() => Ok(None),
        other => Err(other),
    }
}
