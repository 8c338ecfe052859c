//! The UTC days that figures are asked of: `?days=30`, or `?startDate=2026-01-01&endDate=2026-01-31`, both included.

use crate::{
    error::ApiError,
    openapi::{Operation, Takes, read},
    state::Api,
};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use colloquy_domain::{agent::Spent, time::Timestamp};
use jiff::{civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{ops::RangeInclusive, sync::Arc};

const USUAL: i64 = 30;
/// Days of one request.
const MOST: i64 = 366;
const DAY: i64 = 86_400_000;

/// Days since 1970-01-01, both included, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    pub first: i64,
    pub last: i64,
}

/// As texts, so that what is wrong is named.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Asked {
    days: Option<String>,
    start_date: Option<String>,
    end_date: Option<String>,
}

/// A period as it is shown.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeriodOut {
    start_date: String,
    end_date: String,
}

impl From<Period> for PeriodOut {
    fn from(p: Period) -> Self {
        Self { start_date: date(p.first), end_date: date(p.last) }
    }
}

impl Period {
    /// The last `days` days, today among them.
    pub fn until(now: Timestamp, days: i64) -> Self {
        let last = Spent::day_of(now);
        Self { first: last - days + 1, last }
    }

    pub const fn days(self) -> RangeInclusive<i64> {
        self.first..=self.last
    }

    pub const fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    fn of(asked: &Asked, now: Timestamp) -> Result<Self, ApiError> {
        let days = asked.days.as_deref().map(|text| number("days", text)).transpose()?;
        let start = asked.start_date.as_deref().map(|text| day("startDate", text)).transpose()?;
        let end = asked.end_date.as_deref().map(|text| day("endDate", text)).transpose()?;
        if start.is_none() && end.is_none() {
            return Ok(Self::until(now, days.unwrap_or(USUAL)));
        }
        if days.is_some() {
            return Err(ApiError::invalid("days", "goes without startDate and endDate"));
        }
        let last = end.unwrap_or_else(|| Spent::day_of(now));
        let first = start.unwrap_or(last - USUAL + 1);
        if last < first {
            return Err(ApiError::invalid("endDate", "must not be before startDate"));
        }
        if last - first >= MOST {
            return Err(ApiError::invalid("startDate", format!("at most {MOST} days can be asked of")));
        }
        Ok(Self { first, last })
    }
}

/// A number of days.
///
/// # Errors
/// Names the field.
pub fn number(field: &str, text: &str) -> Result<i64, ApiError> {
    let days = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    days.ok_or_else(|| ApiError::invalid(field, format!("must be a number from 1 to {MOST}")))
}

fn day(field: &str, text: &str) -> Result<i64, ApiError> {
    let wrong = || ApiError::invalid(field, "must be a date such as 2026-01-31");
    let at = text.parse::<Date>().ok().and_then(|d| d.to_zoned(TimeZone::UTC).ok()).ok_or_else(wrong)?;
    Ok(at.timestamp().as_millisecond().div_euclid(DAY))
}

/// A day as it is shown: `2026-01-31`.
pub fn date(day: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(day.saturating_mul(DAY));
    at.map_or_else(|_| day.to_string(), |t| t.to_zoned(TimeZone::UTC).date().to_string())
}

impl FromRequestParts<Arc<Api>> for Period {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, ApiError> {
        let Query(asked) = Query::<Asked>::from_request_parts(parts, api)
            .await
            .map_err(|e| ApiError::invalid("days, startDate, endDate", e.body_text()))?;
        Self::of(&asked, api.clock.now())
    }
}

impl Takes for Period {
    fn describe(operation: &mut Operation) {
        operation.query.push(read::<Asked>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_757_000_000_000);

    fn read(days: Option<&str>, start: Option<&str>, end: Option<&str>) -> Result<(String, String), String> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let asked = Asked { days: own(days), start_date: own(start), end_date: own(end) };
        let period = Period::of(&asked, NOW).map_err(|e| e.details[0].field.clone())?;
        Ok((date(period.first), date(period.last)))
    }

    // req: S1-ANA-1, S2-DSH-1
    #[test]
    fn what_is_wrong_with_a_period_is_named() {
        let ok = |first: &str, last: &str| Ok((first.to_owned(), last.to_owned()));
        assert_eq!(read(None, None, None), ok("2025-08-06", "2025-09-04"));
        assert_eq!(read(Some("1"), None, None), ok("2025-09-04", "2025-09-04"));
        assert_eq!(read(None, Some("2024-02-29"), Some("2024-03-01")), ok("2024-02-29", "2024-03-01"));
        assert_eq!(read(None, Some("2025-09-01"), None), ok("2025-09-01", "2025-09-04"));
        for days in ["0", "-1", "367", "many", ""] {
            assert_eq!(read(Some(days), None, None), Err("days".to_owned()), "{days}");
        }
        assert_eq!(read(None, Some("2025-02-30"), None), Err("startDate".to_owned()));
        assert_eq!(read(None, None, Some("soon")), Err("endDate".to_owned()));
        assert_eq!(read(None, Some("2025-09-02"), Some("2025-09-01")), Err("endDate".to_owned()));
        assert_eq!(read(None, Some("2020-01-01"), Some("2025-09-01")), Err("startDate".to_owned()));
        assert_eq!(read(Some("3"), Some("2025-09-01"), None), Err("days".to_owned()));
    }
}
