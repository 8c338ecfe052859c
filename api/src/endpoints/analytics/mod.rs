//! `GET /api/analytics/dashboard`, `agents`, `conversations`, `channels`, `overview`, and `/dashboard/metrics`: figures
//! of a period, everything among them that is committed. They are kept by day; no request walks over messages.

pub mod costs;
pub mod export;
pub mod figures;

use crate::{
    answer::Of,
    auth::Tenant,
    error::{ApiError, ApiResult, ok},
    period::{Period, PeriodOut, date, number},
    state::Api,
};
use axum::extract::{Query, State, rejection::QueryRejection};
use colloquy_domain::analytics::Figures;
use colloquy_store::FiguresOf;
use figures::{ByOutcome, FiguresOut};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc};

/// The figures of a period, added up by something of where they come from.
async fn by<K: Ord>(tenant: &Tenant, period: Period, key: impl Fn(&FiguresOf) -> K) -> ApiResult<BTreeMap<K, Figures>> {
    let mut sums: BTreeMap<K, Figures> = BTreeMap::new();
    for (of, figures) in &tenant.store.figures(period.first, period.last).await? {
        *sums.entry(key(of)).or_default() += figures;
    }
    Ok(sums)
}

/// The figures of each day of a period and of the `recent` days, which are mostly among them.
async fn by_day(tenant: &Tenant, period: Period, recent: Period) -> ApiResult<BTreeMap<i64, Figures>> {
    let mut days = by(tenant, period, |of| of.day).await?;
    if !period.covers(recent) {
        days.extend(by(tenant, recent, |of| of.day).await?);
    }
    Ok(days)
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

#[derive(Serialize, JsonSchema)]
pub struct Dashboard {
    period: PeriodOut,
    totals: FiguresOut,
    today: FiguresOut,
    agents: u64,
    documents: u64,
}

pub async fn dashboard(State(api): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Of<Dashboard>> {
    let today = Period::until(api.clock.now(), 1);
    let days = by_day(&tenant, period, today).await?;
    let held = tenant.store.held().await?;
    let of = |period: Period| sum(days.range(period.days()).map(|(_, f)| f));
    ok(Dashboard {
        period: period.into(),
        totals: (&of(period)).into(),
        today: (&of(today)).into(),
        agents: held.agents,
        documents: held.documents,
    })
}

/// One agent's figures.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentAnalytics {
    agent_id: String,
    name: Option<String>,
    #[serde(flatten)]
    figures: FiguresOut,
}

#[derive(Serialize, JsonSchema)]
pub struct Agents {
    period: PeriodOut,
    agents: Vec<AgentAnalytics>,
}

/// Agents that had anything to do.
pub async fn agents(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Of<Agents>> {
    let figures = by(&tenant, period, |of| of.agent).await?;
    let names = tenant.store.names().await?;
    let agents = busiest(figures.into_iter().collect()).into_iter().map(|(agent, figures)| AgentAnalytics {
        agent_id: agent.to_string(),
        name: names.agents.get(&agent).cloned(),
        figures: (&figures).into(),
    });
    ok(Agents { period: period.into(), agents: agents.collect() })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelAnalytics {
    channel_id: String,
    name: Option<String>,
    kind: Option<String>,
    #[serde(flatten)]
    figures: FiguresOut,
}

#[derive(Serialize, JsonSchema)]
pub struct Channels {
    period: PeriodOut,
    channels: Vec<ChannelAnalytics>,
}

/// Channels on which anything was said.
pub async fn channels(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Of<Channels>> {
    let figures = by(&tenant, period, |of| of.channel).await?;
    let names = tenant.store.names().await?;
    let channels = busiest(figures.into_iter().collect()).into_iter().map(|(channel, figures)| {
        let (name, kind) = names.channels.get(&channel).cloned().unzip();
        ChannelAnalytics { channel_id: channel.to_string(), name, kind, figures: (&figures).into() }
    });
    ok(Channels { period: period.into(), channels: channels.collect() })
}

fn ratio(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversations {
    period: PeriodOut,
    conversations: i64,
    handed_over: i64,
    messages_per_conversation: Option<f64>,
    messages_in_by_outcome: ByOutcome,
    daily: Vec<DayOfConversations>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DayOfConversations {
    date: String,
    conversations: i64,
    handed_over: i64,
    messages: i64,
}

pub async fn conversations(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Of<Conversations>> {
    let days = by(&tenant, period, |of| of.day).await?;
    let all = sum(days.values());
    let daily = period.days().map(|day| {
        let f = days.get(&day).cloned().unwrap_or_default();
        DayOfConversations {
            date: date(day),
            conversations: f.begun,
            handed_over: f.handed_over,
            messages: f.received + f.out(),
        }
    });
    ok(Conversations {
        period: period.into(),
        conversations: all.begun,
        handed_over: all.handed_over,
        messages_per_conversation: ratio(all.received + all.out(), all.begun),
        messages_in_by_outcome: FiguresOut::from(&all).messages_in_by_outcome,
        daily: daily.collect(),
    })
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    period: PeriodOut,
    total_messages: i64,
    total_conversations: i64,
    delivery_rate: Option<f64>,
    sent_today: i64,
    sent_week: i64,
    sent_month: i64,
    messages_by_status: ByStatusName,
    daily_activity: Vec<Activity>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub struct ByStatusName {
    queued: i64,
    uncertain: i64,
    sent: i64,
    delivered: i64,
    read: i64,
    failed: i64,
}

#[derive(Serialize, JsonSchema)]
pub struct Activity {
    date: String,
    messages: i64,
    received: i64,
    sent: i64,
    conversations: i64,
}

/// As backends of WhatsApp businesses show it. Messages of our side have a status, as in `/api/messages`; today, the last
/// 7 and the last 30 days are those of now, whatever the period.
pub async fn overview(State(api): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Of<Overview>> {
    let now = api.clock.now();
    let days = by_day(&tenant, period, Period::until(now, 30)).await?;
    let of = |period: Period| sum(days.range(period.days()).map(|(_, f)| f));
    let sent_in = |days| of(Period::until(now, days)).out();
    let all = of(period);
    let s = all.statuses;
    let activity = period.days().map(|day| {
        let f = days.get(&day).cloned().unwrap_or_default();
        Activity {
            date: date(day),
            messages: f.received + f.out(),
            received: f.received,
            sent: f.out(),
            conversations: f.begun,
        }
    });
    ok(Overview {
        period: period.into(),
        total_messages: all.received + all.out(),
        total_conversations: all.begun,
        delivery_rate: all.delivery_rate(),
        sent_today: sent_in(1),
        sent_week: sent_in(7),
        sent_month: sent_in(30),
        messages_by_status: ByStatusName {
            queued: all.queued(),
            uncertain: s.uncertain,
            sent: s.sent,
            delivered: s.delivered,
            read: s.read,
            failed: s.failed,
        },
        daily_activity: activity.collect(),
    })
}

#[derive(Deserialize, JsonSchema)]
pub struct Latest {
    limit: Option<String>,
}

/// One day's figures.
#[derive(Serialize, JsonSchema)]
pub struct Day {
    date: String,
    #[serde(flatten)]
    figures: FiguresOut,
}

#[derive(Serialize, JsonSchema)]
pub struct Days {
    metrics: Vec<Day>,
}

/// `GET /dashboard/metrics?limit=30`: so many days, today first.
pub async fn metrics(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    latest: Result<Query<Latest>, QueryRejection>,
) -> ApiResult<Of<Days>> {
    let Query(Latest { limit }) = latest.map_err(|e| ApiError::invalid("limit", e.body_text()))?;
    let limit = limit.as_deref().map_or(Ok(30), |text| number("limit", text))?;
    let period = Period::until(api.clock.now(), limit);
    let days = by(&tenant, period, |of| of.day).await?;
    let nothing = Figures::default();
    let shown = |day| Day { date: date(day), figures: days.get(&day).unwrap_or(&nothing).into() };
    ok(Days { metrics: period.days().rev().map(shown).collect() })
}

#[derive(Serialize, JsonSchema)]
pub struct Together {
    period: PeriodOut,
    metrics: FiguresOut,
}

/// `GET /dashboard/metrics/aggregated?startDate=…&endDate=…`: all days together.
pub async fn aggregated(State(_): State<Arc<Api>>, tenant: Tenant, period: Period) -> ApiResult<Of<Together>> {
    let all = by(&tenant, period, |_| ()).await?;
    ok(Together { period: period.into(), metrics: (&sum(all.values())).into() })
}
