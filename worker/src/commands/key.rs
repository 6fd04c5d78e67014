//! `key`: a new API key on standard output, once, with the entry of the Secret that makes workers believe it. Both are
//! lines of YAML.

use std::io::Write;

use companion_crds::api_key::Scope;

use crate::config::ConfigError;
use crate::http::auth::make_key;

/// Prints a key called `name` that may do what `scopes` say.
///
/// # Errors
/// The name cannot be one, there are no scopes, or nobody reads the output.
pub fn run(name: &str, scopes: &[Scope]) -> Result<(), ConfigError> {
    let (key, entry) = make_key(name, scopes)?;
    let failed = |problem: String| ConfigError::setting("standard output", problem);
    let entry = serde_json::to_string(&entry).map_err(|error| failed(error.to_string()))?;
    let text = format!(
        "# The key, for the server that calls. It is shown this once.\n\
         key: {key}\n\
         # The entry of the Secret that auth.apiKeys.secretRef names, under stringData.\n\
         {name}: '{entry}'\n"
    );
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| failed(error.to_string()))
}
