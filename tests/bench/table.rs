//! The table that a run prints, and the same as JSON.

use serde_json::{Value, json};

use crate::figures::Row;

/// Prints both.
pub fn print(rows: &[Row]) {
    let mut scene = "";
    for row in rows {
        if row.scene != scene {
            scene = row.scene;
            println!("\n{scene}");
        }
        let figures: Vec<String> = if row.figures[0].0 == "direct p50" {
            ["direct", "worker", "added"]
                .iter()
                .map(|side| {
                    let [median, high] = ["p50", "p99"].map(|part| row.figure(&format!("{side} {part}")));
                    format!("{side} {median:.2} / {high:.2}")
                })
                .chain([format!(
                    "ratio {:.2} / {:.2}",
                    row.figure("ratio p50"),
                    row.figure("ratio p99")
                )])
                .collect()
        } else {
            row.figures
                .iter()
                .map(|(name, value)| format!("{name} {value:.2}"))
                .collect()
        };
        let judged = row.judged().map_or_else(String::new, |(met, goal)| {
            format!("   {} goal: {goal}", if met { "met," } else { "MISSED," })
        });
        println!("  {:<12} {}{judged}", row.what, figures.join("   "));
        if !row.note.is_empty() {
            println!("  {:<12} {}", "", row.note);
        }
    }
    println!("\ntimes in ms, p50 / p99, from when a request was due");
    let rows: Vec<Value> = rows.iter().map(Row::json).collect();
    println!("{}", json!({ "benchmark": "load", "rows": rows }));
}
