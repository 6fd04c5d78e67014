//! The samples under config/samples, as the objects that a reader would apply.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::environment::repository;

/// A sample that the API server must refuse.
pub struct Refused {
    /// Its file name.
    pub file: String,
    /// What the message must say.
    pub message: String,
    /// The resource.
    pub object: Value,
}

/// Every sample that must be accepted, with its file name.
pub fn accepted() -> Vec<(String, Vec<Value>)> {
    files(&folder())
        .iter()
        .map(|path| (name(path), objects(&text(path))))
        .collect()
}

/// Every sample that must be refused. Its first line is `# refused: ` and what the message must say.
pub fn refused() -> Vec<Refused> {
    files(&folder().join("refused"))
        .iter()
        .map(|path| {
            let text = text(path);
            let message = text.lines().next().and_then(|line| line.strip_prefix("# refused: "));
            let message =
                message.unwrap_or_else(|| panic!("{}: the first line must be \"# refused: ...\"", path.display()));
            let object = objects(&text)
                .pop()
                .unwrap_or_else(|| panic!("{}: no resource", path.display()));
            Refused {
                file: name(path),
                message: message.to_owned(),
                object,
            }
        })
        .collect()
}

/// The objects of the quickstart that belong in a namespace.
pub fn quickstart() -> Vec<Value> {
    let objects = objects(&text(&folder().join("quickstart.yaml")));
    objects
        .into_iter()
        .filter(|object| object["kind"] != "Namespace")
        .collect()
}

fn folder() -> PathBuf {
    repository().join("config/samples")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{}: no samples", folder.display());
    files
}

fn name(path: &Path) -> String {
    path.file_name()
        .expect("a file has a name")
        .to_string_lossy()
        .into_owned()
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn objects(text: &str) -> Vec<Value> {
    let objects: Vec<Value> = serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    objects.into_iter().filter(|object| !object.is_null()).collect()
}
