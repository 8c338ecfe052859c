//! `GET/PATCH /api/settings`: the tenant's WhatsApp account as one form, and how long things are kept. A view: the account is
//! the one that `/api/channels` shows, too.

use super::channels;
use crate::{
    answer::Of,
    auth::{self, Tenant},
    body::Body,
    error::{ApiError, ApiResult, Detail, ok},
    state::Api,
};
use axum::extract::State;
use colloquy_domain::{access::Action, channel::ChannelAccount};
use colloquy_store::{Channel, PageRequest, Retention};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use std::{collections::BTreeMap, sync::Arc};

const KIND: &str = "whatsapp";
/// A century.
const MOST_DAYS: u32 = 36_500;

/// What changes; what is absent stays, `null` removes.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Change {
    whatsapp_config: Option<WhatsAppConfig>,
    webhook_config: Option<WebhookConfig>,
    retention: Option<Days>,
}

type Given<T> = Option<Option<T>>;

#[derive(Deserialize, Default, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WhatsAppConfig {
    #[serde(deserialize_with = "given")]
    phone_number_id: Given<String>,
    #[serde(deserialize_with = "given")]
    access_token: Given<String>,
    #[serde(deserialize_with = "given")]
    business_account_id: Given<String>,
    /// With which webhooks are signed.
    #[serde(deserialize_with = "given")]
    app_secret: Given<String>,
}

#[derive(Deserialize, Default, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct WebhookConfig {
    #[serde(deserialize_with = "given")]
    verify_token: Given<String>,
    enabled: Option<bool>,
}

/// Days after which things are deleted; for ever where there is `null`.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Days {
    #[serde(deserialize_with = "given")]
    messages: Given<u32>,
    #[serde(deserialize_with = "given")]
    conversations: Given<u32>,
    #[serde(deserialize_with = "given")]
    events: Given<u32>,
    #[serde(deserialize_with = "given")]
    audit: Given<u32>,
    /// Planned messages and broadcasts, since they were over.
    #[serde(deserialize_with = "given")]
    outreach: Given<u32>,
    /// With their runs, since they were done.
    #[serde(deserialize_with = "given")]
    simulations: Given<u32>,
    /// What agents were configured as, since it was replaced; the present stays.
    #[serde(deserialize_with = "given")]
    agent_versions: Given<u32>,
}

/// Tells `null` from nothing.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Given<T>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// What the form calls a setting of the channel.
const NAMES: [(&str, &str); 5] = [
    ("settings.phone_number_id", "whatsappConfig.phoneNumberId"),
    ("settings.access_token", "whatsappConfig.accessToken"),
    ("settings.business_account_id", "whatsappConfig.businessAccountId"),
    ("settings.app_secret", "whatsappConfig.appSecret"),
    ("settings.verify_token", "webhookConfig.verifyToken"),
];

/// The tenant's WhatsApp account; the oldest, if there are several.
async fn account(tenant: &Tenant) -> ApiResult<Option<Channel>> {
    let mut request = PageRequest::new(1, PageRequest::MOST);
    loop {
        let page = tenant.store.channels(request).await?;
        let (seen, total) = (u64::from(page.page) * u64::from(page.limit), page.total);
        if let Some(found) = page.items.into_iter().find(|c| c.account.kind.as_str() == KIND) {
            return Ok(Some(found));
        }
        if seen >= total {
            return Ok(None);
        }
        request = PageRequest::new(page.page + 1, PageRequest::MOST);
    }
}

