//! Whether a live child lacks something that we want of it. What others added is not looked at: server-side apply would
//! not take it away either, and a difference that a write cannot mend would be written for ever.

use serde_json::{Map, Value};

use crate::quantity;

/// Keys by which the API server merges the entries of lists.
const LIST_KEYS: [&str; 6] = ["name", "mountPath", "containerPort", "port", "uid", "topologyKey"];
/// Objects whose values are quantities, which the API server spells in its own way.
const QUANTITIES: [&str; 4] = ["requests", "limits", "sizeLimit", "averageValue"];

/// Whether `live` lacks any of `wanted`.
pub fn differs(wanted: &Value, live: &Value) -> bool {
    differs_at("", wanted, Some(live))
}

fn differs_at(key: &str, wanted: &Value, live: Option<&Value>) -> bool {
    let Some(live) = live else {
        // The API server does not store a Deployment's `paused: false`.
        return !(is_empty(wanted) || key == "paused" && *wanted == Value::Bool(false));
    };
    match (wanted, live) {
        (Value::Object(wanted), Value::Object(live)) => wanted.iter().any(|(name, value)| {
            let key = if QUANTITIES.contains(&key) { key } else { name.as_str() };
            differs_at(key, value, live.get(name))
        }),
        (Value::Array(wanted), Value::Array(live)) => lists_differ(key, wanted, live),
        (Value::String(one), Value::String(other)) if QUANTITIES.contains(&key) => {
            one != other && quantity::thousandths(one).is_none_or(|value| quantity::thousandths(other) != Some(value))
        }
        (Value::Null, _) => false,
        _ => wanted != live,
    }
}

fn lists_differ(key: &str, wanted: &[Value], live: &[Value]) -> bool {
    let merged_by = LIST_KEYS.into_iter().find(|name| {
        let has = |entry: &Value| {
            entry
                .as_object()
                .is_some_and(|entry: &Map<_, _>| entry.contains_key(*name))
        };
        !wanted.is_empty() && wanted.iter().all(has)
    });
    match merged_by {
        Some(name) => wanted.iter().any(|entry| {
            let same = live.iter().find(|other| other.get(name) == entry.get(name));
            same.is_none_or(|other| differs_at(key, entry, Some(other)))
        }),
        None => {
            wanted.len() != live.len()
                || wanted
                    .iter()
                    .zip(live)
                    .any(|(one, other)| differs_at(key, one, Some(other)))
        }
    }
}

/// The API server may leave out what says nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_and_what_others_added_are_no_difference() {
        let wanted = json!({
            "metadata": { "labels": { "a": "1" }, "annotations": {} },
            "spec": {
                "containers": [{ "name": "worker", "resources": { "limits": { "memory": "1024Mi" }, "requests": { "cpu": "0.5" } } }],
                "args": ["serve"],
                "paused": false,
                "progressDeadlineSeconds": null,
            },
        });
        let live = json!({
            "metadata": { "labels": { "a": "1", "b": "2" }, "uid": "x" },
            "spec": {
                "containers": [
                    { "name": "sidecar" },
                    { "name": "worker", "imagePullPolicy": "Always", "resources": { "limits": { "memory": "1Gi" }, "requests": { "cpu": "500m" } } },
                ],
                "args": ["serve"],
            },
        });
        assert!(!differs(&wanted, &live));
    }

    #[test]
    fn what_was_changed_or_taken_away_is_a_difference() {
        assert!(differs(&json!({ "paused": false }), &json!({ "paused": true })));
        assert!(differs(&json!({ "automountServiceAccountToken": false }), &json!({})));
        let wanted = json!({ "spec": { "ports": [{ "name": "http", "port": 80 }], "args": ["a", "b"], "limits": { "memory": "1Gi" } } });
        for live in [
            json!({}),
            json!({ "spec": { "ports": [{ "name": "http", "port": 81 }], "args": ["a", "b"], "limits": { "memory": "1Gi" } } }),
            json!({ "spec": { "ports": [], "args": ["a", "b"], "limits": { "memory": "1Gi" } } }),
            json!({ "spec": { "ports": [{ "name": "http", "port": 80 }], "args": ["a"], "limits": { "memory": "1Gi" } } }),
            json!({ "spec": { "ports": [{ "name": "http", "port": 80 }], "args": ["a", "b"], "limits": { "memory": "2Gi" } } }),
        ] {
            assert!(differs(&wanted, &live), "{live}");
        }
    }
}
