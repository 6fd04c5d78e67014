//! How one generation of workers gives way to the next: which pool size the new ones get and when the number may rise,
//! which hash of the secrets their pods carry, and how far a rollout has come.

/// The pool size and the number of workers it was made for, as a worker's configuration holds them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pools {
    /// Connections of one worker.
    pub per_worker: u32,
    /// Workers that may run at once.
    pub max_workers: u32,
}

/// The workers that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// What the Deployment's configuration says.
    pub configured: Pools,
    /// The largest pool of a worker that still runs.
    pub largest_pool: u32,
    /// The number that the Deployment asks for.
    pub wanted: u32,
    /// Pods that exist, old and new.
    pub pods: u32,
    /// Workers that a rollout may add to them.
    pub max_surge: u32,
}

/// Pods that do nothing but jobs, as they run and as they are to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobsPods {
    /// Connections that they may hold now, those that are going included.
    pub held: u32,
    /// Connections that the budget has for them.
    pub share: u32,
    /// The number that their Deployment asks for; 0 without one.
    pub wanted: u32,
    /// The number that the budget is made for.
    pub target: u32,
}

impl JobsPods {
    /// They hold what the budget gives to the workers.
    pub fn too_many(self) -> bool {
        self.held > self.share
    }
}

/// How a budget is put into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What the configuration says next.
    pub pools: Pools,
    /// Bound on the number of workers for the time being.
    pub hold_at: Option<u32>,
    /// Workers that a rollout may add for the time being.
    pub max_surge: u32,
    /// Pods for jobs that there may be for the time being.
    pub jobs_pods: u32,
}

/// Shrinks first and grows last, so that old and new pods together never pass the budget: while workers with larger
/// pools run, neither their number nor the surge beside them rises, nor that of the pods for jobs; and pools grow only
/// once no more workers and no more pods for jobs run than they are made for.
pub fn transition(running: Option<Running>, target: Pools, max_surge: u32, jobs: JobsPods) -> Transition {
    let Some(running) = running else {
        return Transition {
            pools: target,
            hold_at: None,
            max_surge,
            jobs_pods: jobs.target,
        };
    };
    let larger_pools_run = running.largest_pool > target.per_worker && running.pods > 0;
    let crowded = larger_pools_run || jobs.too_many();
    let grows = target.per_worker > running.configured.per_worker;
    let grows_later = grows && (running.pods > target.max_workers || jobs.too_many());
    let workers_fit = !larger_pools_run && running.pods <= target.max_workers.saturating_add(max_surge);
    Transition {
        pools: if grows_later { running.configured } else { target },
        hold_at: (crowded && running.wanted > 0).then_some(running.wanted),
        max_surge: if crowded || grows_later {
            max_surge.min(running.max_surge)
        } else {
            max_surge
        },
        jobs_pods: if workers_fit {
            jobs.target
        } else {
            jobs.target.min(jobs.wanted)
        },
    }
}

/// Which hash of the secrets' values the pods carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretsMark {
    /// For the pod template: another value rolls the pods.
    pub template: String,
    /// For the Deployment itself, where the template keeps a hash made with a key that is lost: the same values' hash
    /// under the new key.
    pub baseline: Option<String>,
    /// The key was found lost just now.
    pub key_lost: bool,
}

/// The key's name, the part of a hash before the dot.
fn key_of(hash: &str) -> &str {
    hash.split_once('.').map_or("", |(key, _)| key)
}

/// A hash can be compared only with one made with the same key. Where the key was lost, the pods' old hash stays, and
/// the present values count as the ones they were started with: losing a key must not restart every worker.
pub fn secrets_mark(live: Option<&str>, live_baseline: Option<&str>, current: &str) -> SecretsMark {
    let adopt = SecretsMark {
        template: current.to_owned(),
        baseline: None,
        key_lost: false,
    };
    let Some(live) = live.filter(|live| key_of(live) != key_of(current)) else {
        return adopt;
    };
    match live_baseline.filter(|baseline| key_of(baseline) == key_of(current)) {
        Some(baseline) if baseline != current => adopt,
        known => SecretsMark {
            template: live.to_owned(),
            baseline: Some(current.to_owned()),
            key_lost: known.is_none(),
        },
    }
}

/// What a Deployment says of its pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Asked for.
    pub wanted: u32,
    /// Exist, old and new.
    pub total: u32,
    /// Exist and are new.
    pub updated: u32,
    /// Serve, old and new.
    pub available: u32,
    /// The Deployment's controller has seen the last change.
    pub observed: bool,
    /// No progress within the deadline.
    pub stuck: bool,
}

/// How far a rollout has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All pods are new and serve.
    Complete,
    /// On the way.
    Underway(String),
    /// Not moving any more; old workers keep serving.
    Stuck(String),
}

