//! `GET/POST /api/channels`, `GET/PUT/PATCH/DELETE /api/channels/{id}`, `POST /api/channels/{id}/test`.

use super::{agents, chat::WEBCHAT, knowledge_bases::valid_name};
use crate::{
    answer::{Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelKind, Secret},
    ids::{AgentId, ChannelId},
    ports::ChannelDriver,
};
use colloquy_store::{Channel, PageRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};

/// The fields of a channel; what is absent stays as it is.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Fields {
    /// Cannot change.
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    /// Id or name; the tenant's first agent if a new channel names none.
    pub(super) agent: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) enabled: Option<bool>,
    /// Settings and secrets alike, as the kind names them; `null` removes one.
    pub(super) settings: BTreeMap<String, Option<String>>,
    /// The same as `settings`, for callers that keep secrets apart.
    pub(super) secrets: BTreeMap<String, Option<String>>,
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    kind: String,
    name: String,
    agent: String,
    external_id: Option<String>,
    enabled: bool,
    settings: BTreeMap<String, String>,
    /// Which secrets are set; never their values.
    secrets: BTreeMap<String, &'static str>,
    /// What the provider is to call; `None` where it calls nothing.
    webhook_url: Option<String>,
    /// After a change: whether the provider was told the address (otherwise it is entered on the provider's pages).
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_registered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_error: Option<String>,
    created_at: String,
    updated_at: String,
}

/// Registers the webhook where the provider's API allows it; what went wrong is shown, the channel is saved all the same.
async fn saved(api: &Api, driver: &dyn ChannelDriver, channel: Channel) -> ApiResult<Out> {
    api.node.channel_changed(channel.account.id);
    let registered = if channel.account.enabled {
        driver.register_webhook(&channel.account, &webhook_url(api, &channel.account)).await
    } else {
        Ok(false)
    };
    let mut out = show_one(api, channel);
    match registered {
        Ok(done) => out.webhook_registered = Some(done),
        Err(failure) => out.webhook_error = Some(failure.to_string()),
    }
    Ok(out)
}

/// What the account's provider is to call.
pub(super) fn webhook_url(api: &Api, account: &ChannelAccount) -> String {
    let kind = match account.setting("provider").filter(|_| account.kind.as_str() == "voice") {
        Some("twilio") => "twilio-voice/",
        Some(_) => "vapi/",
        None => "",
    };
    format!("{}/webhooks/{kind}{}", api.options.public_url, account.id)
}

fn show_one(api: &Api, channel: Channel) -> Out {
    let a = channel.account;
    let webhook_url = (a.kind != WEBCHAT).then(|| webhook_url(api, &a));
    Out {
        id: a.id.to_string(),
        kind: a.kind.to_string(),
        name: a.name,
        agent: a.agent.to_string(),
        external_id: a.external_id,
        enabled: a.enabled,
        settings: a.settings,
        secrets: a.secrets.into_keys().map(|k| (k, "***")).collect(),
        webhook_url,
        webhook_registered: None,
        webhook_error: None,
        created_at: rfc3339(channel.created_at),
        updated_at: rfc3339(channel.updated_at),
    }
}

pub async fn list(State(api): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("channels", tenant.store.channels(at.into()).await?, |c| show_one(&api, c))
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(show_one(&api, tenant.store.channel(id.parse::<ChannelId>()?).await?))
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Body(fields): Body<Fields>,
) -> ApiResult<Created<Out>> {
    created(make(&api, &tenant, fields).await?)
}

/// A new account.
pub(super) async fn make(api: &Api, tenant: &Tenant, fields: Fields) -> ApiResult<Out> {
    let kinds = api.catalogue.channel_kinds();
    let given = fields.kind.clone().unwrap_or_default();
    let Some(kind) = kinds.iter().find(|k| k.as_str() == given).cloned() else {
        let names = kinds.iter().map(ChannelKind::as_str).collect::<Vec<_>>().join(", ");
        return Err(ApiError::invalid("kind", format!("must be one of: {names}")));
    };
    let agent = match fields.agent.as_deref() {
        Some(named) => agents::find(&tenant.store, named).await?.id,
        None => first_agent(tenant).await?,
    };
    let fresh = ChannelAccount {
        tenant: tenant.id,
        id: ChannelId::new(api.ids.uuid()),
        name: kind.to_string(),
        kind,
        agent,
        external_id: None,
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        enabled: true,
    };
    let driver = driver(api, &fresh)?;
    let account = apply(tenant, driver.as_ref(), fresh, fields).await?;
    let channel = tenant.store.create_channel(account, driver.pull()).await?;
    saved(api, driver.as_ref(), channel).await
}

