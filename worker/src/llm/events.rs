//! Server-sent events out of the bytes of an answer, by the rules of the HTML standard (section 9.2.6) and tolerant of what
//! servers do beside them: any line end, no space after `data:`, no empty line after the last event, or the whole reply as
//! one JSON object although a stream was asked for. What is held in memory has a limit, so that a line without an end
//! cannot fill it.

/// Longest event, and longest whole reply; a chunk with a token has some 200 bytes.
const MAX_BYTES: usize = 256 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The server calls it an error.
    pub is_error: bool,
    /// Its data lines, joined.
    pub data: Vec<u8>,
}

/// An event is longer than is held in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// Reads one answer.
#[derive(Debug, Default)]
pub struct Events {
    form: Form,
    line: Vec<u8>,
    event: Event,
    has_data: bool,
    after_carriage_return: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Unknown,
    Lines,
    /// One JSON object.
    Whole,
}

impl Events {
    /// Takes the next bytes and puts the events that they complete into `out`.
    ///
    /// # Errors
    /// An event is too long.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), TooLong> {
        for &byte in bytes {
            if self.form == Form::Unknown && !byte.is_ascii_whitespace() && !BYTE_ORDER_MARK.contains(&byte) {
                self.form = if byte == b'{' { Form::Whole } else { Form::Lines };
                self.line.clear();
            }
            match byte {
                _ if self.form == Form::Whole => self.line.push(byte),
                b'\n' if self.after_carriage_return => {}
                b'\n' | b'\r' => self.end_line(out),
                _ => self.line.push(byte),
            }
            self.after_carriage_return = byte == b'\r';
            if self.line.len() + self.event.data.len() > MAX_BYTES {
                return Err(TooLong);
            }
        }
        Ok(())
    }

    /// The answer is over: what it did not end properly is an event all the same.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.form == Form::Whole {
            out.push(Event {
                is_error: false,
                data: std::mem::take(&mut self.line),
            });
            return;
        }
        self.end_line(out);
        self.end_event(out);
    }

    fn end_line(&mut self, out: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.end_event(out);
            return;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"data" => {
                if self.has_data {
                    self.event.data.push(b'\n');
                }
                self.has_data = true;
                self.event.data.extend_from_slice(value);
            }
            b"event" => self.event.is_error = value == b"error",
            // A comment, an id, a retry time, or nothing we know.
            _ => {}
        }
    }

    fn end_event(&mut self, out: &mut Vec<Event>) {
        let event = std::mem::take(&mut self.event);
        if std::mem::take(&mut self.has_data) {
            out.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The data of all events of `text`, which comes in pieces of `size` bytes.
    fn read(text: &[u8], size: usize) -> Vec<String> {
        let (mut events, mut out) = (Events::default(), Vec::new());
        for bytes in text.chunks(size) {
            events.push(bytes, &mut out).unwrap();
        }
        events.finish(&mut out);
        out.into_iter()
            .map(|event| String::from_utf8_lossy(&event.data).into_owned())
            .collect()
    }

    #[test]
    fn every_line_end_and_every_cut_gives_the_same_events() {
        for text in [
            "data: {\"a\":1}\n\ndata: [DONE]\n\n",
            "data: {\"a\":1}\r\n\r\ndata: [DONE]\r\n\r\n",
            "data: {\"a\":1}\r\rdata: [DONE]\r\r",
            "data:{\"a\":1}\n\ndata:[DONE]",
        ] {
            for size in 1..=text.len() {
                assert_eq!(
                    read(text.as_bytes(), size),
                    ["{\"a\":1}", "[DONE]"],
                    "{text:?} by {size}"
                );
            }
        }
    }

    #[test]
    fn comments_and_other_fields_are_no_events() {
        let text = b"\xEF\xBB\xBF: hello\n\nid: 7\nretry: 3\n\ndata: a\ndata: b\n\n:\n\ndata\n\n";
        assert_eq!(read(text, 3), ["a\nb", ""]);
    }

    #[test]
    fn an_answer_that_is_one_object_is_one_event() {
        assert_eq!(read(b"\n {\"choices\":\n[]}\n", 4), ["{\"choices\":\n[]}\n"]);
    }

    #[test]
    fn an_event_called_error_is_one() {
        let (mut events, mut out) = (Events::default(), Vec::new());
        events
            .push(b"event: error\ndata: {}\n\ndata: {}\n\n", &mut out)
            .unwrap();
        assert_eq!(
            out.iter().map(|event| event.is_error).collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        for first in ["data: ", "{"] {
            let (mut events, mut out) = (Events::default(), Vec::new());
            events.push(first.as_bytes(), &mut out).unwrap();
            let taken = (0..)
                .take_while(|_| events.push(&[b'x'; 1024], &mut out).is_ok())
                .count();
            assert_eq!(taken, MAX_BYTES / 1024 - 1, "{first}");
        }
        let many = "data: {}\n\n".repeat(MAX_BYTES);
        assert_eq!(
            read(many.as_bytes(), 4096).len(),
            MAX_BYTES,
            "many short ones are no long one"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fail_otherwise(bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1_usize..50) {
            read(&bytes, size);
        }
    }
}
