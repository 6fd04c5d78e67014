//! What tests/run.sh prepares and hands over as environment variables. A test that misses one fails with what to do.

use std::path::PathBuf;

/// The variable `name`, or a failure that says how to get it.
pub fn required(name: &str) -> String {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| panic!("{name} is not set: run \"make test\", which prepares what this test needs"))
}

/// `usual` times in `make test`, and as many times more as `make soak` says.
pub fn times(usual: usize) -> usize {
    let factor = std::env::var("COMPANION_SOAK").ok().and_then(|text| text.parse().ok());
    usual * factor.unwrap_or(1)
}

/// The repository's root.
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the test crate lies in the repository")
        .to_owned()
}
