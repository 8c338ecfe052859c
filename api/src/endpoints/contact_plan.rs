//! `POST /api/contacts/{id}/plan`: which ways lead to a person now for a message, at what cost, and in which order they would
//! be tried. Nothing is sent.

use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, ok},
    outreach,
    saying::{Asked, Content},
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    ids::{ChannelId, ContactId},
    outreach::{Cost, Plan, WayPlan, Words},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Message {
    /// `text` or `template`.
    #[serde(rename = "type")]
    kind: Option<String>,
    content: Content,
    /// The channel that is tried first, if it is open.
    channel_id: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    channels: Vec<WayOut>,
    /// The channels that are open, in the order in which they would be tried.
    order: Vec<String>,
    /// Why none is open.
    reason: Option<&'static str>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WayOut {
    channel_id: String,
    channel: String,
    address: String,
    /// `open`, `by_template` (not for these words, but for an approved template) or `closed`.
    state: &'static str,
    reason: &'static str,
    /// Until when free words may be sent.
    until: Option<String>,
    /// What the provider charges for: `service`, `marketing`, `utility`, `authentication` or `segment`.
    charged_as: &'static str,
    units: u32,
    /// `null` where no price was written down.
    cost: Option<CostOut>,
}

#[derive(Serialize, JsonSchema)]
pub struct CostOut {
    /// Millionths of the currency's unit.
    micros: u64,
    currency: String,
}

impl From<Cost> for CostOut {
    fn from(c: Cost) -> Self {
        Self { micros: c.micros, currency: c.currency }
    }
}

impl From<WayPlan> for WayOut {
    fn from(w: WayPlan) -> Self {
        Self {
            channel_id: w.channel.to_string(),
            channel: w.kind.to_string(),
            address: w.address,
            state: w.openness.name(),
            reason: w.reason.code(),
            until: w.until.map(rfc3339),
            charged_as: w.charge.name(),
            units: w.units,
            cost: w.cost.map(CostOut::from),
        }
    }
}

impl From<Plan> for Out {
    fn from(plan: Plan) -> Self {
        let order: Vec<String> = plan.open().map(|w| w.channel.to_string()).collect();
        let reason = order.is_empty().then(|| plan.why_closed().code());
        Self { channels: plan.ways.into_iter().map(WayOut::from).collect(), order, reason }
    }
}

/// Words or a template: what can be planned.
///
/// # Errors
/// 400, naming the field.
pub(super) fn words(content: Content, kind: Option<&str>) -> ApiResult<Words> {
    match content.read(kind)? {
        Asked::Said(said) if said.rich.is_none() => Ok(Words::Text { text: said.text }),
        Asked::Said(_) => Err(ApiError::invalid("type", "must be text or template")),
        Asked::Template(named) => {
            let name = named.name.ok_or_else(|| ApiError::invalid("content.name", "is needed"))?;
            Ok(Words::Template { name, language: named.language, parameters: named.parameters.parameters() })
        }
    }
}

pub(super) fn channel_id(text: Option<&str>) -> ApiResult<Option<ChannelId>> {
    text.map(str::parse::<ChannelId>).transpose().map_err(|e| ApiError::invalid("channelId", e.to_string()))
}

pub async fn plan(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(message): Body<Message>,
) -> ApiResult<Of<Out>> {
    let words = words(message.content, message.kind.as_deref())?;
    let preferred = channel_id(message.channel_id.as_deref())?;
    let looked = outreach::look(&api, &tenant, id.parse::<ContactId>()?, &words, None).await?;
    ok(Out::from(looked.plan(&api, &words, preferred)))
}
