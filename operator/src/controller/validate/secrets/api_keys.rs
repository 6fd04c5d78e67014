//! The Secret with the API keys: all of it goes to the workers, so every entry must be one that they can read. An empty one
//! is no problem: taking the last key away must take it from the workers too.

use companion_crds::CompanionDeploymentSpec;
use companion_crds::api_key::Entry;

use super::super::{Cure, Part, Problem};
use crate::controller::dereference::Found;

const FIELD: &str = "auth.apiKeys.secretRef";

/// The entries of the Secret, by name; what is wrong with them goes to `problems`, without a value.
pub fn entries<'a>(
    spec: &CompanionDeploymentSpec,
    found: &'a Found,
    problems: &mut Vec<Problem>,
) -> Vec<(&'a str, &'a [u8])> {
    let Some(keys) = &spec.auth.api_keys else {
        return Vec::new();
    };
    let name = &keys.secret_ref.name;
    let mut problem = |reason, message| {
        problems.push(Problem {
            part: Part::Other,
            reason,
            message,
            cure: Cure::Outside,
        });
    };
    let Some(secret) = found.secrets.get(name) else {
        problem(
            "SecretMissing",
            format!(
                "{FIELD}: there is no secret {name:?} in this namespace: make it with an entry for each key, as `companion-worker key` prints them"
            ),
        );
        return Vec::new();
    };
    let entries: Vec<(&str, &[u8])> = secret
        .data
        .iter()
        .flatten()
        .map(|(entry, value)| (entry.as_str(), value.0.as_slice()))
        .collect();
    for (entry, value) in &entries {
        if let Err(wrong) = Entry::read(entry, value) {
            problem(
                "SecretInvalid",
                format!("{FIELD}: entry {entry:?} of secret {name:?} {wrong}"),
            );
        }
    }
    entries
}
