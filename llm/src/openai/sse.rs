//! From bytes to the JSON texts of an answer: pure, whatever the cuts between the pieces.
//!
//! Reads server-sent events (comments, CRLF, several `data:` lines, a last event without its blank line) and, because
//! some servers answer so despite `stream: true`, one plain JSON document.

/// Longest answer that is read, in bytes.
const LONGEST: usize = 16 * 1024 * 1024;

/// The data of the event after which nothing comes.
pub(super) const END: &str = "[DONE]";

/// The answer is longer than any that is real.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

/// Gathers bytes until they make events.
#[derive(Default)]
pub(super) struct BodyDecoder {
    form: Form,
    line: Vec<u8>,
    data: Vec<String>,
    after_cr: bool,
    seen: usize,
}

#[derive(Default, PartialEq)]
enum Form {
    /// Only white space so far.
    #[default]
    Unknown,
    Events,
    /// `line` gathers the whole document.
    Plain,
}

impl BodyDecoder {
    /// Takes the next piece; gives the data of the events that it completed.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLong> {
        self.seen = self.seen.saturating_add(bytes.len());
        if self.seen > LONGEST {
            return Err(TooLong);
        }
        let mut events = Vec::new();
        for &byte in bytes {
            self.byte(byte, &mut events);
        }
        Ok(events)
    }

    /// The answer ended: gives what was still waiting for its end.
    pub(super) fn finish(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        if self.form == Form::Plain {
            events.push(String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned());
        } else {
            self.end_line(&mut events);
            self.dispatch(&mut events);
        }
        events
    }

    fn byte(&mut self, byte: u8, events: &mut Vec<String>) {
        if self.form == Form::Unknown {
            // A byte order mark is no content either.
            if byte.is_ascii_whitespace() || matches!(byte, 0xEF | 0xBB | 0xBF) {
                return;
            }
            self.form = if matches!(byte, b'{' | b'[') { Form::Plain } else { Form::Events };
        }
        if self.form == Form::Plain {
            self.line.push(byte);
            return;
        }
        let second_of_crlf = byte == b'\n' && std::mem::take(&mut self.after_cr);
        self.after_cr = byte == b'\r';
        match byte {
            b'\n' if second_of_crlf => {}
            b'\n' | b'\r' => self.end_line(events),
            _ => self.line.push(byte),
        }
    }

    fn end_line(&mut self, events: &mut Vec<String>) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            self.dispatch(events);
            return;
        }
        // Other fields (event, id, retry) and comments carry nothing that is used here.
        if let Some(value) = line.strip_prefix(b"data:") {
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let text = String::from_utf8_lossy(value).into_owned();
            if text.trim() == END {
                // Stands alone, even where a server forgets blank lines.
                self.dispatch(events);
                events.push(END.to_owned());
            } else {
                self.data.push(text);
            }
        }
    }

    fn dispatch(&mut self, events: &mut Vec<String>) {
        if !self.data.is_empty() {
            events.push(std::mem::take(&mut self.data).join("\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decode(pieces: &[&[u8]]) -> Vec<String> {
        let mut decoder = BodyDecoder::default();
        let mut events: Vec<String> = pieces.iter().flat_map(|p| decoder.push(p).unwrap()).collect();
        events.extend(decoder.finish());
        events
    }

    #[test]
    fn comments_crlf_other_fields_and_a_missing_last_blank_line_are_fine() {
        let body =
            ": ping\r\n\r\nevent: x\r\ndata: {\"a\":1}\r\n\r\n:\n\ndata:two\rdata: three\r\rid: 4\n\ndata: [DONE]";
        assert_eq!(decode(&[body.as_bytes()]), ["{\"a\":1}", "two\nthree", "[DONE]"]);
    }

    #[test]
    fn plain_json_is_one_event() {
        assert_eq!(decode(&[b"\xEF\xBB\xBF \n {\n \"a\": ", b"\"\xC3", b"\xA9\"}\n"]), ["{\n \"a\": \"é\"}\n"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut decoder = BodyDecoder::default();
        let piece = vec![b'a'; LONGEST];
        assert_eq!(decoder.push(&piece), Ok(Vec::new()));
        assert_eq!(decoder.push(b"a"), Err(TooLong));
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            datas in prop::collection::vec("[^\r\n]{1,20}", 1..6),
            end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
            cuts in prop::collection::vec(0_usize..400, 0..12),
        ) {
            let body: String = datas.iter().map(|d| format!(": c{end}data: {d}{end}{end}")).collect();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &body.as_bytes()[w[0]..w[1]]).collect();
            prop_assert_eq!(decode(&pieces), datas);
        }

        #[test]
        fn no_bytes_panic(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            decode(&pieces);
        }
    }
}
