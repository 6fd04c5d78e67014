//! What `dev` says on standard output: a few lines for a person, or shell lines for clients, the same as `make -s env`
//! prints for a cluster.

use std::path::PathBuf;

/// Said beside the shell lines of a service that runs in the foreground.
pub const HERE: &str =
    "nothing ran yet: this one serves until Ctrl-C; in other shells: eval \"$(companion-worker dev --env)\"";

/// What serves, in words.
pub struct Parts {
    /// The database.
    pub postgres: String,
    /// Redis.
    pub redis: String,
    /// Who replies.
    pub provider: String,
    /// The data folder.
    pub data: PathBuf,
    /// It is not where it would be by default.
    pub elsewhere: bool,
}

/// Shell lines. Neither value has a character that a shell would take for more than itself.
pub fn shell(url: &str, token: &str) -> String {
    [
        ("COMPANION_URL", url.to_owned()),
        ("COMPANION_TOKEN", token.to_owned()),
        ("OPENAI_BASE_URL", format!("{url}/v1")),
        ("OPENAI_API_KEY", token.to_owned()),
    ]
    .map(|(name, value)| format!("export {name}={value}\n"))
    .concat()
}

/// Lines for a person.
pub fn page(url: &str, token: &str, parts: &Parts) -> String {
    let folder = parts.data.display();
    let option = if parts.elsewhere {
        format!(" --data-dir '{folder}'")
    } else {
        String::new()
    };
    format!(
        "PostgreSQL  {}\n\
         Redis       {}\n\
         replies     {}\n\
         data        {folder}\n\
         API         {url}/docs/\n\
         clients     eval \"$(companion-worker dev --env{option})\"\n\
         chat        {url}/chat#token={token}\n\
         Ctrl-C ends it; what was said stays.\n",
        parts.postgres, parts.redis, parts.provider
    )
}
