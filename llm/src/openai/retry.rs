//! When a request is sent again, and what its refusal means: pure.

use super::chunk::error_name;
use colloquy_domain::failure::Failure;
use serde_json::Value;
use std::time::Duration;

/// Requests that one completion may cost while no byte of an answer came.
pub(super) const ATTEMPTS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_millis(300);
/// A server that asks for more than this is left to the caller.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The pause before the next attempt; `None` when there is none: the failure stands.
pub(super) fn pause(failure: &Failure, attempt: u32, left: Duration) -> Option<Duration> {
    use colloquy_domain::failure::Verdict;
    let Verdict::Retry { after } = failure.verdict else { return None };
    if attempt >= ATTEMPTS {
        return None;
    }
    let pause = after.unwrap_or(FIRST_PAUSE * 2_u32.pow(attempt.saturating_sub(1)));
    (pause <= LONGEST_PAUSE && pause < left).then_some(pause)
}

/// What an answer with this status means.
pub(super) fn refusal(status: u16, retry_after: Option<&str>, body: &str, model: &str) -> Failure {
    let error: Value = serde_json::from_str(body).unwrap_or_default();
    let why = format!("the model server answered {status}: {}", error_name(&error));
    let after = retry_after.and_then(seconds);
    let again = |code: &str, why: String| match after {
        Some(after) => Failure::retry_after(after, code, why),
        None => Failure::retry(code, why),
    };
    match status {
        401 | 403 => Failure::fatal("model.unauthorized", why),
        404 => Failure::fatal("model.not_found", format!("{why}; is there a model {model:?} at this base URL?")),
        // An account without money answers 429 for ever.
        429 if why.contains("insufficient_quota") => Failure::fatal("model.unauthorized", why),
        429 => again("model.rate_limited", why),
        408 | 409 | 500.. => again("model.unavailable", why),
        _ => Failure::reject("model.refused", why),
    }
}

/// Whether a server refuses for an image: it, or its model, cannot read this one, or none. Some say so with a 500.
pub(super) fn names_image(status: u16, body: &str) -> bool {
    let body = body.to_ascii_lowercase();
    let named = ["image", "multimodal", "multi-modal", "vision", "must be a string"].iter().any(|n| body.contains(n));
    matches!(status, 400 | 404 | 413 | 415 | 422 | 500) && named
}

/// `Retry-After` in seconds, also with a fraction; dates are rare here and read as absent.
fn seconds(value: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(value.trim().parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_carry_the_decision() {
        let table: Vec<String> = [400, 401, 403, 404, 408, 409, 422, 429, 500, 503]
            .iter()
            .map(|s| {
                let f = refusal(*s, None, "", "m");
                format!("{s} {} {}", f.code, if f.is_retry() { "retry" } else { "final" })
            })
            .collect();
        insta::assert_snapshot!(table.join("\n"), @r"
        400 model.refused final
        401 model.unauthorized final
        403 model.unauthorized final
        404 model.not_found final
        408 model.unavailable retry
        409 model.unavailable retry
        422 model.refused final
        429 model.rate_limited retry
        500 model.unavailable retry
        503 model.unavailable retry
        ");
        let body = r#"{"error":{"code":"insufficient_quota","message":"pay"}}"#;
        assert!(!refusal(429, Some("1"), body, "m").is_retry());
    }

    #[test]
    fn pauses_honour_the_server_and_never_outlast_the_turn() {
        let soon = refusal(429, Some("1.5"), "", "m");
        let plain = refusal(503, Some("Wed, 21 Oct 2026 07:28:00 GMT"), "", "m");
        let minute = Duration::from_secs(60);
        assert_eq!(pause(&soon, 1, minute), Some(Duration::from_millis(1500)));
        assert_eq!(pause(&soon, 1, Duration::from_secs(1)), None);
        assert_eq!(pause(&plain, 1, minute), Some(Duration::from_millis(300)));
        assert_eq!(pause(&plain, 2, minute), Some(Duration::from_millis(600)));
        assert_eq!(pause(&plain, 3, minute), None);
        assert_eq!(pause(&refusal(429, Some("600"), "", "m"), 1, Duration::from_secs(900)), None);
        assert_eq!(pause(&refusal(400, None, "", "m"), 1, minute), None);
        for odd in ["-1", "nan", "inf", "1e300", ""] {
            assert_eq!(seconds(odd), None, "{odd}");
        }
    }
}
