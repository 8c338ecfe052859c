//! `GET/POST /api/contacts/{id}/consents`, `POST …/consents/{consent}/withdraw`: what a person agreed to, where and when.

use crate::{
    answer::{Created, Of},
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, created, ok},
    state::Api,
    time::{instant, rfc3339},
};
use axum::extract::{Path, State};
use colloquy_domain::{
    channel::ChannelKind,
    ids::{ConsentId, ContactId},
    outreach::Purpose,
};
use colloquy_store::{Consent, ConsentRecord, NewConsent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const LONGEST_SOURCE: usize = 500;

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    id: String,
    /// The kind of channel that it is for; `null`: any.
    channel: Option<String>,
    /// `marketing` or `service`.
    purpose: &'static str,
    source: String,
    given_at: String,
    recorded_at: String,
    withdrawn_at: Option<String>,
    /// `opt_out` where the person said so on a channel.
    withdrawn_source: Option<String>,
}

impl From<ConsentRecord> for Out {
    fn from(c: ConsentRecord) -> Self {
        let (withdrawn_at, withdrawn_source) = c.withdrawn.unzip();
        Self {
            id: c.id.to_string(),
            channel: c.kind.map(|k| k.to_string()),
            purpose: c.purpose.name(),
            source: c.source,
            given_at: rfc3339(c.given_at),
            recorded_at: rfc3339(c.recorded_at),
            withdrawn_at: withdrawn_at.map(rfc3339),
            withdrawn_source,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct All {
    consents: Vec<Out>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct New {
    /// The kind of channel that it is for (`whatsapp`, `twilio_sms`, …); absent: any.
    channel: Option<String>,
    /// `marketing` or `service`.
    purpose: String,
    /// Where it was given, such as the address of a form.
    source: String,
    /// When; now if it is absent.
    given_at: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// How the person said so.
    source: String,
}

fn source(text: &str) -> ApiResult<String> {
    let text = text.trim();
    match text.chars().count() {
        1..=LONGEST_SOURCE => Ok(text.to_owned()),
        _ => Err(ApiError::invalid("source", format!("must have 1 to {LONGEST_SOURCE} characters"))),
    }
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<All>> {
    let contact = tenant.store.contact(id.parse::<ContactId>()?).await?;
    let consents = tenant.store.consents(contact.id).await?;
    ok(All { consents: consents.into_iter().map(Out::from).collect() })
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(new): Body<New>,
) -> ApiResult<Created<Out>> {
    let contact = tenant.store.contact(id.parse::<ContactId>()?).await?;
    let purpose = Purpose::named(&new.purpose);
    let purpose = purpose.ok_or_else(|| ApiError::invalid("purpose", "must be marketing or service"))?;
    let kind = new.channel.as_deref().map(ChannelKind::named);
    if kind.as_ref().is_some_and(|k| api.channels.driver(k).is_none()) {
        return Err(ApiError::invalid("channel", "there is no such kind of channel"));
    }
    let now = api.clock.now();
    let given_at = new.given_at.as_deref().map(|t| instant("givenAt", t)).transpose()?.unwrap_or(now);
    if given_at > now {
        return Err(ApiError::invalid("givenAt", "must not be in the future"));
    }
    // Whoever was left alone on their own word comes back only by a later one.
    let details = &contact.details;
    if details.consent == Consent::Withdrawn && details.consent_at.is_some_and(|at| given_at <= at) {
        return Err(ApiError::conflict("the person opted out after that"));
    }
    let source = source(&new.source)?;
    let made = tenant.store.add_consent(contact.id, NewConsent { kind, purpose, source, given_at }).await?;
    tenant.note("consent.recorded", contact.id, purpose.name()).await?;
    created(Out::from(made))
}

pub async fn withdraw(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Path((id, consent)): Path<(String, String)>,
    Body(how): Body<Withdrawal>,
) -> ApiResult<Of<Out>> {
    let (contact, consent) = (id.parse::<ContactId>()?, consent.parse::<ConsentId>()?);
    let ended = tenant.store.withdraw_consent(contact, consent, source(&how.source)?).await?;
    tenant.note("consent.withdrawn", contact, ended.purpose.name()).await?;
    ok(Out::from(ended))
}