/// The web chat account of an agent that has none yet.
pub async fn create_webchat(api: &Api, tenant: &Tenant, agent: AgentId) -> ApiResult<ChannelAccount> {
    let account = ChannelAccount {
        tenant: tenant.id,
        id: ChannelId::new(api.ids.uuid()),
        kind: WEBCHAT,
        name: "Web chat".to_owned(),
        agent,
        // One for each agent, also when several nodes make it at the same time.
        external_id: Some(format!("agent-{agent}")),
        settings: BTreeMap::new(),
        secrets: BTreeMap::new(),
        enabled: true,
    };
    let pull = driver(api, &account)?.pull();
    let channel = tenant.store.create_channel(account, pull).await?;
    api.node.channel_changed(channel.account.id);
    Ok(channel.account)
}

pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(fields): Body<Fields>,
) -> ApiResult<Of<Out>> {
    let account = tenant.store.channel(id.parse::<ChannelId>()?).await?.account;
    ok(change(&api, &tenant, account, fields).await?)
}

/// What is absent stays.
pub(super) async fn change(api: &Api, tenant: &Tenant, account: ChannelAccount, fields: Fields) -> ApiResult<Out> {
    if fields.kind.as_deref().is_some_and(|k| k != account.kind.as_str()) {
        return Err(ApiError::invalid("kind", "cannot change: add another channel"));
    }
    let driver = driver(api, &account)?;
    let account = apply(tenant, driver.as_ref(), account, fields).await?;
    let channel = tenant.store.update_channel(account).await?;
    saved(api, driver.as_ref(), channel).await
}

pub async fn remove(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let id = id.parse::<ChannelId>()?;
    tenant.store.delete_channel(id).await?;
    api.node.channel_changed(id);
    ok(Deleted::of(id))
}

/// A live check of the credentials.
pub async fn test(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let account = tenant.store.channel(id.parse::<ChannelId>()?).await?.account;
    let driver = driver(&api, &account)?;
    let checked = driver.check(&account).await;
    ok(match checked {
        Ok(name) => {
            // That it cannot be told is no failure of the test.
            let expires = driver.token_expires(&account).await.ok().flatten();
            tenant.store.channel_checked(account.id, expires).await?;
            json!({ "connected": true, "account": name, "token_expires_at": expires.map(rfc3339) })
        }
        Err(failure) => json!({ "connected": false, "code": failure.code, "message": failure.detail }),
    })
}

fn driver(api: &Api, account: &ChannelAccount) -> ApiResult<Arc<dyn ChannelDriver>> {
    api.channels.driver(&account.kind).ok_or_else(|| ApiError::invalid("kind", "is not part of this installation"))
}

async fn first_agent(tenant: &Tenant) -> ApiResult<AgentId> {
    let agents = tenant.store.agents(PageRequest::new(1, 1)).await?;
    let first = agents.items.into_iter().next();
    Ok(first.ok_or_else(|| ApiError::invalid("agent", "there is no agent yet: make one first"))?.profile.id)
}

/// Writes the fields into the account; all that is wrong is told at once.
async fn apply(
    tenant: &Tenant,
    driver: &dyn ChannelDriver,
    mut account: ChannelAccount,
    fields: Fields,
) -> ApiResult<ChannelAccount> {
    let mut wrong = Vec::new();
    if let Some(name) = fields.name {
        match valid_name("name", &name) {
            Ok(name) => name.clone_into(&mut account.name),
            Err(e) => wrong.extend(e.details),
        }
    }
    if let Some(named) = fields.agent {
        account.agent = agents::find(&tenant.store, &named).await?.id;
    }
    if let Some(external) = fields.external_id {
        account.external_id = Some(external.trim().to_owned()).filter(|e| !e.is_empty());
    }
    account.enabled = fields.enabled.unwrap_or(account.enabled);
    for (name, value) in fields.settings.into_iter().chain(fields.secrets) {
        place(driver, &mut account, name, value, &mut wrong);
    }
    for field in driver.fields().iter().filter(|f| f.required) {
        if account.setting(field.name).or(account.secret(field.name)).is_none_or(str::is_empty) {
            wrong.push(Detail::new(format!("settings.{}", field.name), format!("is needed: {}", field.help)));
        }
    }
    if wrong.is_empty()
        && let Some((name, why)) = driver.mistake(&account)
    {
        wrong.push(Detail::new(format!("settings.{name}"), why));
    }
    if wrong.is_empty() { Ok(account) } else { Err(ApiError::validation(wrong)) }
}

fn place(
    driver: &dyn ChannelDriver,
    account: &mut ChannelAccount,
    name: String,
    value: Option<String>,
    wrong: &mut Vec<Detail>,
) {
    let Some(field) = driver.fields().iter().find(|f| f.name == name) else {
        let known = driver.fields().iter().map(|f| f.name).collect::<Vec<_>>().join(", ");
        wrong.push(Detail::new(format!("settings.{name}"), format!("is unknown; there are: {known}")));
        return;
    };
    match (value, field.secret) {
        // What is shown for a secret is no secret: sent back, it leaves the real one alone.
        (Some(value), true) if value == "***" => {}
        (Some(value), true) => _ = account.secrets.insert(name, Secret::new(value)),
        (Some(value), false) => _ = account.settings.insert(name, value),
        (None, true) => _ = account.secrets.remove(&name),
        (None, false) => _ = account.settings.remove(&name),
    }
}