fn masked(account: Option<&ChannelAccount>, secret: &str) -> Option<&'static str> {
    account?.secret(secret).filter(|s| !s.is_empty()).map(|_| "***")
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    channel_id: Option<String>,
    whatsapp_config: WhatsAppOut,
    webhook_config: WebhookOut,
    retention: DaysOut,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WhatsAppOut {
    phone_number_id: Option<String>,
    access_token: Option<&'static str>,
    business_account_id: Option<String>,
    app_secret: Option<&'static str>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebhookOut {
    verify_token: Option<&'static str>,
    enabled: bool,
    url: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub struct DaysOut {
    messages: Option<u32>,
    conversations: Option<u32>,
    events: Option<u32>,
    audit: Option<u32>,
    outreach: Option<u32>,
    simulations: Option<u32>,
    #[serde(rename = "agentVersions")]
    agent_versions: Option<u32>,
}

async fn shown(api: &Api, tenant: &Tenant) -> ApiResult<Out> {
    let channel = account(tenant).await?;
    let account = channel.as_ref().map(|c| &c.account);
    let phone = account.and_then(|a| a.external_id.as_deref().or_else(|| a.setting("phone_number_id")));
    let days = tenant.store.retention().await?;
    Ok(Out {
        channel_id: account.map(|a| a.id.to_string()),
        whatsapp_config: WhatsAppOut {
            phone_number_id: phone.map(str::to_owned),
            access_token: masked(account, "access_token"),
            business_account_id: account.and_then(|a| a.setting("business_account_id")).map(str::to_owned),
            app_secret: masked(account, "app_secret"),
        },
        webhook_config: WebhookOut {
            verify_token: masked(account, "verify_token"),
            enabled: account.is_some_and(|a| a.enabled),
            url: account.map(|a| channels::webhook_url(api, a)),
        },
        retention: DaysOut {
            messages: days.messages,
            conversations: days.conversations,
            events: days.events,
            audit: days.audit,
            outreach: days.outreach,
            simulations: days.simulations,
            agent_versions: days.agent_versions,
        },
    })
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult<Of<Out>> {
    ok(shown(&api, &tenant).await?)
}

pub async fn update(State(api): State<Arc<Api>>, tenant: Tenant, Body(change): Body<Change>) -> ApiResult<Of<Out>> {
    if let Some(days) = change.retention {
        keep(&tenant, days).await?;
    }
    if change.whatsapp_config.is_some() || change.webhook_config.is_some() {
        let form = (change.whatsapp_config.unwrap_or_default(), change.webhook_config.unwrap_or_default());
        connect(&api, &tenant, form).await.map_err(renamed)?;
        tenant.note("settings.changed", KIND, "").await?;
    }
    ok(shown(&api, &tenant).await?)
}

/// Changes the account, or makes it.
async fn connect(api: &Api, tenant: &Tenant, form: (WhatsAppConfig, WebhookConfig)) -> ApiResult<()> {
    let (whatsapp, webhook) = form;
    let found = account(tenant).await?;
    let mut fields = channels::Fields { enabled: webhook.enabled, ..channels::Fields::default() };
    let texts = [
        ("access_token", whatsapp.access_token),
        ("business_account_id", whatsapp.business_account_id),
        ("app_secret", whatsapp.app_secret),
        ("verify_token", webhook.verify_token),
    ];
    fields.settings.extend(texts.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    // One webhook finds the account by it; where the account has it as a setting, it stays one.
    match whatsapp.phone_number_id {
        Some(id) if found.as_ref().is_some_and(|c| c.account.external_id.is_none()) => {
            fields.settings.insert("phone_number_id".to_owned(), id);
        }
        Some(id) => fields.external_id = Some(id.unwrap_or_default()),
        None => {}
    }
    match found {
        Some(channel) => _ = channels::change(api, tenant, channel.account, fields).await?,
        None => {
            fields.kind = Some(KIND.to_owned());
            _ = channels::make(api, tenant, fields).await?;
        }
    }
    Ok(())
}

/// In the form's words.
fn renamed(mut error: ApiError) -> ApiError {
    if error.details.is_empty() {
        return error;
    }
    for detail in &mut error.details {
        if let Some((_, name)) = NAMES.iter().find(|(ours, _)| *ours == detail.field) {
            (*name).clone_into(&mut detail.field);
        }
    }
    ApiError::validation(error.details)
}

/// Whoever shortens it has things deleted that nobody brings back.
async fn keep(tenant: &Tenant, days: Days) -> ApiResult<()> {
    if auth::allow(&tenant.who, Action::ManageTenant).is_err() {
        return Err(ApiError::forbidden("retention is changed by owners, or with a key of the scope tenant:write"));
    }
    let before = tenant.store.retention().await?;
    let all = [
        ("messages", days.messages, before.messages),
        ("conversations", days.conversations, before.conversations),
        ("events", days.events, before.events),
        ("audit", days.audit, before.audit),
        ("outreach", days.outreach, before.outreach),
        ("simulations", days.simulations, before.simulations),
        ("agentVersions", days.agent_versions, before.agent_versions),
    ];
    let wrong = all.iter().filter(|(_, given, _)| given.flatten().is_some_and(|d| !(1..=MOST_DAYS).contains(&d)));
    let wrong: Vec<Detail> = wrong
        .map(|(name, ..)| Detail::new(format!("retention.{name}"), format!("must be 1 to {MOST_DAYS} days, or null")))
        .collect();
    if !wrong.is_empty() {
        return Err(ApiError::validation(wrong));
    }
    let told = all.map(|(name, given, before)| (name, given.unwrap_or(before)));
    let [messages, conversations, events, audit, outreach, simulations, agent_versions] = told.map(|(_, days)| days);
    let after = Retention { messages, conversations, events, audit, outreach, simulations, agent_versions };
    tenant.store.set_retention(after).await?;
    let days = |d: Option<u32>| d.map_or("ever".to_owned(), |d| d.to_string());
    let told: BTreeMap<_, _> = told.into_iter().map(|(name, d)| (name, days(d))).collect();
    tenant.note("retention.changed", tenant.id, &format!("{told:?}")).await
}
