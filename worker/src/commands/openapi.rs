//! `openapi`: the OpenAPI document of the service on standard output. `docs/openapi.json` is this output.

use std::io::Write;

use crate::http;

/// Prints the document.
///
/// # Errors
/// Nobody reads the output.
pub fn run() -> anyhow::Result<()> {
    let document = http::document().to_pretty_json()?;
    writeln!(std::io::stdout(), "{document}")?;
    Ok(())
}
