//! What the conditions of a sample resource say in the states that a cluster seldom shows.

use companion_crds::CompanionDeployment;
use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::events::{Event, EventType};
use serde_json::{Value, json};

use super::findings;
use crate::conditions::{Finding, State, conditions};
use crate::controller::apply::Applied;
use crate::controller::build::build;
use crate::controller::build::labels::Component;
use crate::controller::dereference::{Found, JobRun, Trouble};
use crate::controller::fixtures::{decide, found, pod_of, proven, resource, running};
use crate::events::transitions;
use crate::plan::attempts::{Attempt, Outcome};

/// A resource for which everything is done, and its workers as they serve.
fn all_well() -> (CompanionDeployment, Found, Applied) {
    served(json!({}), 2)
}

/// The same of a resource with `spec` and so many workers.
fn served(spec: Value, replicas: u32) -> (CompanionDeployment, Found, Applied) {
    let (mut sample, mut found) = (resource(spec), found());
    proven(&mut sample, &mut found);
    let (validated, plan) = decide(&sample, &found);
    let prepared = build(&validated, &plan).unwrap();
    let applied = Applied {
        deployment: running(prepared.deployment, replicas),
        jobs_deployment: running(prepared.jobs_deployment, prepared.jobs_replicas.unwrap_or_default()),
        ..Applied::default()
    };
    (sample, found, applied)
}

fn said(resource: &CompanionDeployment, found: &Found, applied: &Applied) -> Vec<Finding> {
    let (validated, plan) = decide(resource, found);
    findings(&validated, &plan, found, applied, &[])
}

fn one<'a>(findings: &'a [Finding], kind: &str) -> &'a Finding {
    findings.iter().find(|finding| finding.kind == kind).unwrap()
}

#[test]
fn a_preflight_whose_pod_is_gone_does_not_take_ready_away() {
    let (sample, mut found, applied) = all_well();
    assert!(one(&said(&sample, &found, &applied), "Ready").is_true());
    // A drain took the pod of the Job that succeeded, and its report with it.
    for run in &mut found.job_runs {
        if run.component == Component::Preflight {
            run.message = None;
        }
    }
    let findings = said(&sample, &found, &applied);
    for kind in ["Ready", "DatabaseReady", "RedisReady"] {
        assert_eq!(one(&findings, kind).state, State::True, "{:?}", one(&findings, kind));
    }
    assert!(one(&findings, "DatabaseReady").message.contains("17.6"));
}

#[test]
fn a_missing_secret_takes_nothing_away_from_what_was_known_and_says_how_it_goes_on() {
    let (sample, mut found, applied) = all_well();
    let before = conditions(said(&sample, &found, &applied), &[], Some(1), Timestamp::UNIX_EPOCH);
    found.secrets.remove("jwt");
    let (validated, plan) = decide(&sample, &found);
    let after = findings(&validated, &plan, &found, &applied, &before);
    let ready = one(&after, "Ready");
    assert_eq!((ready.state, ready.reason.as_str()), (State::False, "SecretMissing"));
    assert!(
        ready
            .message
            .contains("kubectl --namespace chat create secret generic jwt"),
        "{ready:?}"
    );
    for kind in ["DatabaseReady", "RedisReady", "Migrated", "ConnectionsFit"] {
        assert!(one(&after, kind).is_true(), "{:?}", one(&after, kind));
    }
    let stalled = one(&after, "Stalled");
    assert_eq!(
        (stalled.state, stalled.reason.as_str()),
        (State::False, "SecretMissing")
    );
    assert!(stalled.message.contains("goes on by itself"), "{stalled:?}");
    let now = conditions(after, &before, Some(1), Timestamp::UNIX_EPOCH);
    let told = transitions(&before, &now);
    let warns = |event: &Event| event.reason == "ReadyFalse" && event.type_ == EventType::Warning;
    assert!(told.iter().any(warns));
}

#[test]
fn what_is_being_looked_at_anew_is_not_known() {
    let (mut sample, found, applied) = all_well();
    let before = conditions(said(&sample, &found, &applied), &[], Some(1), Timestamp::UNIX_EPOCH);
    sample.spec.image = Some("worker:2".into());
    let (validated, plan) = decide(&sample, &found);
    let after = findings(&validated, &plan, &found, &applied, &before);
    for kind in ["DatabaseReady", "Migrated", "ConnectionsFit"] {
        assert_eq!(one(&after, kind).state, State::Unknown, "{:?}", one(&after, kind));
    }
}

