//! The forms that a streamed answer can have beside the usual one: odd ones, which real servers send and a client must
//! understand, and wrong ones, which it must not take for a whole answer.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::{Value, json};

use super::{Open, answer, chunk, whole, word};

/// An unusual form that is a whole answer all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// Ends after the finish reason.
    WithoutDone,
    /// Lines end with CR LF.
    CarriageReturns,
    /// Comments and unknown fields between the chunks.
    Comments,
    /// `data:` without a space.
    NoSpace,
    /// Chunks without choices, and with null for content.
    Empty,
    /// Each byte in a packet of its own.
    ByteByByte,
    /// The last line has no end.
    OpenEnd,
    /// One JSON object although a stream was asked for.
    Whole,
    /// Nothing comes after the finish reason, and the connection stays.
    HangsAfterTheEnd,
    /// Nonsense after `[DONE]`.
    GoesOnAfterDone,
    /// Counts its tokens: 1000 of the prompt, 400 of them cached, and 50.
    Counted,
}

impl Odd {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::WithoutDone,
        Self::CarriageReturns,
        Self::Comments,
        Self::NoSpace,
        Self::Empty,
        Self::ByteByByte,
        Self::OpenEnd,
        Self::Whole,
        Self::HangsAfterTheEnd,
        Self::GoesOnAfterDone,
        Self::Counted,
    ];

    /// The answer of so many words in this form.
    pub(super) fn respond(self, open: Open, words: usize) -> Response {
        let said: String = (0..words).map(said).collect();
        let end = chunk(json!({}), json!("stop"));
        let plain = format!("{said}{end}data: [DONE]\n\n");
        let text = match self {
            Self::WithoutDone | Self::HangsAfterTheEnd => said + &end,
            Self::CarriageReturns => plain.replace('\n', "\r\n"),
            Self::Comments => format!(
                ": hello\n\n{}",
                plain.replace("\n\n", "\n\n: still here\n\nid: 7\nretry: 3\n\n")
            ),
            Self::NoSpace => plain.replace("data: ", "data:"),
            Self::Empty => {
                let empty = "data: {\"choices\":[]}\n\ndata: {\"choices\":null,\"usage\":null}\n\n";
                format!(
                    "{empty}{}{empty}{plain}",
                    chunk(json!({ "content": null }), Value::Null)
                )
            }
            Self::OpenEnd => plain.trim_end().to_owned(),
            Self::Whole => whole(&answer(words), words).to_string(),
            Self::GoesOnAfterDone => plain + "data: {this is not json\n\n",
            Self::Counted => {
                let usage = json!({ "choices": [], "usage": {
                    "prompt_tokens": 1000, "completion_tokens": 50, "prompt_tokens_details": { "cached_tokens": 400 },
                } });
                format!("{said}{end}data: {usage}\n\ndata: [DONE]\n\n")
            }
            Self::ByteByByte => plain,
        };
        let kind = if self == Self::Whole {
            "application/json"
        } else {
            "text/event-stream"
        };
        let size = if self == Self::ByteByByte { 1 } else { text.len() };
        let pieces = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
        let then = if self == Self::HangsAfterTheEnd {
            Then::Hang
        } else {
            Then::End
        };
        ([(CONTENT_TYPE, kind)], send(open, pieces, then)).into_response()
    }
}

/// A form that is no whole answer. Two words come before it goes wrong, except where said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Ends as if it were complete, without a finish reason.
    EndsEarly,
    /// Ends in the middle of a character.
    HalfCharacter,
    /// A text that is not UTF-8.
    NotUtf8,
    /// An error object.
    ErrorInside,
    /// A line of a megabyte.
    LongLine,
    /// Only comments come, for ever.
    OnlyComments,
    /// Says that it is compressed, before any word.
    Compressed,
}

impl Wrong {
    /// Those that go wrong after two words, each with the code of the error that follows.
    pub const AFTER_TWO_WORDS: [(Self, &'static str); 6] = [
        (Self::EndsEarly, "provider_broke_off"),
        (Self::HalfCharacter, "provider_broke_off"),
        (Self::NotUtf8, "provider_broke_off"),
        (Self::ErrorInside, "provider_broke_off"),
        (Self::LongLine, "provider_broke_off"),
        (Self::OnlyComments, "provider_timeout"),
    ];

    /// The answer in this form.
    pub(super) fn respond(self, open: Open) -> Response {
        let mut bytes = (said(0) + &said(1)).into_bytes();
        match self {
            Self::EndsEarly | Self::OnlyComments | Self::Compressed => {}
            Self::HalfCharacter => bytes.extend(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xF0\x9F"),
            Self::NotUtf8 => bytes.extend(b"data: {\"choices\":[{\"delta\":{\"content\":\"\xFF\xFE\"}}]}\n\n"),
            Self::ErrorInside => bytes.extend(b"data: {\"error\":{\"message\":\"stub_refuses\",\"code\":503}}\n\n"),
            Self::LongLine => bytes.extend(chunk(json!({ "content": "x".repeat(1024 * 1024) }), Value::Null).bytes()),
        }
        let then = if self == Self::OnlyComments {
            Then::Comment
        } else {
            Then::End
        };
        let body = send(open, vec![bytes.into()], then);
        let mut response = ([(CONTENT_TYPE, "text/event-stream")], body).into_response();
        if self == Self::Compressed {
            let gzip = "gzip".parse().expect("a header value");
            response.headers_mut().insert(CONTENT_ENCODING, gzip);
        }
        response
    }
}

/// What follows the last piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    End,
    Hang,
    Comment,
}

fn send(open: Open, pieces: Vec<Bytes>, then: Then) -> Body {
    let state = (open, pieces.into_iter(), then);
    Body::from_stream(stream::unfold(state, |(mut open, mut pieces, then)| async move {
        let piece = match (pieces.next(), then) {
            (Some(piece), _) => piece,
            (None, Then::End) => {
                open.complete();
                return None;
            }
            (None, Then::Hang) => std::future::pending().await,
            (None, Then::Comment) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                Bytes::from_static(b": still here\n\n")
            }
        };
        Some((Ok::<_, std::io::Error>(piece), (open, pieces, then)))
    }))
}

fn said(number: usize) -> String {
    chunk(json!({ "role": "assistant", "content": word(number) }), Value::Null)
}
