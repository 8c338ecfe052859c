use crate::error::{ApiError, ApiResult};
use colloquy_domain::time::Timestamp;

/// RFC 3339 in UTC with milliseconds, as all times are shown.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis()).map_or_else(|_| at.millis().to_string(), |t| format!("{t:.3}"))
}

/// A point in time with its zone, or its distance from UTC.
///
/// # Errors
/// 400, naming the field.
pub fn instant(field: &str, text: &str) -> ApiResult<Timestamp> {
    let read = text.parse::<jiff::Timestamp>();
    let at =
        read.map_err(|_| ApiError::invalid(field, "must be a time with its zone, such as 2026-05-01T09:30:00+02:00"))?;
    Ok(Timestamp(at.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_milliseconds_and_zone() {
        assert_eq!(rfc3339(Timestamp(1_767_225_600_123)), "2026-01-01T00:00:00.123Z");
    }

    #[test]
    fn a_time_without_a_zone_is_none() {
        let paris = instant("sendAt", "2026-05-01T09:30:00+02:00").unwrap();
        assert_eq!(rfc3339(paris), "2026-05-01T07:30:00.000Z");
        assert_eq!(instant("sendAt", "2026-05-01T09:30:00").unwrap_err().details[0].field, "sendAt");
    }
}
