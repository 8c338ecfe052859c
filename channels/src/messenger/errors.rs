//! What Messenger's error codes mean for a message.

use crate::meta::{Class, GraphError};

pub(super) fn classify(error: &GraphError) -> Class {
    let Some(code) = error.code else { return error.class_by_status() };
    match (code, error.subcode) {
        (10, Some(2_018_278)) => Class::Reject("window_closed"),
        // One person who blocked the page must not stop it for everybody.
        (551, _) | (100, Some(2_018_001)) | (_, Some(1_545_041)) => Class::Reject("recipient"),
        (100, _) => Class::Reject("payload"),
        (4 | 32 | 613, _) => Class::Retry("rate_limited"),
        (2 | 1200, _) => Class::Retry("unavailable"),
        (10 | 190 | 200..=299, _) => Class::AccountDown("unauthorized"),
        (368, _) => Class::AccountDown("account_restricted"),
        _ => error.class_by_status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_class() {
        let class = |code: i64, subcode: Option<i64>| {
            classify(&GraphError { status: 400, code: Some(code), subcode, ..GraphError::default() })
        };
        for code in [1200, 2, 4, 613, 32] {
            assert!(matches!(class(code, None), Class::Retry(_)), "{code}");
        }
        assert_eq!(class(10, Some(2_018_278)), Class::Reject("window_closed"));
        assert_eq!(class(10, None), Class::AccountDown("unauthorized"));
        assert_eq!(class(551, Some(1_545_041)), Class::Reject("recipient"));
        assert_eq!(class(200, Some(1_545_041)), Class::Reject("recipient"));
        assert_eq!(class(100, Some(2_018_001)), Class::Reject("recipient"));
        assert_eq!(class(100, None), Class::Reject("payload"));
        for code in [190, 200, 368] {
            assert!(matches!(class(code, None), Class::AccountDown(_)), "{code}");
        }
        assert_eq!(class(424_242, None), Class::Reject("refused"));
    }
}
