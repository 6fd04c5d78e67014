//! Events for `kubectl describe`: one when a condition changes, none while it stays as it is.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::events::{Event, EventType};
use tracing::warn;

use crate::context::Context;

/// Longest note that the API server takes, in bytes.
const LONGEST: usize = 1_024;

/// Reasons of `Ready` that somebody should hear of.
const FOR_A_PERSON: [&str; 3] = ["SecretMissing", "SecretInvalid", "ReconcileFailed"];

/// What changed between two sets of conditions.
pub fn transitions(old: &[Condition], new: &[Condition]) -> Vec<Event> {
    let known = |kind: &str| old.iter().find(|condition| condition.type_ == kind);
    new.iter()
        .filter_map(|condition| {
            let before = known(&condition.type_)?;
            let changed =
                before.status != condition.status || condition.status == "False" && before.reason != condition.reason;
            // The others repeat what the parts say.
            let tells = !matches!(
                condition.type_.as_str(),
                "Reconciling" | "WorkersAvailable" | "JobsAvailable"
            );
            (changed && tells && condition.status != "Unknown").then(|| event(condition))
        })
        .collect()
}

fn event(condition: &Condition) -> Event {
    let is_bad = match condition.type_.as_str() {
        // A person who asked to be asked is not warned.
        "Stalled" => condition.status == "True" && condition.reason != "AwaitingApproval",
        // On the way is not wrong; what another condition names has its own event.
        "Ready" => condition.status == "False" && FOR_A_PERSON.contains(&condition.reason.as_str()),
        _ => condition.status == "False" && !matches!(condition.reason.as_str(), "Starting" | "AwaitingApproval"),
    };
    Event {
        type_: if is_bad { EventType::Warning } else { EventType::Normal },
        reason: format!("{}{}", condition.type_, condition.status),
        note: Some(note(format!("{}: {}", condition.reason, condition.message))),
        // Events that differ in their note alone would be told as one, with the first one's.
        action: condition.reason.clone(),
        secondary: None,
    }
}

/// The key of the secrets' hashes is another one than before.
pub fn key_lost() -> Event {
    Event {
        type_: EventType::Warning,
        reason: "SecretKeyLost".into(),
        note: Some(
            "the secret companion-operator-hmac in the operator's namespace was lost and made anew; the pods keep their old hashes, \
             and a secret that changed in between goes unnoticed: if one did, restart the workers with `kubectl rollout restart deployment`"
                .into(),
        ),
        action: "Reconcile".into(),
        secondary: None,
    }
}

fn note(mut text: String) -> String {
    if let Some(end) = (0..=LONGEST).rev().find(|index| text.is_char_boundary(*index)) {
        text.truncate(end);
    }
    text
}

/// Publishes `events` about a resource. One that fails is said in the log: it is not worth another pass.
pub async fn publish(context: &Context, about: &ObjectReference, events: Vec<Event>) {
    for event in events {
        match context.recorder.publish(&event, about).await {
            Ok(()) => context.metrics.wrote("event"),
            Err(error) => warn!(%error, reason = event.reason, "failed to publish an event"),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::conditions::{Finding, conditions};

    #[test]
    fn only_a_change_is_an_event() {
        let of = |finding: Finding| conditions(vec![finding], &[], None, Timestamp::UNIX_EPOCH);
        let failed = of(Finding::new("Migrated", false, "MigrationFailed", "no"));
        let done = of(Finding::new("Migrated", true, "Migrated", "yes"));
        assert!(transitions(&[], &failed).is_empty());
        assert!(transitions(&failed, &failed).is_empty());
        let events = transitions(&done, &failed);
        assert_eq!(
            (events[0].reason.as_str(), events[0].type_),
            ("MigratedFalse", EventType::Warning)
        );
        assert_eq!(transitions(&failed, &done)[0].type_, EventType::Normal);
    }

    #[test]
    fn a_note_fits() {
        assert_eq!(note("ä".repeat(600)).len(), 1_024);
        assert_eq!(note("short".into()), "short");
    }
}
