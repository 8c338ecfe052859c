use crate::failure::Failure;
use async_trait::async_trait;
use std::{borrow::Cow, time::Duration};

/// A page of somebody else's, to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebRequest {
    /// `http` or `https`.
    pub url: String,
    /// What is preferred, as an `Accept` header.
    pub accept: &'static str,
    /// Bytes that the answer may have.
    pub most: u64,
    /// For everything, redirects included.
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebResponse {
    /// Where redirects led.
    pub url: String,
    pub status: u16,
    /// Lower case, without parameters; empty if none was told.
    pub content_type: String,
    pub body: Vec<u8>,
}

/// Reads pages of the public internet; see [`crate::egress`] for what is not called.
#[async_trait]
pub trait Web: Send + Sync {
    /// Any answer is a success, whatever its status; redirects are followed.
    ///
    /// # Errors
    /// Reject: `web.url` (not an address that can be called), `egress.private`, `web.too_large`, `web.redirects` (too
    /// many). Retry: `web.unreachable`, `web.timeout`.
    async fn get(&self, request: WebRequest) -> Result<WebResponse, Failure>;
}

/// What is sent to an address that somebody named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebPost {
    /// `http` or `https`.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: String,
    /// For everything.
    pub timeout: Duration,
}

/// Sends to addresses of the public internet; see [`crate::egress`] for what is not called.
#[async_trait]
pub trait Poster: Send + Sync {
    /// The status of the answer, whatever it is. Redirects are not followed and the answer is not read: what was sent is
    /// for this address and nobody else.
    ///
    /// # Errors
    /// Reject: `web.url` (not an address that can be called), `egress.private`. Retry: `web.unreachable`, `web.timeout`.
    async fn post(&self, post: WebPost) -> Result<u16, Failure>;
}

/// A call at somebody else's service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebCall {
    pub method: &'static str,
    /// `http` or `https`.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(Cow<'static, str>, String)>,
    pub body: Option<String>,
    /// Bytes that the answer may have.
    pub most: usize,
    /// For everything.
    pub timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAnswer {
    pub status: u16,
    /// What the other side asked for.
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
}

/// No word from the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The call never left: nothing happened.
    NotSent(Failure),
    /// It left, and what became of it is not known.
    Lost(Failure),
}

/// Calls services of the public internet; see [`crate::egress`] for what is not called.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Any answer is a success, whatever its status; redirects are not followed.
    ///
    /// # Errors
    /// [`Unanswered`]; an address that may not be called is `NotSent` with the verdict reject.
    async fn call(&self, call: WebCall) -> Result<WebAnswer, Unanswered>;
}
