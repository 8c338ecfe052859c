//! `GET /api/analytics/costs?by=day|agent|conversation`: what models were given, wrote and cost.

use super::{
    by,
    figures::{SpentOut, usd},
};
use crate::{
    answer::Of,
    auth::Tenant,
    body::page_of,
    error::{ApiError, ApiResult, ok},
    period::{Period, PeriodOut, date},
    state::Api,
};
use axum::extract::{Query, State, rejection::QueryRejection};
use colloquy_domain::{analytics::Figures, ids::AgentId, model::Usage};
use colloquy_store::ConversationCost;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
pub struct Asked {
    by: Option<String>,
    page: Option<String>,
    limit: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    turns: u64,
    #[serde(flatten)]
    spent: SpentOut,
}

impl Cost {
    fn of(turns: u64, usage: Usage) -> Self {
        Self { date: None, agent_id: None, agent: None, conversation_id: None, turns, spent: usage.into() }
    }

    fn from_figures(f: &Figures) -> Self {
        Self::of(u64::try_from(f.turns).unwrap_or_default(), f.usage)
    }
}

/// Of days, agents or conversations; those of conversations are paged.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Costs {
    period: PeriodOut,
    total: SpentOut,
    costs: Vec<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Map<String, Value>>")]
    pagination: Option<Value>,
    /// Of this calendar month.
    month_usd: f64,
}

pub async fn list(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    period: Period,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult<Of<Costs>> {
    let Query(asked) = asked.map_err(|e| ApiError::invalid("by, page, limit", e.body_text()))?;
    let days = by(&tenant, period, |of| of.day).await?;
    let mut total = Usage::default();
    days.values().for_each(|f| total += f.usage);
    let (costs, pagination) = match asked.by.as_deref().unwrap_or("day") {
        "day" => {
            let cost = |(day, f): (&i64, &Figures)| Cost { date: Some(date(*day)), ..Cost::from_figures(f) };
            (days.iter().map(cost).collect(), None)
        }
        "agent" => (by_agent(&tenant, period).await?, None),
        "conversation" => by_conversation(&tenant, period, &asked).await?,
        _ => return Err(ApiError::invalid("by", "must be day, agent or conversation")),
    };
    let month = tenant.store.month(api.clock.now()).await?;
    ok(Costs { period: period.into(), total: total.into(), costs, pagination, month_usd: usd(month.cost_micros) })
}

/// The most expensive first.
async fn by_agent(tenant: &Tenant, period: Period) -> ApiResult<Vec<Cost>> {
    let names = tenant.store.names().await?;
    let mut agents: Vec<_> = by(tenant, period, |of| of.agent).await?.into_iter().collect();
    agents.sort_by_key(|(_, f)| std::cmp::Reverse((f.usage.cost_micros, f.usage.prompt_tokens)));
    let cost = |(agent, f): &(AgentId, Figures)| Cost {
        agent_id: Some(agent.to_string()),
        agent: names.agents.get(agent).cloned(),
        ..Cost::from_figures(f)
    };
    Ok(agents.iter().map(cost).collect())
}

async fn by_conversation(tenant: &Tenant, period: Period, asked: &Asked) -> ApiResult<(Vec<Cost>, Option<Value>)> {
    let number = |field: &'static str, text: &Option<String>| {
        let number = text.as_deref().map(str::parse::<u32>).transpose();
        number.map_err(|_| ApiError::invalid(field, "must be a number"))
    };
    let at = page_of(number("page", &asked.page)?, number("limit", &asked.limit)?, 20)?;
    let page = tenant.store.conversation_costs(period.first, period.last, at.into()).await?;
    let pages = page.total.div_ceil(u64::from(page.limit));
    let pagination = json!({ "page": page.page, "limit": page.limit, "total": page.total, "totalPages": pages });
    let cost = |c: ConversationCost| Cost {
        conversation_id: Some(c.conversation.to_string()),
        agent_id: Some(c.agent.to_string()),
        ..Cost::of(c.turns, c.usage)
    };
    Ok((page.items.into_iter().map(cost).collect(), Some(pagination)))
}
