//! The pattern layers and what stands on them, measured on the labelled set through `companion-worker classify`: precision and
//! recall of each class are printed, and none may fall below its floor.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use companion_tests::environment;
use serde_json::Value;

/// A labelled line, and what it was taken for.
struct Line {
    language: String,
    label: String,
    user_minor: bool,
    taken_for: String,
    taken_for_minor: bool,
}

#[derive(Default)]
struct Counts {
    right: usize,
    wrongly: usize,
    missed: usize,
}

impl Counts {
    fn precision(&self) -> f64 {
        self.right as f64 / (self.right + self.wrongly).max(1) as f64
    }

    fn recall(&self) -> f64 {
        self.right as f64 / (self.right + self.missed).max(1) as f64
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("safety")
}

/// Runs the classifier over the whole set.
fn classified(arguments: &[&str]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder().join("labelled"))
        .expect("there is a labelled set")
        .map(|entry| entry.expect("a file").path())
        .collect();
    files.sort();
    for file in files {
        let output = Command::new(environment::required("COMPANION_WORKER_BIN"))
            .arg("classify")
            .arg(&file)
            .args(arguments)
            .output()
            .expect("companion-worker can be run");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read_to_string(&file).expect("the set can be read");
        let told = String::from_utf8(output.stdout).expect("what is told is text");
        assert_eq!(text.lines().count(), told.lines().count(), "{}", file.display());
        for (expected, told) in text.lines().zip(told.lines()) {
            let expected: Value = serde_json::from_str(expected).expect("a line is JSON");
            let told: Value = serde_json::from_str(told).expect("what is told is JSON");
            assert_eq!(expected["id"], told["id"]);
            let text = |value: &Value| value.as_str().expect("a string").to_owned();
            lines.push(Line {
                language: text(&expected["lang"]),
                label: text(&expected["label"]),
                user_minor: expected["user_minor"] == true,
                taken_for: text(&told["label"]),
                taken_for_minor: told["user_minor"] == true,
            });
        }
    }
    lines
}

/// Prints the figures of `lines` and gives those that are below `floors`.
fn measure(name: &str, lines: &[&Line], floors: &Value) -> Vec<String> {
    let mut classes: BTreeMap<&str, Counts> = BTreeMap::new();
    for line in lines {
        if line.label == line.taken_for {
            classes.entry(&line.label).or_default().right += 1;
        } else {
            classes.entry(&line.label).or_default().missed += 1;
            classes.entry(&line.taken_for).or_default().wrongly += 1;
        }
        let minor = classes.entry("user_minor").or_default();
        match (line.user_minor, line.taken_for_minor) {
            (true, true) => minor.right += 1,
            (true, false) => minor.missed += 1,
            (false, true) => minor.wrongly += 1,
            (false, false) => {}
        }
    }
    println!("\n{name}: {} lines", lines.len());
    let mut below = Vec::new();
    for (class, counts) in classes {
        println!(
            "  {class:16} precision {:.3}  recall {:.3}",
            counts.precision(),
            counts.recall()
        );
        for (figure, value) in [("precision", counts.precision()), ("recall", counts.recall())] {
            let floor = floors[class][figure].as_f64().unwrap_or_default();
            if value < floor {
                below.push(format!("{name}: {class} {figure} {value:.3} is below {floor}"));
            }
        }
    }
    below
}

fn check(arguments: &[&str], layers: &str) {
    let floors: Value = serde_json::from_slice(&std::fs::read(folder().join("floors.json")).expect("there are floors"))
        .expect("the floors are JSON");
    let lines = classified(arguments);
    assert!(lines.len() >= 1_500, "the set has {} lines", lines.len());
    let (english, others): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.language == "en");
    let below: Vec<String> = [("English", english), ("other languages", others)]
        .into_iter()
        .flat_map(|(name, lines)| measure(&format!("{name}, {layers}"), &lines, &floors[layers][name]))
        .collect();
    assert!(below.is_empty(), "{}", below.join("\n"));
}

#[test]
fn the_patterns_alone_keep_their_floors() {
    check(&["--patterns-only"], "patterns");
}

#[test]
fn patterns_and_meaning_keep_their_floors() {
    check(&["--model", &environment::required("COMPANION_MODEL_DIR")], "meaning");
}
