//! The way of one CompanionDeployment, as a line: `dereference -> validate -> plan -> build -> apply -> update_status`.
//! Only the first step reads, only the last two write; those between take no client.

pub mod apply;
pub mod build;
pub mod dereference;
pub mod plan;
pub mod update_status;
pub mod validate;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use tracing::{debug, warn};

use crate::context::Context;
use crate::telemetry::Outcome;

pub use watch::{Guarded, watch};

/// Longest time of one pass.
const PASS: Duration = Duration::from_secs(60);
/// Secrets are not watched, they are read again so often.
const REREAD: Duration = Duration::from_secs(60);
/// So often while something outside is missing.
const MISSING: Duration = Duration::from_secs(10);
/// So soon after Secrets were made.
const AT_ONCE: Duration = Duration::from_millis(100);

/// A pass failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Reading.
    #[error(transparent)]
    Dereference(#[from] dereference::Error),
    /// Deciding.
    #[error(transparent)]
    Plan(#[from] build::config_map::Error),
    /// Building.
    #[error(transparent)]
    Build(#[from] build::Error),
    /// Writing children.
    #[error(transparent)]
    Apply(#[from] apply::Error),
    /// Writing the status.
    #[error(transparent)]
    UpdateStatus(#[from] update_status::Error),
    /// The API server is slow, or gone.
    #[error("the API server did not answer within {PASS:?}")]
    Timeout,
}

/// One pass over one resource.
async fn reconcile(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, Error> {
    let started = Instant::now();
    let result = tokio::time::timeout(PASS, pass(&guarded, &context))
        .await
        .unwrap_or(Err(Error::Timeout));
    let outcome = match &result {
        Ok((_, true)) => Outcome::Changed,
        Ok((_, false)) => Outcome::Unchanged,
        Err(_) => Outcome::Error,
    };
    context.metrics.reconciled(outcome, started.elapsed());
    match result {
        Ok((action, _)) => {
            context.backoff.forget(&object_name(&guarded));
            Ok(action)
        }
        Err(error) => {
            if let Ok(resource) = &guarded.0
                && let Err(second) = update_status::failed(&context, resource, &error.to_string()).await
            {
                debug!(error = %second, "failed to say in the status that the pass failed");
            }
            Err(error)
        }
    }
}

/// When to try a resource again whose pass failed.
fn after_error(guarded: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    let object = object_name(&guarded);
    let pause = context.backoff.failed(&object);
    warn!(object, %error, again_in = ?pause, "a pass failed");
    Action::requeue(pause)
}

fn object_name(guarded: &Guarded) -> String {
    format!("{}/{}", guarded.namespace().unwrap_or_default(), guarded.name_any())
}

/// The line. Says when to look again, and whether anything was written.
async fn pass(guarded: &Guarded, context: &Context) -> Result<(Action, bool), Error> {
    let DeserializeGuard(Ok(resource)) = guarded else {
        let changed = update_status::malformed(context, guarded).await?;
        return Ok((Action::await_change(), changed));
    };
    if resource.meta().deletion_timestamp.is_some() {
        return Ok((Action::await_change(), false));
    }
    let now = Timestamp::now();

    let found = dereference::dereference(&context.client, resource).await?;
    let validated = validate::validate(resource, &found, &context.images, &context.hasher);
    let plan = plan::plan(&validated, resource.status.as_ref(), &found, now)?;
    let prepared = build::build(&validated, &plan)?;
    let applied = apply::apply(context, &validated.identity, prepared, &found).await?;
    let status_changed =
        update_status::update_status(context, resource, &validated, &plan, &found, &applied, now).await?;

    Ok((
        Action::requeue(look_again_in(&validated, &plan, &applied)),
        applied.changed || status_changed,
    ))
}

fn look_again_in(validated: &validate::Validated, plan: &plan::Plan, applied: &apply::Applied) -> Duration {
    let due = plan
        .due_in
        .and_then(|due| Duration::try_from(due).ok())
        .unwrap_or(REREAD);
    let job_under_way = plan.preflight.is_some() && plan.serving.is_none();
    let usual = if applied.made_secrets {
        AT_ONCE
    } else if !validated.problems.is_empty() || !applied.conflicts.is_empty() || job_under_way {
        MISSING
    } else {
        REREAD
    };
    usual.min(due)
}
