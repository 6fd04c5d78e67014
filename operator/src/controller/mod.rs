//! The way of one CompanionDeployment, as a line: `dereference -> validate -> plan -> build -> apply -> update_status`.
//! Only the first step reads, only the last two write; those between take no client.

pub mod apply;
pub mod build;
pub mod dereference;
#[cfg(test)]
mod fixtures;
pub mod plan;
pub mod update_status;
pub mod validate;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use companion_crds::CompanionDeployment;
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use kube::{Resource as _, ResourceExt as _};
use tracing::{debug, warn};

use crate::context::Context;
use crate::telemetry::Outcome;
use update_status::Failure;

pub use watch::{Guarded, watch};

/// Longest time of one pass.
const PASS: Duration = Duration::from_secs(60);
/// So many failures in a row are no passing trouble any more.
const LASTING: u32 = 3;
/// Longest time of saying so.
const SAY: Duration = Duration::from_secs(10);
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
    let uid = guarded.uid().unwrap_or_default();
    match result {
        Ok((action, _)) => {
            context.backoff.forget(&uid);
            Ok(action)
        }
        Err(error) => {
            let failures = context.backoff.failed(&uid);
            let failure = match &error {
                Error::Apply(error) if error.is_refusal() => Failure::Refused,
                _ if failures >= LASTING => Failure::Lasting,
                _ => Failure::Passing,
            };
            if let Ok(known) = &guarded.0 {
                say_failed(&context, known, &error, failure).await;
            }
            Err(error)
        }
    }
}

/// Says in the status that a pass failed, if the API server lets us.
async fn say_failed(context: &Context, known: &CompanionDeployment, error: &Error, failure: Failure) {
    let said = async {
        let Some(resource) = dereference::current(&context.client, known).await? else {
            return Ok(());
        };
        // It may have been edited since: nobody has refused that yet.
        let edited = resource.meta().generation != known.meta().generation;
        let failure = if edited { Failure::Passing } else { failure };
        update_status::failed(context, &resource, &error.to_string(), failure).await?;
        Ok::<_, Error>(())
    };
    match tokio::time::timeout(SAY, said).await {
        Ok(Ok(())) => {}
        Ok(Err(second)) => debug!(error = ?second, "failed to say in the status that the pass failed"),
        Err(_) => debug!("the API server took no status within {SAY:?}"),
    }
}

/// When to try a resource again whose pass failed.
fn after_error(guarded: Arc<Guarded>, error: &Error, context: Arc<Context>) -> Action {
    let pause = context.backoff.pause(&guarded.uid().unwrap_or_default());
    // With its sources: how a connection broke is in no condition.
    warn!(object = object_name(&guarded), ?error, again_in = ?pause, "a pass failed: {error}");
    Action::requeue(pause)
}

fn object_name(guarded: &Guarded) -> String {
    format!("{}/{}", guarded.namespace().unwrap_or_default(), guarded.name_any())
}

/// The line. Says when to look again, and whether anything was written.
async fn pass(guarded: &Guarded, context: &Context) -> Result<(Action, bool), Error> {
    let DeserializeGuard(Ok(known)) = guarded else {
        let changed = update_status::malformed(context, guarded).await?;
        return Ok((Action::await_change(), changed));
    };
    // The cache may lack the status of the pass before, whose events would be told twice.
    let current = dereference::current(&context.client, known).await?;
    let Some(resource) = current.filter(|resource| resource.meta().deletion_timestamp.is_none()) else {
        return Ok((Action::await_change(), false));
    };
    let now = Timestamp::now();

    let found = dereference::dereference(&context.client, &resource).await?;
    let validated = validate::validate(&resource, &found, &context.images, &context.hasher);
    let plan = plan::plan(&validated, resource.status.as_ref(), &found, now)?;
    let prepared = build::build(&validated, &plan)?;
    let applied = apply::apply(context, &validated.identity, prepared, &found).await?;
    let status_changed =
        update_status::update_status(context, &resource, &validated, &plan, &found, &applied, now).await?;

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
    } else if !validated.problems.is_empty()
        || !applied.conflicts.is_empty()
        || !applied.leaving.is_empty()
        || job_under_way
    {
        MISSING
    } else {
        REREAD
    };
    usual.min(due)
}
