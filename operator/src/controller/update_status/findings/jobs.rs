//! Whether pods that do nothing but jobs are there. Only a resource that asks for them, or still has some, has this condition.

use companion_crds::jobs::JobsMode;

use super::numbers;
use crate::conditions::Finding;
use crate::controller::apply::Applied;
use crate::controller::build::labels::Component;
use crate::controller::dereference::Found;
use crate::controller::plan::Plan;
use crate::controller::validate::Validated;
use crate::plan::rollout::{self, Progress};

const KIND: &str = "JobsAvailable";

/// How far their rollout has come.
pub fn progress(applied: &Applied) -> Option<Progress> {
    let numbers = numbers(applied.jobs_deployment.as_ref()?);
    Some(rollout::progress("pods for jobs", &numbers, numbers.wanted))
}

/// The condition.
pub fn available(
    from: &Validated,
    plan: &Plan,
    found: &Found,
    applied: &Applied,
    progress: &Option<Progress>,
) -> Option<Finding> {
    let no = |reason: &str, message: &str| Some(Finding::new(KIND, false, reason, message));
    if from.spec.jobs.mode == JobsMode::InWorkers {
        let some_left = applied.jobs_deployment.is_some() || found.pods(Component::Jobs).next().is_some();
        return some_left
            .then(|| no("HandingOver", "workers take jobs on again, then the pods for jobs go"))
            .flatten();
    }
    let held = plan
        .serving
        .as_ref()
        .is_some_and(|serving| serving.jobs.pods < from.spec.jobs.replicas);
    match progress {
        _ if plan.suspended => no("Suspended", "spec.suspend is true"),
        Some(Progress::Stuck(message)) => no("RolloutStuck", message),
        _ if held => no(
            "WaitingForConnections",
            "more pods for jobs start once no worker runs whose pool leaves them no room; whoever works on jobs now goes on",
        ),
        None => no(
            "NotStarted",
            "pods for jobs start once preflight and the migration have passed",
        ),
        Some(Progress::Underway(message)) => no("RollingOut", message),
        Some(Progress::Complete) => Some(Finding::new(
            KIND,
            true,
            "Available",
            "pods for jobs are of the wanted version and work",
        )),
    }
}