/// Judges a rollout of pods that are called `pods` in words. `enough` of them suffice: an autoscaler may just have asked for
/// more.
pub fn progress(pods: &str, numbers: &Numbers, enough: u32) -> Progress {
    let Numbers {
        wanted,
        total,
        updated,
        available,
        observed,
        stuck,
    } = *numbers;
    let standing = match total {
        0 => format!("{wanted} {pods} are wanted, none exists yet"),
        _ => format!(
            "{wanted} {pods} are wanted, {available} are ready; of the {total} there are, {updated} have the wanted version"
        ),
    };
    if !observed {
        Progress::Underway(standing)
    } else if stuck {
        Progress::Stuck(format!(
            "{standing}; the new ones do not get ready: see the pods' events and logs"
        ))
    } else if updated < total || updated < wanted.min(enough) || available < wanted.min(enough) {
        Progress::Underway(standing)
    } else {
        Progress::Complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pools(per_worker: u32, max_workers: u32) -> Pools {
        Pools {
            per_worker,
            max_workers,
        }
    }

    #[test]
    fn a_budget_shrinks_first_and_grows_last() {
        let running = |configured, largest_pool, wanted, pods| {
            Some(Running {
                configured,
                largest_pool,
                wanted,
                pods,
                max_surge: 1,
            })
        };
        let table = [
            // The first workers.
            (None, pools(26, 2), (pools(26, 2), None)),
            // 2 -> 6: smaller pools first, the number rises once the old pods are gone.
            (running(pools(26, 2), 26, 2, 2), pools(9, 6), (pools(9, 6), Some(2))),
            (running(pools(9, 6), 26, 2, 3), pools(9, 6), (pools(9, 6), Some(2))),
            (running(pools(9, 6), 9, 2, 2), pools(9, 6), (pools(9, 6), None)),
            // 6 -> 2: the workers go first, then pools grow.
            (running(pools(9, 6), 9, 6, 6), pools(26, 2), (pools(9, 6), None)),
            (running(pools(9, 6), 9, 2, 2), pools(26, 2), (pools(26, 2), None)),
            // Nothing runs: nothing to hold.
            (running(pools(26, 2), 26, 0, 0), pools(9, 6), (pools(9, 6), None)),
        ];
        for (running, target, (next, hold_at)) in table {
            assert_eq!(
                transition(running, target, 1, JobsPods::default()),
                Transition {
                    pools: next,
                    hold_at,
                    max_surge: 1,
                    jobs_pods: 0,
                },
                "{running:?} -> {target:?}"
            );
        }
    }

    #[test]
    fn a_larger_surge_waits_until_the_pools_made_for_the_smaller_one_are_gone() {
        let running = |largest_pool, max_surge| Running {
            configured: pools(9, 1),
            largest_pool,
            wanted: 1,
            pods: 1,
            max_surge,
        };
        // One worker; the surge goes from 1 to 8 and the pool from 40 to 9: 40 + 8 x 9 would pass what 2 x 40 may hold.
        let surge = |running, wanted| transition(running, pools(9, 1), wanted, JobsPods::default()).max_surge;
        assert_eq!(surge(Some(running(40, 1)), 8), 1);
        assert_eq!(surge(Some(running(9, 1)), 8), 8);
        assert_eq!(surge(None, 8), 8);
        // A smaller one holds at once.
        assert_eq!(surge(Some(running(40, 8)), 1), 1);
    }

    #[test]
    fn a_changed_secret_rolls_the_pods_and_a_lost_key_does_not() {
        let mark = |template: &str, baseline: Option<&str>, key_lost| SecretsMark {
            template: template.into(),
            baseline: baseline.map(Into::into),
            key_lost,
        };
        let table = [
            (None, None, "k1.a", mark("k1.a", None, false)),
            (Some("k1.a"), None, "k1.a", mark("k1.a", None, false)),
            (Some("k1.a"), None, "k1.b", mark("k1.b", None, false)),
            (Some("k1.a"), None, "k2.x", mark("k1.a", Some("k2.x"), true)),
            (Some("k1.a"), Some("k2.x"), "k2.x", mark("k1.a", Some("k2.x"), false)),
            (Some("k1.a"), Some("k2.x"), "k2.y", mark("k2.y", None, false)),
            (Some("k1.a"), Some("k2.x"), "k3.z", mark("k1.a", Some("k3.z"), true)),
        ];
        for (live, baseline, current, expected) in table {
            assert_eq!(
                secrets_mark(live, baseline, current),
                expected,
                "{live:?} {baseline:?} {current}"
            );
        }
    }

    #[test]
    fn a_rollout_is_complete_when_every_pod_is_new_and_enough_serve() {
        let numbers = |wanted, total, updated, available, stuck| Numbers {
            wanted,
            total,
            updated,
            available,
            observed: true,
            stuck,
        };
        assert_eq!(progress("workers", &numbers(2, 2, 2, 2, false), 2), Progress::Complete);
        assert_eq!(progress("workers", &numbers(7, 7, 7, 3, false), 2), Progress::Complete);
        assert!(matches!(
            progress("workers", &numbers(2, 3, 2, 2, false), 2),
            Progress::Underway(_)
        ));
        assert!(matches!(
            progress("workers", &numbers(2, 3, 1, 2, true), 2),
            Progress::Stuck(_)
        ));
        assert!(matches!(
            progress(
                "workers",
                &Numbers {
                    observed: false,
                    ..numbers(2, 2, 2, 2, false)
                },
                2
            ),
            Progress::Underway(_)
        ));
    }
}
