//! Server-sent events, as far as our own server sends them.

use super::api::{ApiError, unreachable};
use reqwest::Response;

/// The events of one answer.
pub struct Events {
    response: Response,
    url: String,
    parser: Parser,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub data: String,
}

impl Events {
    pub(super) fn new(response: Response, url: String) -> Self {
        Self { response, url, parser: Parser::default() }
    }

    /// The next event, or `None` at the end.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        loop {
            if let Some(event) = self.parser.next() {
                return Ok(Some(event));
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.parser.feed(&bytes),
                Ok(None) => return Ok(None),
                Err(e) => return Err(unreachable(&self.url, e)),
            }
        }
    }
}

/// Bytes to events.
#[derive(Default)]
struct Parser {
    buffer: Vec<u8>,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        // Our server ends lines with LF; CR is of no meaning in our data (it is escaped in JSON).
        self.buffer.extend(bytes.iter().filter(|b| **b != b'\r'));
    }

    /// The next whole event with data; comments (keep-alives) are skipped.
    fn next(&mut self) -> Option<Event> {
        loop {
            let end = self.buffer.windows(2).position(|w| w == b"\n\n")?;
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let block = String::from_utf8_lossy(&block);
            let values = |field: &'static str| {
                let of = move |l: &str| l.strip_prefix(field)?.strip_prefix(':').map(|v| v.trim_start().to_owned());
                block.lines().filter_map(of).collect::<Vec<_>>()
            };
            let data = values("data");
            if !data.is_empty() {
                let name = values("event").pop().unwrap_or_else(|| "message".to_owned());
                return Some(Event { name, data: data.join("\n") });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] = "event: session\ndata: {\"session\":\"s\"}\n\n: keep-alive\n\nevent: delta\r\ndata: \
                           {\"text\":\"é\"}\r\n\r\ndata: a\ndata: b\n\nevent: cut"
        .as_bytes();

    fn read(pieces: &[&[u8]]) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.feed(piece);
            events.extend(std::iter::from_fn(|| parser.next()));
        }
        events
    }

    #[test]
    fn events_are_read_and_keep_alives_skipped() {
        let event = |name: &str, data: &str| Event { name: name.to_owned(), data: data.to_owned() };
        let expected =
            [event("session", "{\"session\":\"s\"}"), event("delta", "{\"text\":\"é\"}"), event("message", "a\nb")];
        assert_eq!(read(&[STREAM]), expected);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(a in 0..=STREAM.len(), b in 0..=STREAM.len()) {
            let (a, b) = (a.min(b), a.max(b));
            prop_assert_eq!(read(&[&STREAM[..a], &STREAM[a..b], &STREAM[b..]]), read(&[STREAM]));
        }
    }
}
