//! The embedding model's folder: the one that is named, the image's, or what config/images/model.sh fetched before.

use std::path::{Path, PathBuf};

use anyhow::anyhow;

/// Where the worker's image has it.
const IN_THE_IMAGE: &str = "/usr/share/companion/model";

const FILES: [&str; 3] = ["model.safetensors", "tokenizer.json", "config.json"];

/// The folder.
///
/// # Errors
/// There is none that has all of the model.
pub fn find(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(named) = named {
        let missing = FILES.iter().find(|file| !named.join(file).is_file());
        return match missing {
            None => Ok(named.to_owned()),
            Some(file) => Err(anyhow!("--model-dir: {} has no {file}; {HOW}", named.display())),
        };
    }
    let mut folders = vec![PathBuf::from(IN_THE_IMAGE)];
    folders.extend(fetched());
    let whole = folders
        .iter()
        .find(|folder| FILES.iter().all(|file| folder.join(file).is_file()));
    whole
        .cloned()
        .ok_or_else(|| anyhow!("the embedding model is missing, and {IN_THE_IMAGE} is not there; {HOW}"))
}

const HOW: &str = "give the folder of all-MiniLM-L6-v2 with --model-dir, or let config/images/model.sh in a checkout of \
                   Companion fetch it";

/// What config/images/model.sh left in its cache.
fn fetched() -> Vec<PathBuf> {
    let folder = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = folder("COMPANION_CACHE").or_else(|| {
        let caches = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
        Some(caches?.join("companion"))
    });
    let Some(Ok(entries)) = cache.map(|cache| std::fs::read_dir(cache.join("model"))) else {
        return Vec::new();
    };
    entries.flatten().map(|entry| entry.path()).collect()
}
