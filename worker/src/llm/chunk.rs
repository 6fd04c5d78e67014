//! One chunk of a reply as servers really send it: missing fields, nulls, counts of any size, a usage chunk without choices,
//! a whole reply where a delta was asked for. In: an event; out: the pieces in it.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::events::Event;
use super::{LlmError, Piece, Usage};

/// Data of the event after which nothing comes.
const DONE: &[u8] = b"[DONE]";

#[derive(Deserialize)]
struct Chunk {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Words>,
    /// The whole reply of a server that does not stream.
    message: Option<Words>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Words {
    content: Option<String>,
}

/// Whether `event` says that the reply is over.
pub fn is_done(event: &Event) -> bool {
    event.data.trim_ascii() == DONE
}

/// The pieces in `event`.
///
/// # Errors
/// It is an error of the server's, or no chunk.
pub fn pieces(event: &Event) -> Result<impl Iterator<Item = Piece> + use<>, LlmError> {
    let chunk: Chunk = serde_json::from_slice(&event.data).map_err(|_| LlmError::Broken)?;
    if event.is_error || chunk.error.is_some() {
        return Err(LlmError::Broken);
    }
    let choice = chunk.choices.unwrap_or_default().into_iter().next();
    let (words, end) = choice.map_or((None, None), |choice| {
        (choice.delta.or(choice.message), choice.finish_reason)
    });
    let text = words.and_then(|words| words.content).filter(|text| !text.is_empty());
    let end = end.filter(|reason| !reason.is_empty());
    let usage = chunk.usage.filter(Value::is_object).map(|usage| Usage {
        prompt: count(&usage["prompt_tokens"]),
        completion: count(&usage["completion_tokens"]),
        cached: count(&usage["prompt_tokens_details"]["cached_tokens"]),
    });
    let pieces = [text.map(Piece::Text), end.map(Piece::End), usage.map(Piece::Usage)];
    Ok(pieces.into_iter().flatten())
}

/// A count of tokens; what is none counts nothing.
fn count(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap_or(0)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<Piece>, LlmError> {
        let event = Event {
            is_error: false,
            data: json.into(),
        };
        pieces(&event).map(Iterator::collect)
    }

    #[test]
    fn chunks_of_many_servers_are_understood() {
        for nothing in [
            r#"{"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":""}],"usage":null,"error":null}"#,
            r#"{"choices":[]}"#,
            r#"{"choices":null}"#,
            r#"{"choices":[{"delta":null}]}"#,
            "{}",
        ] {
            assert_eq!(read(nothing), Ok(vec![]), "{nothing}");
        }
        assert_eq!(
            read(r#"{"choices":[{"delta":{"content":"Hi"}}]}"#),
            Ok(vec![Piece::Text("Hi".into())])
        );
        assert_eq!(
            read(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#),
            Ok(vec![Piece::End("stop".into())])
        );
    }

    #[test]
    fn a_whole_reply_is_text_end_and_cost() {
        let usage = Usage {
            prompt: 9,
            completion: u32::MAX,
            cached: 4,
        };
        assert_eq!(
            read(
                r#"{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}],
                    "usage":{"prompt_tokens":9,"completion_tokens":99999999999,"prompt_tokens_details":{"cached_tokens":4}}}"#
            ),
            Ok(vec![
                Piece::Text("Hi".into()),
                Piece::End("length".into()),
                Piece::Usage(usage)
            ])
        );
        assert_eq!(
            read(r#"{"usage":{"prompt_tokens":-1,"completion_tokens":"many"}}"#),
            Ok(vec![Piece::Usage(Usage::default())])
        );
    }

    #[test]
    fn an_error_or_what_is_no_chunk_breaks_the_reply() {
        for wrong in [
            r#"{"error":{"message":"overloaded"}}"#,
            "{",
            "",
            "no json",
            "[1]",
            "\"\\ud83d",
        ] {
            assert_eq!(read(wrong), Err(LlmError::Broken), "{wrong}");
        }
        let invalid = Event {
            is_error: false,
            data: b"{\"choices\":[{\"delta\":{\"content\":\"\xF0\x9F\"}}]}".to_vec(),
        };
        assert!(pieces(&invalid).is_err());
        let called_error = Event {
            is_error: true,
            data: b"{}".to_vec(),
        };
        assert!(pieces(&called_error).is_err());
        assert!(is_done(&Event {
            is_error: false,
            data: b"[DONE] ".to_vec()
        }));
    }
}
