//! `classify`: what each text of a file is, for tuning: JSON Lines in, `{"id", "text"}`; JSON Lines out, `{"id", "label", "route",
//! "confidence", "user_minor", "reasons"}`. With the embedding model the texts' meaning counts too, as it does while serving.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use companion_crds::config::EmbeddingsConfig;
use serde_json::{Value, json};

use crate::memory::Embedder;
use crate::safety::{Classifier, Semantic, this_year};

/// Longest wait for the meaning of one text.
const EMBEDDING: Duration = Duration::from_secs(10);

/// What to classify, and with what.
#[derive(clap::Args)]
pub struct Options {
    /// The file; - for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder of the embedding model. Default: where the image has it, if it is there.
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// The pattern layers alone.
    #[arg(long, conflicts_with = "model")]
    patterns_only: bool,
    /// Lexicon files beside the built-in ones, each `<language>.<class>.txt`.
    #[arg(long, value_name = "FILE")]
    lexicon: Vec<PathBuf>,
}

/// Classifies every line.
///
/// # Errors
/// A file that cannot be read, or a line that is none; the text names it.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let classifier = Classifier::with(&lexicon(&options.lexicon)?)?;
    let embedder = embedder(options)?;
    let input: Box<dyn BufRead> = if options.file == Path::new("-") {
        Box::new(BufReader::new(stdin()))
    } else {
        let name = options.file.display();
        let file = File::open(&options.file).with_context(|| format!("failed to open {name}"))?;
        Box::new(BufReader::new(file))
    };
    let mut output = BufWriter::new(stdout());
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.with_context(|| format!("line {number} cannot be read"))?;
        if line.trim().is_empty() {
            continue;
        }
        let (id, text) = read(&line).map_err(|problem| anyhow!("line {number}: {problem}"))?;
        let mut verdict = classifier.classify(&text, this_year());
        if let (Some(embedder), Some(semantic)) = (&embedder, Semantic::built_in()) {
            let embedding = embedder.embed(text, EMBEDDING).await?;
            verdict = semantic.refine(verdict, &embedding.vector);
        }
        let told = json!({
            "id": id,
            "label": verdict.label,
            "route": verdict.label.route(),
            "confidence": (f64::from(verdict.confidence) * 1_000.0).round() / 1_000.0,
            "user_minor": verdict.user_minor,
            "reasons": verdict.reasons,
        });
        writeln!(output, "{told}")?;
    }
    output.flush()?;
    Ok(())
}

fn read(line: &str) -> Result<(Value, String), String> {
    let mut value: Value = serde_json::from_str(line).map_err(|error| format!("is no JSON: {error}"))?;
    let text = value.get("text").and_then(Value::as_str).map(str::to_owned);
    let text = text.ok_or("needs \"text\", a string")?;
    Ok((value.get_mut("id").map(Value::take).unwrap_or_default(), text))
}

fn lexicon(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let read = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        Ok((name.unwrap_or_default(), text))
    };
    files.iter().map(read).collect()
}

/// The embedding model; none where it was not named and is not where the image has it.
fn embedder(options: &Options) -> anyhow::Result<Option<Embedder>> {
    if options.patterns_only {
        return Ok(None);
    }
    let usual = PathBuf::from(EmbeddingsConfig::default().local.path);
    match &options.model {
        Some(folder) => Ok(Some(Embedder::load(folder, 1)?)),
        None if usual.exists() => Ok(Some(Embedder::load(&usual, 1)?)),
        None => Ok(None),
    }
}
