use super::{read, write};
use colloquy_domain::{
    failure::{Failure, Verdict},
    ports::StoreError,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    pub v: u16,
    pub verdict: VerdictRecord,
    /// Milliseconds, where the other side named a time to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    pub code: String,
    pub detail: String,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictRecord {
    Retry,
    Reject,
    Fatal,
}

impl FailureRecord {
    pub const VERSION: u16 = 1;

    pub(crate) fn json(failure: &Failure) -> Result<String, StoreError> {
        write(&Self::from(failure))
    }

    pub(crate) fn parse(text: &str) -> Result<Failure, StoreError> {
        read::<Self>("failure", text).map(Failure::from)
    }
}

impl From<&Failure> for FailureRecord {
    fn from(f: &Failure) -> Self {
        let (verdict, after) = match f.verdict {
            Verdict::Retry { after } => (VerdictRecord::Retry, after),
            Verdict::Reject => (VerdictRecord::Reject, None),
            Verdict::Fatal => (VerdictRecord::Fatal, None),
        };
        let after = after.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX));
        Self { v: Self::VERSION, verdict, after, code: f.code.clone(), detail: f.detail.clone() }
    }
}

impl From<FailureRecord> for Failure {
    fn from(r: FailureRecord) -> Self {
        let verdict = match r.verdict {
            VerdictRecord::Retry => Verdict::Retry { after: r.after.map(Duration::from_millis) },
            VerdictRecord::Reject => Verdict::Reject,
            VerdictRecord::Fatal => Verdict::Fatal,
        };
        Self { verdict, code: r.code, detail: r.detail }
    }
}
