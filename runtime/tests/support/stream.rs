//! A listener to server-sent events.

use super::{
    client::{Answer, Client},
    wait::USUAL,
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

/// Something that was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    pub name: String,
    /// None of what is not kept.
    pub id: Option<String>,
    pub data: Value,
}

impl Told {
    /// The words of a message.
    pub fn text(&self) -> &str {
        self.data["message"]["content"]["text"].as_str().unwrap_or_default()
    }
}

/// An open stream.
pub struct Stream {
    response: Response,
    unread: String,
}

impl Stream {
    /// Of `/api/events` with this query, from the event on that was seen last.
    pub async fn open(api: &Client, query: &str, last: Option<&str>) -> Self {
        let request = api.request(Method::GET, &format!("/api/events{query}"));
        Self::of(last.into_iter().fold(request, |request, id| request.header("last-event-id", id))).await
    }

    /// What this request is answered.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        if !response.status().is_success() {
            panic!("no stream: {:?}", Answer::of(response).await);
        }
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, unread: String::new() }
    }

    /// The next thing that is told; `None` at the end.
    pub async fn next(&mut self) -> Option<Told> {
        tokio::time::timeout(USUAL, self.read()).await.expect("nothing is told")
    }

    async fn read(&mut self) -> Option<Told> {
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(told) = told(&event) {
                    return Some(told);
                }
            }
            // A server that ends in the middle of a stream ends the connection, too.
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next thing of this name; what is told before it is passed over.
    pub async fn until(&mut self, name: &str) -> Told {
        loop {
            let told = self.next().await.unwrap_or_else(|| panic!("the stream ended before {name}"));
            if told.name == name {
                return told;
            }
        }
    }

    /// The next messages, in order.
    pub async fn messages(&mut self, count: usize) -> Vec<Told> {
        let mut all = Vec::new();
        while all.len() < count {
            all.push(self.until("message:new").await);
        }
        all
    }
}

/// `None` for comments.
fn told(event: &str) -> Option<Told> {
    let field = |name: &str| event.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned));
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(Told { name: field("event").unwrap(), id: field("id"), data })
}
