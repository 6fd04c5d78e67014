//! Which programs this machine has: every PostgreSQL with its pgvector, and Redis. Finding reads the machine, choosing is
//! pure; what is missing is told with how to get it.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::anyhow;

use crate::commands::preflight::at_least;
use crate::commands::preflight::database::{OLDEST_PGVECTOR, OLDEST_SERVER};

/// Folders of packages that leave their programs out of the PATH: Debian's, and those of PostgreSQL's own RPMs.
const PACKAGES: [(&str, &str); 2] = [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")];

const INSTALL: &str = "on Debian 13 or Ubuntu 25.04: apt-get install postgresql-17-pgvector; on older ones the same from \
                       https://apt.postgresql.org; or give one that runs with --database-url";

/// One PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Folder of its programs.
    pub bin: PathBuf,
    /// Its major version.
    pub major: i32,
    /// The version of pgvector that it has.
    pub pgvector: Option<String>,
}

/// The newest PostgreSQL that can be used; where `made_by` is a version, only that one can read the data.
///
/// # Errors
/// There is none, with how to get one.
pub fn postgres(made_by: Option<i32>) -> anyhow::Result<Installation> {
    let mut folders = path();
    for (parent, prefix) in PACKAGES {
        let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
        let named = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
        folders.extend(named.map(|entry| entry.path().join("bin")));
    }
    // A link in the PATH is the same PostgreSQL as where it leads.
    let mut bins: Vec<PathBuf> = folders
        .iter()
        .filter_map(|folder| std::fs::canonicalize(folder.join("postgres")).ok())
        .filter_map(|program| program.parent().map(Path::to_owned))
        .filter(|bin| bin.join("initdb").is_file())
        .collect();
    bins.sort();
    bins.dedup();
    choose(bins.into_iter().filter_map(look_at).collect(), made_by).map_err(|problem| anyhow!(problem))
}

fn choose(found: Vec<Installation>, made_by: Option<i32>) -> Result<Installation, String> {
    let usable = |one: &&Installation| {
        let new_enough = |version: &String| at_least(version, OLDEST_PGVECTOR);
        one.major >= OLDEST_SERVER && one.pgvector.as_ref().is_some_and(new_enough)
    };
    let readable = |one: &&Installation| made_by.is_none_or(|major| one.major == major);
    let best = found.iter().filter(readable).filter(usable).max_by_key(|one| one.major);
    if let Some(best) = best {
        return Ok(best.clone());
    }
    let (major, minor) = OLDEST_PGVECTOR;
    let needed = match made_by {
        Some(made_by) => format!(
            "the data were made by PostgreSQL {made_by}, which is needed with pgvector {major}.{minor} or newer"
        ),
        None => format!("PostgreSQL {OLDEST_SERVER} or newer with pgvector {major}.{minor} or newer is needed"),
    };
    if found.is_empty() {
        return Err(format!("PostgreSQL is missing, {needed}: {INSTALL}"));
    }
    let found: Vec<String> = found.iter().map(describe).collect();
    Err(format!("{needed}, found: {}; {INSTALL}", found.join(", ")))
}

fn describe(one: &Installation) -> String {
    let pgvector = match &one.pgvector {
        Some(version) => format!("pgvector {version}"),
        None => "no pgvector".into(),
    };
    format!("PostgreSQL {} with {pgvector} in {}", one.major, one.bin.display())
}

fn look_at(bin: PathBuf) -> Option<Installation> {
    let version = said(Command::new(bin.join("postgres")).arg("--version"))?;
    let share = said(Command::new(bin.join("pg_config")).arg("--sharedir"));
    let control =
        share.and_then(|share| std::fs::read_to_string(Path::new(share.trim()).join("extension/vector.control")).ok());
    Some(Installation {
        major: major(&version)?,
        pgvector: control.as_deref().and_then(default_version),
        bin,
    })
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Of `postgres (PostgreSQL) 17.6 (Debian 17.6-0+deb13u1)`.
fn major(version: &str) -> Option<i32> {
    let number = version.split_once("(PostgreSQL) ")?.1;
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..digits].parse().ok()
}

/// Of an extension's control file.
fn default_version(control: &str) -> Option<String> {
    let line = control
        .lines()
        .find(|line| line.trim_start().starts_with("default_version"))?;
    let value = line.split_once('=')?.1.trim();
    Some(value.trim_matches('\'').to_owned())
}

/// Redis, or Valkey, which speaks the same.
///
/// # Errors
/// There is none, with how to get it.
pub fn redis() -> anyhow::Result<PathBuf> {
    let found = ["redis-server", "valkey-server"].iter().find_map(|name| program(name));
    found.ok_or_else(|| {
        anyhow!(
            "Redis is missing, neither redis-server nor valkey-server is in the PATH: apt-get install redis-server, or give \
             one that runs with --redis-url"
        )
    })
}

/// A program in the PATH.
pub fn program(name: &str) -> Option<PathBuf> {
    path()
        .into_iter()
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .filter(|folder| folder.as_os_str() != OsStr::new(""))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(major: i32, pgvector: &str) -> Installation {
        Installation {
            bin: format!("/usr/lib/postgresql/{major}/bin").into(),
            major,
            pgvector: (!pgvector.is_empty()).then(|| pgvector.to_owned()),
        }
    }

    #[test]
    fn the_newest_with_pgvector_is_taken_and_data_bind_to_their_own() {
        let found = vec![one(16, "0.8.0"), one(18, ""), one(17, "0.7.4"), one(15, "0.4.2")];
        assert_eq!(choose(found.clone(), None).unwrap().major, 17);
        assert_eq!(choose(found.clone(), Some(16)).unwrap().major, 16);
        let problem = choose(found, Some(15)).unwrap_err();
        assert!(
            problem.starts_with("the data were made by PostgreSQL 15, which is needed with pgvector 0.7"),
            "{problem}"
        );
    }

    #[test]
    fn what_is_missing_is_told_with_how_to_get_it() {
        let problem = choose(Vec::new(), None).unwrap_err();
        assert!(
            problem.starts_with("PostgreSQL is missing, PostgreSQL 14 or newer with pgvector 0.7"),
            "{problem}"
        );
        let problem = choose(vec![one(13, "0.8.0"), one(15, "0.4.2"), one(17, "")], None).unwrap_err();
        for words in [
            "PostgreSQL 13 with pgvector 0.8.0 in /usr/lib/postgresql/13/bin",
            "PostgreSQL 15 with pgvector 0.4.2",
            "PostgreSQL 17 with no pgvector",
            "apt-get install postgresql-17-pgvector",
            "--database-url",
        ] {
            assert!(problem.contains(words), "{words}: {problem}");
        }
    }

    #[test]
    fn versions_are_read_as_the_programs_tell_them() {
        assert_eq!(major("postgres (PostgreSQL) 17.6 (Debian 17.6-0+deb13u1)\n"), Some(17));
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major("something else"), None);
        let control = "comment = 'vector data type'\ndefault_version = '0.8.0'\nrelocatable = true\n";
        assert_eq!(default_version(control), Some("0.8.0".into()));
    }
}
