//! The budget over every connection to the database server: how large one worker's pool is, and how many workers fit.
//!
//! Counted are the pools of all workers, of those that a rollout adds, what draining workers keep, the job queue, pods that
//! do nothing but jobs, and what is left to others.

use companion_crds::database::PoolSize;
use companion_crds::status::Connections;
use companion_crds::{DRAINING_CONNECTIONS, JOB_CONNECTIONS, JOBS_POOL_SIZE, MIN_POOL_SIZE};

/// Pods for jobs that a rollout adds.
pub const JOBS_SURGE: u32 = 1;

/// How many workers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// A fixed number.
    Fixed(u32),
    /// As many as the load needs.
    Between {
        /// Fewest.
        min: u32,
        /// Most.
        max: u32,
    },
}

impl Workers {
    /// The largest number that may run at once, without the surge. Zero workers are given the budget of one, so that
    /// starting the first changes no configuration.
    pub fn most(self) -> u32 {
        match self {
            Self::Fixed(count) => count.max(1),
            Self::Between { max, .. } => max,
        }
    }

    /// The number that must fit for the wish to be taken at all.
    fn least(self) -> u32 {
        match self {
            Self::Fixed(count) => count.max(1),
            Self::Between { min, .. } => min,
        }
    }
}

/// What is asked of the server.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// Connections that the server gives to our role.
    pub server: u32,
    /// Left to others.
    pub reserved: u32,
    /// Workers asked for.
    pub workers: Workers,
    /// Workers that a rollout adds.
    pub max_surge: u32,
    /// Pool of one worker.
    pub pool_size: PoolSize,
    /// Pods that do nothing but jobs.
    pub jobs_pods: u32,
}

/// The share of so many pods that do nothing but jobs: their pools, which always have the same size, with that of the one
/// that a rollout adds, and what each keeps that is going.
pub fn share_of_jobs_pods(pods: u32) -> u32 {
    match pods {
        0 => 0,
        _ => (pods + JOBS_SURGE) * JOBS_POOL_SIZE + pods * DRAINING_CONNECTIONS,
    }
}

/// What it comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The numbers, as status shows them.
    pub connections: Connections,
    /// The autoscaler's maximum that was asked for, where it had to be lowered to `connections.max_workers`.
    pub lowered_from: Option<u32>,
}

/// The demand cannot be met; nothing is changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{least} workers and {surge} more during a rollout need {needed} connections ({pool} each, {DRAINING_CONNECTIONS} for each that is draining), \
     but only {left} are left of the server's {server} (reserved {reserved}, jobs {jobs}); {}",
    self.way_out()
)]
pub struct Misfit {
    least: u32,
    surge: u32,
    pool: u32,
    needed: u64,
    left: u64,
    server: u32,
    reserved: u32,
    jobs: u32,
    jobs_pods: u32,
    fit: u32,
    field: &'static str,
}

impl Misfit {
    fn way_out(&self) -> String {
        const RAISE: &str = "raise database.maxConnections and the server's max_connections";
        let Self { fit, field, .. } = self;
        // Fewer pods for jobs leave more to the workers.
        let jobs = match self.jobs_pods {
            0 => "",
            1 => "set jobs.mode to InWorkers, ",
            _ => "lower jobs.replicas, ",
        };
        let first = match *field {
            _ if *fit > 0 => return format!("at most {fit} workers fit: {jobs}lower {field}, or {RAISE}"),
            "database.poolSize" => "database.poolSize or ",
            _ if self.surge > 1 => "rollout.maxSurge or ",
            _ => "",
        };
        format!("not one worker fits: {jobs}lower {first}database.reservedConnections, or {RAISE}")
    }
}

