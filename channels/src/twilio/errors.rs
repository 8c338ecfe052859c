//! What Twilio's error codes mean for a message, in an answer and in a status.

use colloquy_domain::failure::Failure;
use std::time::Duration;

/// What is to be done about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Retry(&'static str),
    /// This message to this person will not go.
    Reject(&'static str),
    /// Nothing will go until somebody changes something.
    AccountDown(&'static str),
}

/// `status` is that of the answer, 0 for an error that a status tells.
pub(super) const fn classify(code: Option<u64>, status: u16) -> Class {
    match (code, status) {
        (Some(21_610), _) => Class::Reject("opted_out"),
        (Some(63_016), _) => Class::Reject("window_closed"),
        (Some(21_211 | 21_214 | 21_217 | 21_401 | 21_407 | 21_408 | 21_421 | 21_612 | 21_614), _) => {
            Class::Reject("recipient")
        }
        (Some(30_003 | 30_004 | 30_005 | 30_006 | 63_003 | 63_024), _) => Class::Reject("recipient"),
        (Some(30_007), _) => Class::Reject("filtered"),
        (Some(21_602 | 21_605 | 21_617 | 21_620 | 63_005 | 63_013 | 63_019 | 63_021), _) => Class::Reject("payload"),
        (Some(20_429 | 14_107 | 63_018 | 30_001 | 30_022), _) | (_, 429) => Class::Retry("rate_limited"),
        (Some(20_003 | 20_404 | 21_606 | 21_603 | 21_212 | 21_659 | 63_007), _) | (_, 401 | 403) => {
            Class::AccountDown("unauthorized")
        }
        (Some(30_002 | 20_005 | 63_020), _) => Class::AccountDown("account_restricted"),
        (Some(30_008 | 63_012), _) | (_, 500..) => Class::Retry("server_error"),
        _ => Class::Reject("refused"),
    }
}

impl Class {
    pub(super) fn failure(self, channel: &str, detail: String, after: Option<Duration>) -> Failure {
        let code = |cause: &str| format!("{channel}.{cause}");
        match (self, after) {
            (Self::Retry(cause), Some(after)) => Failure::retry_after(after, code(cause), detail),
            (Self::Retry(cause), None) => Failure::retry(code(cause), detail),
            (Self::Reject(cause), _) => Failure::reject(code(cause), detail),
            (Self::AccountDown(cause), _) => Failure::fatal(code(cause), detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class() {
        assert_eq!(classify(Some(20_429), 429), Class::Retry("rate_limited"));
        assert_eq!(classify(None, 429), Class::Retry("rate_limited"));
        assert_eq!(classify(None, 503), Class::Retry("server_error"));
        assert_eq!(classify(Some(63_016), 0), Class::Reject("window_closed"));
        assert_eq!(classify(Some(21_610), 400), Class::Reject("opted_out"));
        assert_eq!(classify(Some(21_211), 400), Class::Reject("recipient"));
        for code in 30_003..=30_006 {
            assert_eq!(classify(Some(code), 0), Class::Reject("recipient"), "{code}");
        }
        assert_eq!(classify(Some(30_007), 0), Class::Reject("filtered"));
        assert_eq!(classify(Some(20_003), 401), Class::AccountDown("unauthorized"));
        assert_eq!(classify(None, 401), Class::AccountDown("unauthorized"));
        assert_eq!(classify(Some(99_999), 400), Class::Reject("refused"));
    }
}
