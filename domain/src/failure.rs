//! Failures that carry a decision: what the caller is to do about them.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What to do about a [`Failure`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// May succeed later; `after` is what the other side asked for, if it did.
    Retry { after: Option<Duration> },
    /// This request will never succeed; other requests may.
    Reject,
    /// Nothing of this kind will succeed until somebody changes something (credentials, configuration).
    Fatal,
}

/// A failure with its verdict, a stable machine-readable code and a sentence for people.
///
/// `code` is `area.cause`, for example `model.rate_limited`; it is stored and shown, so it stays stable. `detail` must
/// hold neither secrets nor what a person wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Failure {
    pub verdict: Verdict,
    pub code: String,
    pub detail: String,
}

impl Failure {
    pub fn retry(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Retry { after: None }, code: code.into(), detail: detail.into() }
    }

    pub fn retry_after(after: Duration, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Retry { after: Some(after) }, code: code.into(), detail: detail.into() }
    }

    pub fn reject(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Reject, code: code.into(), detail: detail.into() }
    }

    pub fn fatal(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fatal, code: code.into(), detail: detail.into() }
    }

    /// The other side is a person who does not want to be written to.
    #[must_use]
    pub fn is_opt_out(&self) -> bool {
        [".opted_out", ".blocked"].iter().any(|cause| self.code.ends_with(cause))
    }

    /// The provider takes nothing more but templates, until the person writes.
    #[must_use]
    pub fn is_window_closed(&self) -> bool {
        [".window_closed", ".needs_template"].iter().any(|cause| self.code.ends_with(cause))
    }

    #[must_use]
    pub const fn is_retry(&self) -> bool {
        matches!(self.verdict, Verdict::Retry { .. })
    }
}