/// The budget of `demand`, or the numbers that show why there is none.
pub fn budget(demand: &Demand) -> Result<Budget, Misfit> {
    let Demand {
        server,
        reserved,
        workers,
        max_surge,
        pool_size,
        jobs_pods,
    } = *demand;
    let jobs = JOB_CONNECTIONS + share_of_jobs_pods(jobs_pods);
    let left = u64::from(server).saturating_sub(u64::from(reserved) + u64::from(jobs));
    let pool = match pool_size {
        PoolSize::Auto => MIN_POOL_SIZE,
        PoolSize::Fixed(size) => size,
    };
    let (pool64, surge64, draining64) = (u64::from(pool), u64::from(max_surge), u64::from(DRAINING_CONNECTIONS));
    let fit = left.saturating_sub(pool64 * surge64) / (pool64 + draining64);
    let fit = u32::try_from(fit).unwrap_or(u32::MAX);

    let least = workers.least();
    if fit < least {
        return Err(Misfit {
            least,
            surge: max_surge,
            pool,
            needed: (u64::from(least) + surge64) * pool64 + u64::from(least) * draining64,
            left,
            server,
            reserved,
            jobs,
            jobs_pods,
            fit,
            field: match (pool_size, workers) {
                (PoolSize::Fixed(_), _) => "database.poolSize",
                (_, Workers::Fixed(_)) => "replicas",
                (_, Workers::Between { .. }) => "autoscaling.minReplicas",
            },
        });
    }

    let max_workers = workers.most().min(fit);
    let draining = max_workers * DRAINING_CONNECTIONS;
    let per_worker = match pool_size {
        PoolSize::Fixed(size) => size,
        PoolSize::Auto => {
            let share = (left - u64::from(draining)) / (u64::from(max_workers) + surge64);
            u32::try_from(share).unwrap_or(u32::MAX)
        }
    };
    Ok(Budget {
        connections: Connections {
            server,
            reserved,
            jobs,
            max_workers,
            draining,
            per_worker,
        },
        lowered_from: (workers.most() > max_workers).then_some(workers.most()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(server: u32, reserved: u32, workers: Workers, max_surge: u32, pool_size: PoolSize) -> Demand {
        Demand {
            server,
            reserved,
            workers,
            max_surge,
            pool_size,
            jobs_pods: 0,
        }
    }

    #[test]
    fn the_budget_follows_the_formula() {
        // (server, reserved, workers, surge) -> (most workers, pool of one, asked for)
        let between = |min, max| Workers::Between { min, max };
        let table = [
            ((300, 10, between(2, 20), 1), (20, 11, None)),
            ((97, 10, Workers::Fixed(2), 1), (2, 26, None)),
            ((97, 10, Workers::Fixed(1), 1), (1, 40, None)),
            ((97, 10, Workers::Fixed(0), 1), (1, 40, None)),
            ((97, 10, Workers::Fixed(6), 2), (6, 8, None)),
            ((97, 10, between(1, 7), 1), (7, 8, None)),
            // 83 are left: (83 - 4) / 6 = 13 workers with a pool of 4 each.
            ((97, 10, between(1, 50), 1), (13, 4, Some(50))),
            ((97, 0, between(1, 50), 1), (14, 4, Some(50))),
            // Exactly one worker fits: 4 + 2 and the surge's 4.
            ((24, 10, Workers::Fixed(1), 1), (1, 4, None)),
        ];
        for ((server, reserved, workers, surge), (most, each, lowered)) in table {
            let found = budget(&demand(server, reserved, workers, surge, PoolSize::Auto)).unwrap();
            let numbers = (
                found.connections.max_workers,
                found.connections.per_worker,
                found.lowered_from,
            );
            assert_eq!(
                numbers,
                (most, each, lowered),
                "{server} {reserved} {workers:?} {surge}"
            );
        }
    }

    fn is_within_the_servers_limit(asked: &Demand) {
        let Ok(found) = budget(asked) else { return };
        let Connections {
            reserved,
            jobs,
            max_workers,
            draining,
            per_worker,
            ..
        } = found.connections;
        assert!(per_worker >= MIN_POOL_SIZE);
        // While both roll: one pod for jobs more, and every old one still going.
        let pods = asked.jobs_pods;
        let of_pods = pods * (JOBS_POOL_SIZE + DRAINING_CONNECTIONS) + if pods > 0 { JOBS_POOL_SIZE } else { 0 };
        assert!(JOB_CONNECTIONS + of_pods <= jobs, "{asked:?}");
        assert!(
            reserved + jobs + draining + per_worker * (max_workers + asked.max_surge) <= asked.server,
            "{asked:?}"
        );
    }

    #[test]
    fn no_budget_passes_the_servers_limit() {
        for server in 14..400 {
            for max in 1..60 {
                for surge in 1..4 {
                    for jobs_pods in [0, 1, 2, 7] {
                        let workers = Workers::Between { min: 1, max };
                        let asked = demand(server, 4, workers, surge, PoolSize::Auto);
                        is_within_the_servers_limit(&Demand { jobs_pods, ..asked });
                    }
                }
            }
        }
    }

    #[test]
    fn pods_for_jobs_have_a_small_pool_each_and_the_workers_share_the_rest() {
        // (server, workers, pods for jobs) -> (jobs, most workers, pool of one, asked for)
        let between = |min, max| Workers::Between { min, max };
        let table = [
            ((97, Workers::Fixed(2), 0), (4, 2, 26, None)),
            // 97 - 10 - (4 + 2 x 4 + 2) = 73, less 4 for draining workers: 69 for 3.
            ((97, Workers::Fixed(2), 1), (14, 2, 23, None)),
            ((97, Workers::Fixed(2), 3), (26, 2, 19, None)),
            ((300, between(2, 20), 1), (14, 20, 11, None)),
            ((97, between(1, 50), 1), (14, 11, 4, Some(50))),
        ];
        for ((server, workers, jobs_pods), (jobs, most, each, lowered)) in table {
            let demand = demand(server, 10, workers, 1, PoolSize::Auto);
            let found = budget(&Demand { jobs_pods, ..demand }).unwrap();
            let numbers = &found.connections;
            assert_eq!(
                (
                    numbers.jobs,
                    numbers.max_workers,
                    numbers.per_worker,
                    found.lowered_from
                ),
                (jobs, most, each, lowered),
                "{server} {workers:?} {jobs_pods}"
            );
        }
    }

    #[test]
    fn pods_for_jobs_that_leave_no_room_are_named() {
        let refused = |server, workers, jobs_pods| {
            let demand = demand(server, 10, Workers::Fixed(workers), 1, PoolSize::Auto);
            budget(&Demand { jobs_pods, ..demand }).unwrap_err().to_string()
        };
        let one = refused(30, 1, 1);
        assert!(one.contains("(reserved 10, jobs 14)"), "{one}");
        assert!(
            one.contains("not one worker fits: set jobs.mode to InWorkers, lower database.reservedConnections"),
            "{one}"
        );
        let several = refused(50, 4, 2);
        assert!(
            several.contains("at most 2 workers fit: lower jobs.replicas, lower replicas, or raise"),
            "{several}"
        );
    }

    #[test]
    fn a_fixed_pool_bounds_the_workers() {
        let found = budget(&demand(
            97,
            10,
            Workers::Between { min: 1, max: 9 },
            1,
            PoolSize::Fixed(20),
        ))
        .unwrap();
        assert_eq!(
            (
                found.connections.max_workers,
                found.connections.per_worker,
                found.lowered_from
            ),
            (2, 20, Some(9))
        );
    }

    #[test]
    fn what_cannot_fit_is_refused_with_its_numbers() {
        let refused = budget(&demand(50, 10, Workers::Fixed(8), 1, PoolSize::Auto))
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("8 workers and 1 more during a rollout need 52 connections"),
            "{refused}"
        );
        assert!(refused.contains("only 36 are left of the server's 50"), "{refused}");
        assert!(refused.contains("at most 5 workers fit: lower replicas"), "{refused}");
        let refused = budget(&demand(50, 10, Workers::Fixed(2), 1, PoolSize::Fixed(20)))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("lower database.poolSize"), "{refused}");
        let refused = budget(&demand(20, 10, Workers::Fixed(1), 1, PoolSize::Auto))
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("not one worker fits: lower database.reservedConnections, or raise"),
            "{refused}"
        );
    }
}
