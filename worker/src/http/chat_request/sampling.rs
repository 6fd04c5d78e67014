//! How the client wants a reply to be made: OpenAI's settings that go on to the provider.

use serde_json::{Map, Value};

use crate::http::ApiError;
use crate::http::body::{present, whole};
use crate::llm::Sampling;

/// Most texts that end a reply, and their longest, in characters.
const MOST_STOPS: usize = 4;
const STOP_CHARS: usize = 256;

/// Reads the settings of a request.
///
/// # Errors
/// The first that is wrong, by name.
pub fn read(fields: &Map<String, Value>) -> Result<Sampling, ApiError> {
    let newer = whole(fields, "max_completion_tokens", 1, 1_000_000)?;
    let older = whole(fields, "max_tokens", 1, 1_000_000)?;
    Ok(Sampling {
        temperature: number(fields, "temperature", 0.0, 2.0)?,
        top_p: number(fields, "top_p", 0.0, 1.0)?,
        frequency_penalty: number(fields, "frequency_penalty", -2.0, 2.0)?,
        presence_penalty: number(fields, "presence_penalty", -2.0, 2.0)?,
        seed: match present(fields, "seed") {
            None => None,
            Some(value) => Some(
                value
                    .as_i64()
                    .ok_or_else(|| ApiError::field("seed", "must be a whole number"))?,
            ),
        },
        stop: stop(fields)?,
        max_tokens: newer.or(older),
    })
}

fn number(fields: &Map<String, Value>, name: &str, least: f64, most: f64) -> Result<Option<f32>, ApiError> {
    match present(fields, name).map(Value::as_f64) {
        None => Ok(None),
        Some(Some(value)) if (least..=most).contains(&value) => Ok(Some(value as f32)),
        Some(_) => Err(ApiError::field(
            name,
            format!("must be a number from {least} to {most}"),
        )),
    }
}

/// A text, or a list of some; empty ones end nothing.
fn stop(fields: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let problem = || {
        let form = format!("must be a text of at most {STOP_CHARS} characters, or a list of at most {MOST_STOPS}");
        ApiError::field("stop", form)
    };
    let texts = match present(fields, "stop") {
        None => return Ok(Vec::new()),
        Some(Value::Array(texts)) => texts.as_slice(),
        Some(text) => std::slice::from_ref(text),
    };
    let read = texts.iter().map(|text| {
        let text = text.as_str().filter(|text| text.chars().count() <= STOP_CHARS);
        text.map(str::to_owned).ok_or_else(problem)
    });
    let mut read = read.collect::<Result<Vec<_>, _>>()?;
    if read.len() > MOST_STOPS {
        return Err(problem());
    }
    read.retain(|text| !text.is_empty());
    Ok(read)
}
