//! Who decides the number of workers. In: what is asked for, and what is there. Out: the number that our second field
//! manager applies, if any, and the autoscaler's bounds, if there is one.
//!
//! The main field manager never holds `replicas`. The second one applies it at creation and while no autoscaler does;
//! once an autoscaler exists it only stops applying, so the field keeps its value until the autoscaler changes it. (A
//! field that no manager holds any more would fall back to 1.)

use super::connections::Workers;

/// What is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// The number of workers that the Deployment asks for; none where there is no Deployment.
    pub replicas: Option<u32>,
}

/// Bounds of the autoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Fewest workers.
    pub min: u32,
    /// Most workers.
    pub max: u32,
}

/// Who decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The number to apply.
    pub replicas: Option<u32>,
    /// The autoscaler to have.
    pub autoscaler: Option<Bounds>,
}

/// Decides for workers that are wanted. `hold_at` bounds the number for as long as workers with larger pools still run.
pub fn decide(workers: Workers, hold_at: Option<u32>, live: Live) -> Decision {
    let held = |count: u32| hold_at.map_or(count, |limit| count.min(limit));
    match workers {
        Workers::Fixed(count) => Decision {
            replicas: Some(held(count)),
            autoscaler: None,
        },
        Workers::Between { min, max } => {
            let bounds = Bounds {
                min: held(min),
                max: held(max),
            };
            // An autoscaler leaves a Deployment of 0 workers alone: someone has to start the first ones.
            let replicas = match live.replicas {
                None | Some(0) => Some(bounds.min),
                Some(_) => None,
            };
            Decision {
                replicas,
                autoscaler: Some(bounds),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_has_one_owner_at_a_time() {
        let between = Workers::Between { min: 2, max: 9 };
        let bounds = |min, max| Some(Bounds { min, max });
        let table = [
            // Made new.
            (Workers::Fixed(3), None, None, (Some(3), None)),
            (between, None, None, (Some(2), bounds(2, 9))),
            // The autoscaler takes over at 7 and is taken away at 7: nothing in between changes the number.
            (between, None, Some(7), (None, bounds(2, 9))),
            (Workers::Fixed(7), None, Some(7), (Some(7), None)),
            (Workers::Fixed(1), None, Some(7), (Some(1), None)),
            // Resumed after a suspension.
            (between, None, Some(0), (Some(2), bounds(2, 9))),
            // Old workers still hold pools made for 2.
            (Workers::Fixed(6), Some(2), Some(2), (Some(2), None)),
            (between, Some(2), Some(2), (None, bounds(2, 2))),
        ];
        for (workers, hold_at, replicas, (applied, autoscaler)) in table {
            let decision = decide(workers, hold_at, Live { replicas });
            assert_eq!(
                decision,
                Decision {
                    replicas: applied,
                    autoscaler
                },
                "{workers:?} {hold_at:?} {replicas:?}"
            );
        }
    }
}