#[test]
fn an_image_that_cannot_be_pulled_stalls_until_somebody_acts() {
    let (mut sample, mut found) = (resource(json!({})), found());
    proven(&mut sample, &mut found);
    let run = found.job_runs.remove(0);
    let mut trouble = Trouble {
        message: "the image \"worker:none\" cannot be pulled".into(),
        needs_a_person: true,
    };
    let mut stalls = |found: &mut Found, run| {
        found.job_runs = vec![run];
        sample.status = None;
        let findings = said(&sample, found, &Applied::default());
        (one(&findings, "Stalled").clone(), one(&findings, "Ready").clone())
    };
    let running = |trouble: &Trouble| JobRun {
        attempt: Attempt {
            number: 1,
            outcome: Outcome::Running,
        },
        message: None,
        trouble: Some(trouble.clone()),
        ..run.clone()
    };
    let (stalled, ready) = stalls(&mut found, running(&trouble));
    assert!(
        stalled.is_true() && stalled.message.contains("cannot be pulled"),
        "{stalled:?}"
    );
    assert!(
        !ready.is_true() && ready.message.contains("cannot be pulled"),
        "{ready:?}"
    );
    trouble.needs_a_person = false;
    assert!(
        !stalls(&mut found, running(&trouble)).0.is_true(),
        "a node may still come"
    );
    let ended = JobRun {
        attempt: Attempt {
            number: 1,
            outcome: Outcome::Failed(Timestamp::UNIX_EPOCH),
        },
        ..running(&trouble)
    };
    assert!(stalls(&mut found, ended).0.is_true(), "it ended without a report");
}

#[test]
fn what_waits_for_approval_is_stalled_with_the_command_to_give() {
    let (mut sample, mut found) = (resource(json!({ "migrations": { "approval": "Manual" } })), found());
    sample
        .annotations_mut()
        .insert("companion.dev/approve-migration".into(), "worker:1".into());
    proven(&mut sample, &mut found);
    sample.annotations_mut().clear();
    found.job_runs.retain(|run| run.component == Component::Preflight);
    let findings = said(&sample, &found, &Applied::default());
    let stalled = one(&findings, "Stalled");
    assert!(
        stalled.is_true() && stalled.message.contains("kubectl --namespace chat annotate"),
        "{stalled:?}"
    );
    assert_eq!(one(&findings, "Reconciling").state, State::False);
}

#[test]
fn children_of_a_deleted_resource_of_the_same_name_are_waited_for_without_a_stall() {
    let (sample, found) = (resource(json!({})), found());
    let applied = Applied {
        leaving: vec!["Service \"demo\"".into()],
        ..Applied::default()
    };
    let findings = said(&sample, &found, &applied);
    assert_eq!(one(&findings, "Stalled").state, State::False);
    assert_eq!(one(&findings, "Reconciling").state, State::True);
    assert!(one(&findings, "Ready").message.contains("Service \"demo\""));
}

#[test]
fn what_nobody_should_overlook_is_said_beside_ready() {
    let (sample, found, applied) = served(json!({ "replicas": 0, "image": "worker:1" }), 0);
    let ready = one(&said(&sample, &found, &applied), "Ready").clone();
    assert!(ready.is_true(), "{ready:?}");
    for words in [
        "no workers are asked for",
        "\"demo\" is simulated although environment is Production",
        "by digest",
    ] {
        assert!(ready.message.contains(words), "{ready:?}");
    }
}

#[test]
fn pods_for_jobs_that_do_not_get_ready_take_ready_away_and_stall_in_the_end() {
    let (sample, found, mut applied) = served(json!({ "jobs": { "mode": "Separate" } }), 2);
    let all = said(&sample, &found, &applied);
    assert!(
        one(&all, "JobsAvailable").is_true() && one(&all, "Ready").is_true(),
        "{all:?}"
    );

    let mut status = json!({ "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1 });
    let deployment = |status: &Value| {
        let mut deployment = applied.jobs_deployment.clone();
        deployment.as_mut().unwrap().status = serde_json::from_value(status.clone()).unwrap();
        deployment
    };
    let starting = deployment(&status);
    status["conditions"] = json!([{ "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }]);
    let stuck = deployment(&status);

    applied.jobs_deployment = starting;
    let all = said(&sample, &found, &applied);
    let (ready, workers) = (one(&all, "Ready"), one(&all, "WorkersAvailable"));
    assert_eq!(
        (ready.state, ready.reason.as_str(), workers.state),
        (State::False, "RollingOut", State::True)
    );
    assert!(
        ready
            .message
            .contains("JobsAvailable: 1 pods for jobs are wanted, 0 are ready"),
        "{ready:?}"
    );
    assert!(!one(&all, "Stalled").is_true());
    applied.jobs_deployment = stuck;
    let all = said(&sample, &found, &applied);
    assert_eq!(one(&all, "JobsAvailable").reason, "RolloutStuck");
    assert!(one(&all, "Stalled").is_true());
}

#[test]
fn jobs_in_workers_have_no_condition_but_while_pods_for_jobs_are_left() {
    let (sample, mut found, applied) = all_well();
    let has = |all: &[Finding]| all.iter().any(|finding| finding.kind == "JobsAvailable");
    assert!(!has(&said(&sample, &found, &applied)));
    let (_, _, separate) = served(json!({ "jobs": { "mode": "Separate" } }), 2);
    found.children.pods = vec![pod_of(&separate.jobs_deployment.unwrap())];
    let all = said(&sample, &found, &applied);
    assert_eq!(
        (
            one(&all, "JobsAvailable").reason.as_str(),
            one(&all, "Ready").reason.as_str()
        ),
        ("HandingOver", "HandingOver")
    );
}
