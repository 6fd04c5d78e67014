//! Whether the schema may be changed for an image now. In: what attempts there were, and what a person approved. Out:
//! whether workers of that image may be rolled out, and whether a Job is to be made.

use companion_crds::workload::Approval;
use jiff::Timestamp;

use super::attempts::{self, Attempt, Step};

/// Where the schema stands for the wanted image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It fits: workers of the image may start.
    Open,
    /// Not before a person has approved it.
    AwaitsApproval,
    /// Not before the Job has succeeded.
    Closed(Step),
}

/// The annotation by which a person approves a migration; its value is the image.
pub const APPROVAL_ANNOTATION: &str = "companion.dev/approve-migration";

/// The gate of `image`. `attempts` are those for this image, database and owner role.
pub fn gate(
    approval: Approval,
    approved_image: Option<&str>,
    image: &str,
    attempts: &[Attempt],
    now: Timestamp,
) -> Gate {
    match attempts::next(attempts, now, 0, None) {
        Step::Done => Gate::Open,
        Step::Running => Gate::Closed(Step::Running),
        _ if approval == Approval::Manual && approved_image != Some(image) => Gate::AwaitsApproval,
        step => Gate::Closed(step),
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempts::Outcome;
    use super::*;

    #[test]
    fn a_manual_migration_starts_only_for_the_image_that_was_approved() {
        let now = Timestamp::UNIX_EPOCH;
        let start = Gate::Closed(Step::Start { number: 1 });
        let table = [
            (Approval::Automatic, None, start),
            (Approval::Manual, None, Gate::AwaitsApproval),
            (Approval::Manual, Some("worker:1"), Gate::AwaitsApproval),
            (Approval::Manual, Some("worker:2"), start),
        ];
        for (approval, approved, expected) in table {
            assert_eq!(
                gate(approval, approved, "worker:2", &[], now),
                expected,
                "{approval:?} {approved:?}"
            );
        }
    }

    #[test]
    fn what_is_migrated_needs_no_approval_any_more() {
        let done = Attempt {
            number: 1,
            outcome: Outcome::Succeeded(Timestamp::UNIX_EPOCH),
        };
        assert_eq!(
            gate(Approval::Manual, None, "worker:2", &[done], Timestamp::now()),
            Gate::Open
        );
    }
}
