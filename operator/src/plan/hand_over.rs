//! Who works on jobs while that changes: the workers beside their turns, or pods that do nothing else. Those who take over
//! are there before the others leave, so a change of mode has no time in which nobody works on jobs.

/// Who works on jobs now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Whether the workers' Deployment has them leave jobs to others; none where there is no Deployment.
    pub workers_leave: Option<bool>,
    /// A worker that leaves jobs to others still runs.
    pub leaving_run: bool,
    /// Pods for jobs that are ready.
    pub ready: u32,
    /// The number of pods for jobs that their Deployment asks for; 0 without one.
    pub wanted: u32,
}

/// Who is to work on jobs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Workers leave jobs to others.
    pub workers_leave: bool,
    /// Pods that do nothing but jobs; with none their Deployment goes.
    pub pods: u32,
}

/// Decides. `fits` is the number of pods for jobs that the connections allow for the time being. Workers that have left jobs
/// to others do not come back when those fail: that would replace them all, and jobs wait in the database.
pub fn hand_over(separate: bool, now: Now, fits: u32) -> Next {
    if separate {
        Next {
            workers_leave: now.workers_leave.is_none_or(|leave| leave || now.ready > 0),
            pods: fits,
        }
    } else {
        let still_needed = now.workers_leave == Some(true) || now.leaving_run;
        Next {
            workers_leave: false,
            pods: if still_needed { now.wanted } else { 0 },
        }
    }
}

#[cfg(test)]
mod tests {
    use companion_crds::database::PoolSize;
    use companion_crds::{JOB_CONNECTIONS, JOBS_POOL_SIZE};

    use super::*;
    use crate::plan::connections::{Demand, Workers, budget, share_of_jobs_pods};
    use crate::plan::rollout::{JobsPods, Pools, Running, transition};

    #[test]
    fn who_takes_over_is_there_before_the_others_leave() {
        let now = |workers_leave, leaving_run, ready, wanted| Now {
            workers_leave,
            leaving_run,
            ready,
            wanted,
        };
        let next = |workers_leave, pods| Next { workers_leave, pods };
        let table = [
            // Made new.
            (true, now(None, false, 0, 0), 1, next(true, 1)),
            (false, now(None, false, 0, 0), 0, next(false, 0)),
            // To pods of their own: room for them, then the pods, then the workers leave.
            (true, now(Some(false), false, 0, 0), 0, next(false, 0)),
            (true, now(Some(false), false, 0, 0), 1, next(false, 1)),
            (true, now(Some(false), false, 0, 1), 1, next(false, 1)),
            (true, now(Some(false), false, 1, 1), 1, next(true, 1)),
            // They fail: the workers are not replaced for it.
            (true, now(Some(true), true, 0, 1), 1, next(true, 1)),
            // Back: the workers take jobs on, and the pods go after the last that does not.
            (false, now(Some(true), true, 2, 2), 0, next(false, 2)),
            (false, now(Some(false), true, 2, 2), 0, next(false, 2)),
            (false, now(Some(false), false, 2, 2), 0, next(false, 0)),
        ];
        for (separate, now, fits, expected) in table {
            assert_eq!(hand_over(separate, now, fits), expected, "{separate} {now:?} {fits}");
        }
    }

    const SERVER: u32 = 97;

    /// A cluster that replaces one pod at a time.
    #[derive(Default)]
    struct Cluster {
        template: Option<(Pools, bool)>,
        replicas: u32,
        workers: Vec<(Pools, bool)>,
        jobs_pods: u32,
    }

    impl Cluster {
        /// One pass of the operator, and what the cluster makes of it.
        fn step(&mut self, workers: u32, jobs_pods: u32) {
            let demand = Demand {
                server: SERVER,
                reserved: 0,
                workers: Workers::Fixed(workers),
                max_surge: 1,
                pool_size: PoolSize::Auto,
                jobs_pods,
            };
            let numbers = budget(&demand).unwrap().connections;
            let target = Pools {
                per_worker: numbers.per_worker,
                max_workers: numbers.max_workers,
            };
            let running = self.template.map(|(configured, _)| Running {
                configured,
                largest_pool: self
                    .workers
                    .iter()
                    .map(|(pools, _)| pools.per_worker)
                    .max()
                    .unwrap_or(0),
                wanted: self.replicas,
                pods: self.workers.len() as u32,
                max_surge: 1,
            });
            let jobs = JobsPods {
                held: self.jobs_pods * JOBS_POOL_SIZE,
                share: share_of_jobs_pods(jobs_pods),
                wanted: self.jobs_pods,
                target: jobs_pods,
            };
            let transition = transition(running, target, 1, jobs);
            let now = Now {
                workers_leave: self.template.map(|(_, leave)| leave),
                leaving_run: self.workers.iter().any(|(_, leave)| *leave),
                ready: self.jobs_pods,
                wanted: self.jobs_pods,
            };
            let next = hand_over(jobs_pods > 0, now, transition.jobs_pods);
            self.template = Some((transition.pools, next.workers_leave));
            self.replicas = transition.hold_at.map_or(workers, |limit| workers.min(limit));
            self.jobs_pods = next.pods;
            self.roll();
        }

        fn roll(&mut self) {
            let Some(template) = self.template else { return };
            let old = self.workers.iter().position(|worker| *worker != template);
            match old {
                Some(old) if self.workers.len() as u32 > self.replicas => drop(self.workers.remove(old)),
                None if self.workers.len() as u32 > self.replicas => drop(self.workers.pop()),
                None if self.workers.len() as u32 == self.replicas => {}
                _ => self.workers.push(template),
            }
        }

        fn held(&self) -> u32 {
            let of_workers: u32 = self.workers.iter().map(|(pools, _)| pools.per_worker).sum();
            of_workers + self.jobs_pods * JOBS_POOL_SIZE
        }
    }

    #[test]
    fn no_change_passes_the_budget_or_leaves_the_jobs_to_nobody() {
        let wishes = [
            (2, 0),
            (2, 1),
            (6, 3),
            (2, 1),
            (2, 0),
            (6, 0),
            (3, 2),
            (3, 5),
            (1, 0),
            (1, 4),
            (8, 1),
            (8, 0),
        ];
        let mut cluster = Cluster::default();
        for (workers, jobs_pods) in wishes {
            let mut steps = 0;
            let mut before = (None, 0, vec![], 0);
            loop {
                cluster.step(workers, jobs_pods);
                let what = format!("{workers} workers, {jobs_pods} pods for jobs, step {steps}");
                assert!(cluster.held() <= SERVER - JOB_CONNECTIONS, "{what}");
                let somebody = cluster.jobs_pods > 0 || cluster.workers.iter().any(|(_, leave)| !leave);
                assert!(somebody, "nobody works on jobs: {what}");
                let after = (
                    cluster.template,
                    cluster.replicas,
                    cluster.workers.clone(),
                    cluster.jobs_pods,
                );
                if after == before {
                    break;
                }
                before = after;
                steps += 1;
                assert!(steps < 100, "{what}: no end");
            }
            assert_eq!(
                (cluster.workers.len() as u32, cluster.jobs_pods),
                (workers, jobs_pods),
                "as wanted"
            );
            assert!(cluster.workers.iter().all(|(_, leave)| *leave == (jobs_pods > 0)));
        }
    }
}
