//! `GET /api/analytics/dashboard`, `agents`, `conversations`, `channels`, `overview`, and `/dashboard/metrics`: figures
//! of a period, everything among them that is committed. They are kept by day; no request walks over messages.

pub mod costs;
pub mod export;
pub mod figures;

use crate::{
    auth::Tenant,
    error::{ApiError, ApiResult, ok},
    period::{Period, PeriodOut, date, number},
    state::Api,
};
use axum::extract::{Query, State, rejection::QueryRejection};
use colloquy_domain::{agent::Spent, analytics::Figures};
use colloquy_store::FiguresOf;
use figures::FiguresOut;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// The figures of a period, added up by something of where they come from.
async fn by<K: Ord>(tenant: &Tenant, period: Period, key: impl Fn(&FiguresOf) -> K) -> ApiResult<BTreeMap<K, Figures>> {
    let mut sums: BTreeMap<K, Figures> = BTreeMap::new();
    for (of, figures) in &tenant.store.figures(period.first, period.last).await? {
        *sums.entry(key(of)).or_default() += figures;
    }
    Ok(sums)
}

fn sum<'f>(all: impl IntoIterator<Item = &'f Figures>) -> Figures {
    let mut sum = Figures::default();
    all.into_iter().for_each(|figures| sum += figures);
    sum
}

/// The busiest first.
fn busiest<K>(mut all: Vec<(K, Figures)>) -> Vec<(K, Figures)> {
    all.sort_by_key(|(_, f)| std::cmp::Reverse(f.received + f.out()));
    all
}

pub async fn dashboard(State(api): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult {
    let now = api.clock.now();
    let days = by(&tenant, period, |of| of.day).await?;
    let today = by(&tenant, Period::until(now, 1), |_| ()).await?;
    let held = tenant.store.held().await?;
    ok(json!({
        "period": PeriodOut::from(period),
        "totals": FiguresOut::from(&sum(days.values())),
        "today": FiguresOut::from(&sum(today.values())),
        "agents": held.agents,
        "documents": held.documents,
    }))
}

/// One agent's figures.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AgentAnalytics {
    agent_id: String,
    name: Option<String>,
    #[serde(flatten)]
    figures: FiguresOut,
}

/// Agents that had anything to do.
pub async fn agents(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult {
    let figures = by(&tenant, period, |of| of.agent).await?;
    let names = tenant.store.names().await?;
    let agents = busiest(figures.into_iter().collect()).into_iter().map(|(agent, figures)| AgentAnalytics {
        agent_id: agent.to_string(),
        name: names.agents.get(&agent).cloned(),
        figures: (&figures).into(),
    });
    ok(json!({ "period": PeriodOut::from(period), "agents": agents.collect::<Vec<_>>() }))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChannelAnalytics {
    channel_id: String,
    name: Option<String>,
    kind: Option<String>,
    #[serde(flatten)]
    figures: FiguresOut,
}

/// Channels on which anything was said.
pub async fn channels(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult {
    let figures = by(&tenant, period, |of| of.channel).await?;
    let names = tenant.store.names().await?;
    let channels = busiest(figures.into_iter().collect()).into_iter().map(|(channel, figures)| {
        let (name, kind) = names.channels.get(&channel).cloned().unzip();
        ChannelAnalytics { channel_id: channel.to_string(), name, kind, figures: (&figures).into() }
    });
    ok(json!({ "period": PeriodOut::from(period), "channels": channels.collect::<Vec<_>>() }))
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

pub async fn conversations(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult {
    let days = by(&tenant, period, |of| of.day).await?;
    let all = sum(days.values());
    let daily = period.days().map(|day| {
        let f = days.get(&day).cloned().unwrap_or_default();
        json!({
            "date": date(day), "conversations": f.begun, "handedOver": f.handed_over, "messages": f.received + f.out(),
        })
    });
    ok(json!({
        "period": PeriodOut::from(period),
        "conversations": all.begun,
        "handedOver": all.handed_over,
        "messagesPerConversation": ratio(all.received + all.out(), all.begun),
        "messagesInByOutcome": FiguresOut::from(&all).messages_in_by_outcome,
        "daily": daily.collect::<Vec<_>>(),
    }))
}

/// As backends of WhatsApp businesses show it. Messages of our side have a status, as in `/api/messages`; today, the last
/// 7 and the last 30 days are those of now, whatever the period.
pub async fn overview(State(api): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult {
    let now = api.clock.now();
    let days = by(&tenant, period, |of| of.day).await?;
    let recent = by(&tenant, Period::until(now, 30), |of| of.day).await?;
    let today = Spent::day_of(now);
    let sent_since = |day: i64| sum(recent.range(day..).map(|(_, f)| f)).out();
    let all = sum(days.values());
    let s = all.statuses;
    let activity = period.days().map(|day| {
        let f = days.get(&day).cloned().unwrap_or_default();
        json!({
            "date": date(day), "messages": f.received + f.out(), "received": f.received, "sent": f.out(),
            "conversations": f.begun,
        })
    });
    ok(json!({
        "period": PeriodOut::from(period),
        "totalMessages": all.received + all.out(),
        "totalConversations": all.begun,
        "deliveryRate": all.delivery_rate(),
        "sentToday": sent_since(today),
        "sentWeek": sent_since(today - 6),
        "sentMonth": sent_since(today - 29),
        "messagesByStatus": {
            "QUEUED": all.queued(), "UNCERTAIN": s.uncertain, "SENT": s.sent, "DELIVERED": s.delivered, "READ": s.read,
            "FAILED": s.failed,
        },
        "dailyActivity": activity.collect::<Vec<_>>(),
    }))
}

#[derive(Deserialize)]
pub struct Latest {
    limit: Option<String>,
}

/// One day's figures.
#[derive(Serialize)]
struct Day {
    date: String,
    #[serde(flatten)]
    figures: FiguresOut,
}

/// `GET /dashboard/metrics?limit=30`: so many days, today first.
pub async fn metrics(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    latest: Result<Query<Latest>, QueryRejection>,
) -> ApiResult {
    let Query(Latest { limit }) = latest.map_err(|e| ApiError::invalid("limit", e.body_text()))?;
    let limit = limit.as_deref().map_or(Ok(30), |text| number("limit", text))?;
    let period = Period::until(api.clock.now(), limit);
    let days = by(&tenant, period, |of| of.day).await?;
    let nothing = Figures::default();
    let shown = |day| Day { date: date(day), figures: days.get(&day).unwrap_or(&nothing).into() };
    ok(json!({ "metrics": period.days().rev().map(shown).collect::<Vec<_>>() }))
}

/// `GET /dashboard/metrics/aggregated?startDate=…&endDate=…`: all days together.
pub async fn aggregated(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult {
    let all = by(&tenant, period, |_| ()).await?;
    ok(json!({ "period": PeriodOut::from(period), "metrics": FiguresOut::from(&sum(all.values())) }))
}
