//! A body that refuses to leave too late.
//!
//! A process can stand still anywhere: between the last look at the clock and the connection's write, too. Hyper asks for the
//! body in the very step that writes to the connection, so what is refused there has not left, head included.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;

/// Bytes that leave until then or not at all.
pub(crate) struct Timely {
    bytes: Option<Bytes>,
    until: Instant,
}

impl Timely {
    pub(crate) fn new(text: String, within: Duration) -> Self {
        Self { bytes: Some(text.into()), until: Instant::now() + within }
    }
}

#[derive(Debug)]
pub(crate) struct TooLate;

impl fmt::Display for TooLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the process stood still before this left, and it is too late for it now")
    }
}

impl Error for TooLate {}

/// Whether the request failed because its body did not leave.
pub(crate) fn is_too_late(error: &reqwest::Error) -> bool {
    std::iter::successors(error.source(), |e| (*e).source()).any(|e| e.is::<TooLate>())
}

impl Body for Timely {
    type Data = Bytes;
    type Error = TooLate;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, TooLate>>> {
        let this = self.get_mut();
        let bytes = this.bytes.take();
        Poll::Ready(bytes.map(|b| if Instant::now() > this.until { Err(TooLate) } else { Ok(Frame::data(b)) }))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, Bytes::len) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Http, NoAnswer, tests::options};
    use reqwest::Url;
    use serde_json::json;
    use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

    async fn server() -> (MockServer, Url) {
        let server = MockServer::start().await;
        let taken = ResponseTemplate::new(200).set_body_json(json!({"taken": true}));
        Mock::given(matchers::method("POST")).respond_with(taken).mount(&server).await;
        let url = Url::parse(&server.uri()).expect("an address");
        (server, url)
    }

    #[tokio::test]
    async fn what_comes_too_late_does_not_leave_and_is_not_of_unknown_outcome() {
        let (server, url) = server().await;
        let http = Http::new(&options());
        // On a new connection, and on one that is kept.
        for _ in 0..2 {
            let error = http.send(url.clone(), None, &json!({"text": "late"}), Duration::ZERO).await.expect_err("late");
            assert!(matches!(error, NoAnswer::NotSent(_)), "{error:?}");
            http.post(url.clone(), None, &json!({"text": "other"})).await.expect("taken");
        }
        let received = server.received_requests().await.expect("recorded");
        assert!(
            received.iter().all(|r| r.body_json::<serde_json::Value>().expect("whole") == json!({"text": "other"}))
        );
        assert_eq!(received.len(), 2);
    }

    #[tokio::test]
    async fn what_is_in_time_leaves_whole_and_with_its_length() {
        let (server, url) = server().await;
        let body = json!({"text": "in time"});
        Http::new(&options()).send(url, None, &body, Duration::from_secs(60)).await.expect("taken");
        let received = server.received_requests().await.expect("recorded");
        let length = received[0].headers.get("content-length").expect("told").to_str().expect("a number").to_owned();
        assert_eq!(
            (length, received[0].body_json::<serde_json::Value>().expect("JSON")),
            (body.to_string().len().to_string(), body)
        );
    }
}
