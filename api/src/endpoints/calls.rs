//! `GET /api/calls`, `/api/calls/{id}`, `/api/calls/metrics`, and the same under `/dashboard`.

use crate::{
    answer::{Listed, Of},
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, Query, State};
use colloquy_domain::{
    call::CallOutcome,
    ids::{CallId, ConversationId},
    time::Timestamp,
};
use colloquy_store::{Call, CallFigures, CallFilter, CallLine};
use jiff::{civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// Of one day, in milliseconds.
const DAY: i64 = 86_400_000;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    external_call_id: String,
    provider: String,
    channel: String,
    direction: &'static str,
    from: Option<String>,
    to: Option<String>,
    status: &'static str,
    ai_handled: bool,
    outcome_type: Option<&'static str>,
    transcript: String,
    summary: Option<String>,
    structured_data: Option<Value>,
    duration_seconds: Option<u64>,
    provider_cost_cents: Option<u64>,
    billed_minutes: Option<u64>,
    conversation: Option<String>,
    started_at: String,
    ended_at: Option<String>,
    /// Of one call that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<StepOut>,
}

#[derive(Serialize, JsonSchema)]
pub struct StepOut {
    kind: String,
    detail: String,
    at: String,
}

impl From<CallLine> for StepOut {
    fn from(line: CallLine) -> Self {
        Self { kind: line.kind, detail: line.detail, at: rfc3339(line.at) }
    }
}

impl From<Call> for Out {
    fn from(c: Call) -> Self {
        let f = c.facts;
        Self {
            id: c.id.to_string(),
            external_call_id: c.external_id,
            provider: c.provider,
            channel: c.channel.to_string(),
            direction: c.direction.name(),
            from: c.from,
            to: c.to,
            status: f.status.name(),
            ai_handled: f.ai_handled,
            outcome_type: f.outcome.map(CallOutcome::name),
            transcript: f.transcript,
            summary: f.summary,
            structured_data: f.structured.and_then(|json| serde_json::from_str(&json).ok()),
            duration_seconds: f.seconds,
            provider_cost_cents: f.cost_cents,
            billed_minutes: f.billed_minutes,
            conversation: f.conversation.map(|id: ConversationId| id.to_string()),
            started_at: rfc3339(c.started_at),
            ended_at: f.ended_at.map(rfc3339),
            steps: Vec::new(),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// A day, or a point in time.
    start_date: Option<String>,
    /// The last day, or a point in time.
    end_date: Option<String>,
}

impl Filter {
    fn read(&self) -> ApiResult<CallFilter> {
        let all = CallFilter::default();
        let from = self.start_date.as_deref().map(|t| moment("startDate", t, 0)).transpose()?;
        let until = self.end_date.as_deref().map(|t| moment("endDate", t, DAY)).transpose()?;
        Ok(CallFilter { from: from.unwrap_or(all.from), until: until.unwrap_or(all.until) })
    }
}

/// A point in time; of a day, its beginning in UTC and so many milliseconds later.
fn moment(field: &'static str, text: &str, later: i64) -> ApiResult<Timestamp> {
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(Timestamp(at.as_millisecond()));
    }
    let day = text.parse::<Date>().ok().and_then(|d| d.to_zoned(TimeZone::UTC).ok());
    let day = day.ok_or_else(|| ApiError::invalid(field, "must be a day or a time of ISO 8601: 2026-01-31"))?;
    Ok(Timestamp(day.timestamp().as_millisecond() + later))
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    page("calls", tenant.store.calls(filter.read()?, at.into()).await?, Out::from)
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let id = id.parse::<CallId>()?;
    let mut out = Out::from(tenant.store.call(id).await?);
    out.steps = tenant.store.call_steps(id).await?.into_iter().map(StepOut::from).collect();
    ok(out)
}

/// What the calls of a time come to, counted in the database.
pub async fn metrics(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Query(filter): Query<Filter>,
) -> ApiResult<Of<FiguresOut>> {
    let figures = tenant.store.call_figures(filter.read()?).await?;
    ok(shown(&figures))
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FiguresOut {
    total_calls: u64,
    ended_calls: u64,
    ai_handled_calls: u64,
    /// From 0 to 1.
    ai_handled_rate: f64,
    total_duration_seconds: u64,
    average_duration_seconds: f64,
    billed_minutes: u64,
    provider_cost_cents: u64,
    by_outcome: BTreeMap<&'static str, u64>,
}

fn shown(f: &CallFigures) -> FiguresOut {
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    FiguresOut {
        total_calls: f.calls,
        ended_calls: f.ended,
        ai_handled_calls: f.ai_handled,
        ai_handled_rate: share(f.ai_handled, f.calls),
        total_duration_seconds: f.seconds,
        average_duration_seconds: share(f.seconds, f.measured),
        billed_minutes: f.billed_minutes,
        provider_cost_cents: f.cost_cents,
        by_outcome: f.outcomes.iter().map(|(outcome, count)| (outcome.name(), *count)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S2-DSH-1
    #[test]
    fn times_are_days_or_points_and_the_last_day_counts() {
        let filter = |start: &str, end: &str| {
            Filter { start_date: Some(start.to_owned()), end_date: Some(end.to_owned()) }.read()
        };
        let day = filter("2026-01-31", "2026-01-31").expect("a day");
        assert_eq!(day.until.millis() - day.from.millis(), DAY);
        let points = filter("2026-01-31T10:00:00Z", "2026-01-31T12:00:00+01:00").expect("two points");
        assert_eq!(points.until.millis() - points.from.millis(), 3_600_000);
        assert_eq!(filter("yesterday", "2026-01-31").expect_err("no time").details[0].field, "startDate");
        assert_eq!(filter("2026-01-31", "31/01/2026").expect_err("no time").details[0].field, "endDate");
    }
}
