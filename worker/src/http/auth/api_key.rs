//! API keys of servers: `ck_<name>_<64 hexadecimal digits>`. The worker knows their SHA-256 only, one file for each in a
//! folder that the operator mounts, read once: a Secret that changes rolls the pods, so no worker believes a key for longer
//! than a rollout takes. A key is random enough that a plain hash of it says nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use companion_crds::api_key::{Entry, Scope, check_name};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::config::ConfigError;

/// Under which keys have users of their own. No issuer of tokens may be called so.
pub const ISSUER: &str = "urn:companion:api-key";

const SETTING: &str = "auth.apiKeys.path";
const PREFIX: &str = "ck_";
/// Longest key that is looked at.
const MAX_KEY: usize = 256;

/// A key that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// All keys that are believed, by name.
#[derive(Default)]
pub struct ApiKeys {
    keys: BTreeMap<String, Known>,
}

struct Known {
    hash: [u8; 32],
    scopes: Vec<Scope>,
}

impl ApiKeys {
    /// The keys in `folder`. One that is malformed is left out and told of by name: a slip in one entry must not keep every
    /// user out.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let problem = |error: std::io::Error| {
            ConfigError::setting(
                SETTING,
                format!("failed to read the folder {}: {error}", folder.display()),
            )
        };
        let mut keys = BTreeMap::new();
        for file in fs::read_dir(folder).map_err(problem)? {
            let path = file.map_err(problem)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            // Kubernetes keeps the files behind links of its own that begin with two dots.
            if name.starts_with("..") {
                continue;
            }
            let value = fs::read(&path).map_err(|error| error.to_string());
            match value.and_then(|value| Known::read(name, &value)) {
                Ok(known) => drop(keys.insert(name.to_owned(), known)),
                Err(wrong) => tracing::error!("{SETTING}: entry {name:?} {wrong}; this key is not believed"),
            }
        }
        Ok(Self { keys })
    }

    /// The key that `text` is, if it is believed.
    pub fn find(&self, text: &str) -> Option<ApiKey> {
        if text.len() > MAX_KEY {
            return None;
        }
        let (name, _) = text.strip_prefix(PREFIX)?.rsplit_once('_')?;
        let known = self.keys.get(name)?;
        let same = known.hash.ct_eq(&Sha256::digest(text.as_bytes()));
        bool::from(same).then(|| ApiKey {
            name: name.to_owned(),
            scopes: known.scopes.clone(),
        })
    }
}

impl Known {
    fn read(name: &str, value: &[u8]) -> Result<Self, String> {
        let entry = Entry::read(name, value)?;
        let mut hash = [0; 32];
        for (byte, digits) in hash.iter_mut().zip(entry.sha256.as_bytes().chunks(2)) {
            let digits = str::from_utf8(digits).map_err(|error| error.to_string())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|error| error.to_string())?;
        }
        Ok(Self {
            hash,
            scopes: entry.scopes,
        })
    }
}

/// A new key called `name`, and the entry that makes workers believe it.
///
/// # Errors
/// The name cannot be one, or there are no scopes.
pub fn make(name: &str, scopes: &[Scope]) -> Result<(String, Entry), ConfigError> {
    check_name(name).map_err(|wrong| ConfigError::setting("name", format!("{name:?} {wrong}")))?;
    if scopes.is_empty() {
        return Err(ConfigError::setting(
            "scopes",
            "must be one or more of chat, act-as, admin",
        ));
    }
    // Each of them has 122 bits of the operating system's randomness.
    let random = [Uuid::new_v4(), Uuid::new_v4()]
        .map(|part| part.simple().to_string())
        .concat();
    let key = format!("{PREFIX}{name}_{random}");
    let sha256 = hex(&Sha256::digest(key.as_bytes()));
    let mut scopes = scopes.to_vec();
    scopes.sort();
    scopes.dedup();
    Ok((key, Entry { sha256, scopes }))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("companion-keys-{}", Uuid::new_v4().simple()));
        fs::create_dir(&path).unwrap();
        path
    }

    #[test]
    fn a_new_key_is_believed_with_its_scopes_and_nothing_like_it_is() {
        let folder = folder();
        let (key, entry) = make("my_app", &[Scope::ActAs, Scope::Chat, Scope::Chat]).unwrap();
        fs::write(folder.join("my_app"), serde_json::to_vec(&entry).unwrap()).unwrap();
        fs::write(folder.join("broken"), "nonsense").unwrap();
        fs::create_dir(folder.join("..data")).unwrap();
        let keys = ApiKeys::read(&folder).unwrap();
        fs::remove_dir_all(folder).unwrap();

        let found = keys.find(&key).unwrap();
        assert_eq!(
            (found.name.as_str(), found.scopes),
            ("my_app", vec![Scope::Chat, Scope::ActAs])
        );
        for wrong in [
            key.replace("my_app", "other"),
            key.replace("ck_", "sk_"),
            key.to_uppercase(),
            format!("{key}0"),
            key[..key.len() - 1].to_owned(),
            "ck_my_app_".to_owned(),
            "ck_broken_0".to_owned(),
            entry.sha256,
            "ck_".repeat(1_000),
            String::new(),
        ] {
            assert_eq!(keys.find(&wrong), None, "{wrong}");
        }
        assert_ne!(make("my_app", &[Scope::Chat]).unwrap().0, key);
    }

    #[test]
    fn a_name_that_cannot_be_an_entry_is_refused() {
        for name in ["", "a b", "../etc", ".hidden", "naïve"] {
            let text = make(name, &[Scope::Chat]).unwrap_err().to_string();
            assert!(text.starts_with("name: "), "{text}");
        }
    }

    #[test]
    fn a_folder_that_is_not_there_stops_the_worker_with_its_setting() {
        let text = ApiKeys::read(Path::new("/nowhere/keys")).err().unwrap().to_string();
        assert!(
            text.starts_with("auth.apiKeys.path: failed to read the folder /nowhere/keys"),
            "{text}"
        );
    }
}
