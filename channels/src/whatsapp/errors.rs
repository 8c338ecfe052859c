//! What WhatsApp's error codes mean for a message.

use crate::meta::{Class, GraphError};
use std::time::Duration;

/// One person may be written to once in 6 seconds beyond the burst; a retry before that is refused for certain.
const PAIR_INTERVAL: Duration = Duration::from_secs(6);

pub(super) fn classify(error: &GraphError) -> Class {
    let Some(code) = error.code else { return error.class_by_status() };
    match code {
        131_056 => Class::RetryAfter(PAIR_INTERVAL, "pair_rate_limited"),
        4 | 80_007 | 130_429 => Class::Retry("rate_limited"),
        2 | 131_000 | 131_016 | 131_057 | 133_016 => Class::Retry("unavailable"),
        131_053 => Class::Retry("media_upload"),
        131_047 => Class::Reject("needs_template"),
        131_050 => Class::Reject("opted_out"),
        131_026 | 131_049 | 130_472 | 131_030 | 131_021 | 131_062 => Class::Reject("recipient"),
        100 | 131_008 | 131_009 | 131_051 | 131_052 | 132_000..=132_016 => Class::Reject("payload"),
        0 | 3 | 10 | 190 | 200..=299 => Class::AccountDown("unauthorized"),
        368 | 131_031 | 131_042 | 131_045 | 131_048 | 131_005 => Class::AccountDown("account_restricted"),
        _ => error.class_by_status(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_documented_code_has_its_class() {
        let class = |code: i64| classify(&GraphError { status: 400, code: Some(code), ..GraphError::default() });
        for code in [4, 80_007, 130_429, 131_056, 131_000, 131_016, 131_057, 133_016, 2, 131_053] {
            assert!(matches!(class(code), Class::Retry(_) | Class::RetryAfter(..)), "{code}");
        }
        for code in [131_047, 131_026, 131_049, 131_050, 130_472, 131_030, 131_021, 131_062] {
            assert!(matches!(class(code), Class::Reject(_)), "{code}");
        }
        for code in [100, 131_008, 131_009, 131_051, 131_052, 132_000, 132_007, 132_016] {
            assert_eq!(class(code), Class::Reject("payload"), "{code}");
        }
        for code in [0, 3, 10, 190, 200, 299, 368, 131_031, 131_042, 131_045, 131_048, 131_005] {
            assert!(matches!(class(code), Class::AccountDown(_)), "{code}");
        }
    }

    #[test]
    fn unknown_codes_are_repeated_only_when_the_provider_calls_them_passing() {
        let of = |value: serde_json::Value, status| GraphError { status, ..GraphError::of_value(&value) };
        assert_eq!(classify(&of(json!({"code": 999_999}), 400)), Class::Reject("refused"));
        assert_eq!(classify(&of(json!({"code": 999_999, "is_transient": true}), 400)), Class::Retry("transient"));
        assert_eq!(classify(&of(json!({"code": 999_999}), 500)), Class::Retry("server_error"));
        assert_eq!(classify(&of(json!({}), 429)), Class::Retry("rate_limited"));
        assert_eq!(classify(&of(json!({}), 401)), Class::AccountDown("unauthorized"));
    }

    #[test]
    fn error_data_is_an_object_or_a_string() {
        let of =
            |data: serde_json::Value| GraphError::of_value(&json!({"code": "100", "error_data": data, "message": "m"}));
        assert_eq!(of(json!({"details": "too long"})).detail, "too long");
        assert_eq!(of(json!("plain words")).detail, "plain words");
        assert_eq!(of(json!(null)).detail, "m");
        assert_eq!(of(json!(null)).code, Some(100));
    }
}
