//! One API key as an entry of a Secret: what `companion-worker key` prints, the operator checks and the worker believes.
//! Only a hash is stored; the key itself is shown once, when it is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name of a key.
pub const MAX_NAME: usize = 63;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Chat and see what is remembered.
    Chat,
    /// Do so for the users it names.
    ActAs,
    /// Calls for support.
    Admin,
}

impl Scope {
    /// The scope as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::ActAs => "act-as",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Chat, Self::ActAs, Self::Admin]
            .into_iter()
            .find(|scope| scope.name() == text)
            .ok_or_else(|| format!("{text:?} is no scope: use chat, act-as or admin"))
    }
}

/// The value of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// SHA-256 of the whole key, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Entry {
    /// The entry called `name` with this value.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence; it quotes nothing of the value, which may be a key pasted by mistake.
    pub fn read(name: &str, value: &[u8]) -> Result<Self, String> {
        check_name(name)?;
        let entry: Self = serde_json::from_slice(value).map_err(|_| {
            r#"is not {"sha256":"...","scopes":["chat"]} with scopes of chat, act-as and admin: make one with `companion-worker key`"#
        })?;
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if entry.sha256.len() != 64 || !entry.sha256.bytes().all(digit) {
            return Err("has a sha256 that is not 64 lower-case hexadecimal digits".into());
        }
        if entry.scopes.is_empty() {
            return Err("has no scopes: give it chat, act-as or admin".into());
        }
        Ok(entry)
    }
}

/// Checks the name of a key: it is part of the key and of what counts its requests.
///
/// # Errors
/// What is wrong, as the end of a sentence.
pub fn check_name(name: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > MAX_NAME || name.starts_with('.') || !name.bytes().all(plain) {
        return Err(format!(
            "has a name that is not 1 to {MAX_NAME} letters, digits, dashes, underscores and dots, or begins with a dot"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        let entry = Entry {
            sha256: HASH.into(),
            scopes: vec![Scope::Chat, Scope::ActAs],
        };
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(text, format!(r#"{{"sha256":"{HASH}","scopes":["chat","act-as"]}}"#));
        assert_eq!(Entry::read("app", text.as_bytes()), Ok(entry));
    }

    #[test]
    fn a_wrong_entry_is_told_what_to_write_and_never_quoted() {
        for (name, value) in [
            ("app", "ck_app_0123".to_owned()),
            ("app", format!(r#"{{"sha256":"{HASH}"}}"#)),
            ("app", format!(r#"{{"sha256":"{HASH}","scopes":["root"]}}"#)),
            ("app", format!(r#"{{"sha256":"{HASH}","scopes":[]}}"#)),
            (
                "app",
                format!(r#"{{"sha256":"{HASH}","scopes":["chat"],"user":"sam"}}"#),
            ),
            (
                "app",
                format!(r#"{{"sha256":"{}","scopes":["chat"]}}"#, HASH.to_uppercase()),
            ),
            ("app", r#"{"sha256":"9f86","scopes":["chat"]}"#.to_owned()),
            ("a b", format!(r#"{{"sha256":"{HASH}","scopes":["chat"]}}"#)),
            ("..data", format!(r#"{{"sha256":"{HASH}","scopes":["chat"]}}"#)),
        ] {
            let problem = Entry::read(name, value.as_bytes()).unwrap_err();
            assert!(!problem.contains("0123") && !problem.contains("9f86"), "{problem}");
        }
    }
}
