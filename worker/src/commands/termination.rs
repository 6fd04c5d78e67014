//! What a Job's container leaves to be read by the operator: JSON in its termination message. Where Kubernetes made no such
//! file, it goes to stdout.

use std::io::Write;

use companion_crds::report::{MAX_BYTES, TERMINATION_LOG};
use serde::Serialize;

/// Longest text in a report, in bytes: two of them fit a message, with what surrounds and escapes them.
const MAX_TEXT: usize = MAX_BYTES / 4;

/// Writes the report to the termination log, or to stdout.
pub fn leave(report: &impl Serialize) {
    let Ok(json) = serde_json::to_string(report) else {
        return tracing::error!("the report cannot be written as JSON");
    };
    // Never created: only Kubernetes knows whether someone reads it.
    let log = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(TERMINATION_LOG);
    let written = match log {
        Ok(mut file) => file.write_all(json.as_bytes()),
        Err(_) => writeln!(std::io::stdout(), "{json}"),
    };
    if let Err(error) = written {
        tracing::error!(%error, "failed to leave the report");
    }
}

/// The end of a text that is too long for a report: the cause comes last.
pub fn last_part(text: &str) -> String {
    let mut start = text.len().saturating_sub(MAX_TEXT);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_keeps_its_end_and_whole_characters() {
        let text = format!("{}the cause", "é".repeat(2_000));
        let kept = last_part(&text);
        assert!(kept.len() <= MAX_TEXT && kept.ends_with("the cause") && kept.starts_with('é'));
    }
}
