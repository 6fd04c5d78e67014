//! The folder in which `dev` keeps its data: whose it is, that one runs in it at a time, and the key that its tokens are
//! signed with. The lock is the system's: it goes with the process, however that ends.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest wait for another one to be ready.
const READY: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The folder, while it is ours.
pub struct Folder {
    path: PathBuf,
    lock: File,
    account: Option<Account>,
}

/// The user that PostgreSQL runs as where we are root, which it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
}

/// Whose the folder is.
pub enum Opened {
    /// Ours until the end.
    Ours(Folder),
    /// Another one's.
    Taken(Taken),
}

/// Another one runs in the folder.
pub struct Taken {
    lock: File,
}

/// The one that runs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Running {
    pid: u32,
    /// Where it serves.
    pub url: String,
}

impl Folder {
    /// Opens the folder, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made or used.
    pub fn open(named: Option<&Path>) -> anyhow::Result<Opened> {
        let path = place(named)?;
        let failed = || format!("--data-dir: failed to use {}", path.display());
        let account = if is_root() {
            account(&std::fs::read_to_string("/etc/passwd").unwrap_or_default())
        } else {
            None
        };
        // One that is there is somebody's, who says who may look into it.
        if !path.is_dir() {
            DirBuilder::new().recursive(true).create(&path).with_context(failed)?;
            // PostgreSQL's own user must get through to its data.
            let mode = if account.is_some() { 0o711 } else { 0o700 };
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).with_context(failed)?;
        }
        let path = std::fs::canonicalize(&path).with_context(failed)?;
        let lock = private()
            .read(true)
            .truncate(false)
            .open(path.join("lock"))
            .with_context(failed)?;
        match lock.try_lock() {
            Ok(()) => {
                lock.set_len(0).with_context(failed)?;
                Ok(Opened::Ours(Self { path, lock, account }))
            }
            Err(TryLockError::WouldBlock) => Ok(Opened::Taken(Taken { lock })),
            Err(TryLockError::Error(error)) => Err(error).with_context(failed),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The user that PostgreSQL runs as, if that is another than ours.
    ///
    /// # Errors
    /// We are root, and there is none.
    pub fn account(&self) -> anyhow::Result<Option<Account>> {
        if is_root() && self.account.is_none() {
            return Err(anyhow!(
                "PostgreSQL does not run as root, and there is no user postgres for it: run this as another user, or give a \
                 PostgreSQL that runs with --database-url"
            ));
        }
        Ok(self.account)
    }

    /// A folder within, of this user's alone.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn within(&self, name: &str, account: Option<Account>) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        let failed = || format!("failed to use {}", path.display());
        if !path.is_dir() {
            DirBuilder::new().mode(0o700).create(&path).with_context(failed)?;
        }
        if let Some(Account { uid, gid }) = account {
            chown(&path, Some(uid), Some(gid)).with_context(failed)?;
        }
        Ok(path)
    }

    /// The key that tokens are signed with, made the first time.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn signing_key(&self) -> anyhow::Result<SecretString> {
        let path = self.path.join("signing-key");
        if !path.exists() {
            // Each has 122 bits of the operating system's randomness.
            let key = [Uuid::new_v4(), Uuid::new_v4()]
                .map(|part| part.simple().to_string())
                .concat();
            let new = self.path.join("signing-key.new");
            let written = private()
                .truncate(true)
                .open(&new)
                .and_then(|mut file| file.write_all(key.as_bytes()));
            written
                .and_then(|()| std::fs::rename(&new, &path))
                .with_context(|| format!("failed to write {}", path.display()))?;
        }
        signing_key_in(&self.path)
    }

    /// Tells whoever finds the folder taken where we serve.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn tell(&mut self, running: &Running) -> std::io::Result<()> {
        let text = serde_json::to_string(running)?;
        self.lock.set_len(0)?;
        self.lock.rewind()?;
        self.lock.write_all(text.as_bytes())
    }
}

impl Taken {
    /// The one that runs. If `wait`, the end of its start is waited for.
    ///
    /// # Errors
    /// It does not serve yet.
    pub async fn running(mut self, wait: bool) -> anyhow::Result<Running> {
        let looked = async {
            loop {
                if let Some(running) = self.read()? {
                    return Ok(running);
                }
                if !wait {
                    return Err(anyhow!(
                        "another `companion-worker dev` is starting; one runs in a folder at a time"
                    ));
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let late = || anyhow!("another `companion-worker dev` has been starting for {READY:?}; look at what it says");
        tokio::time::timeout(READY, looked)
            .await
            .unwrap_or_else(|_| Err(late()))
    }

    fn read(&mut self) -> anyhow::Result<Option<Running>> {
        let mut text = String::new();
        self.lock.rewind()?;
        self.lock.read_to_string(&mut text)?;
        Ok(serde_json::from_str(&text).ok())
    }
}

impl Running {
    /// This process, at `port`.
    pub fn here(port: u16) -> Self {
        Self {
            pid: std::process::id(),
            url: format!("http://127.0.0.1:{port}"),
        }
    }

    /// That it runs, for who wanted to start another.
    pub fn error(&self) -> anyhow::Error {
        anyhow!(
            "one runs already, at {}/chat (process {}); its shell lines: companion-worker dev --env; for another beside it \
             give --data-dir, --port and --admin-port",
            self.url,
            self.pid
        )
    }
}

/// Where the folder is.
///
/// # Errors
/// Nothing says so.
pub fn place(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let variable = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    if is_root() {
        // PostgreSQL's own user cannot look into root's home.
        return Ok("/var/lib/companion/dev".into());
    }
    let data = variable("XDG_DATA_HOME").or_else(|| Some(variable("HOME")?.join(".local/share")));
    data.map(|data| data.join("companion/dev"))
        .ok_or_else(|| anyhow!("HOME is not set: say with --data-dir where to keep data"))
}

/// The key of the one that runs.
///
/// # Errors
/// It cannot be read.
pub fn signing_key_in(folder: &Path) -> anyhow::Result<SecretString> {
    let path = folder.join("signing-key");
    let key = std::fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
    Ok(key.trim().into())
}

/// A file that only we can read.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The user `postgres` of /etc/passwd.
fn account(passwd: &str) -> Option<Account> {
    let fields: Vec<&str> = passwd
        .lines()
        .find(|line| line.starts_with("postgres:"))?
        .split(':')
        .collect();
    let number = |index: usize| fields.get(index)?.parse().ok();
    Some(Account {
        uid: number(2)?,
        gid: number(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_postgres_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres-exporter:x:7:7::/:/bin/false\n\
                      postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(account(passwd), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(account("root:x:0:0:root:/root:/bin/bash\n"), None);
    }
}
