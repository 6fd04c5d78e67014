//! `token`: a development token on standard output, for a shell or a client to use. Refused under a production
//! configuration.

use std::io::Write;

use companion_crds::text::Span;

use crate::config::{ConfigError, Settings};
use crate::http::auth;

/// Prints a token for `user` that holds for `ttl`.
///
/// # Errors
/// The configuration is a production one, the key is missing or weak, or nobody reads the output.
pub fn run(settings: &Settings, user: &str, ttl: Span) -> Result<(), ConfigError> {
    let token = auth::issue(&settings.config, &settings.secrets, user, ttl.duration().as_secs())?;
    writeln!(std::io::stdout(), "{token}").map_err(|error| ConfigError::setting("standard output", error.to_string()))
}
