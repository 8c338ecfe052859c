//! `GET /dashboard/tenant/config`, `PUT /dashboard/tenant/config/{twilio,vapi,n8n}`: other systems of a tenant. Secrets are
//! never shown again.

use super::{channels, chat::WEBCHAT, webhook_endpoints};
use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    error::{ApiError, ApiResult, Detail, ok},
    state::Api,
    telling::envelope::PREFIX,
};
use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::{channel::Secret, ids::WebhookEndpointId, ports::StoreError, webhook::EVERY_EVENT};
use colloquy_store::{Integration, IntegrationKind, PageRequest, WebhookEndpoint};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};

/// What is shown for a secret; sent back, it leaves the real one alone.
const MASK: &str = "***";
/// The setting of n8n's row that names its endpoint: address and secret lie there alone.
const ENDPOINT: &str = "webhook_endpoint";
const MOST_NUMBERS: usize = 100;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Twilio {
    account_sid: String,
    auth_token: String,
    #[serde(default)]
    phone_numbers: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vapi {
    api_key: String,
    webhook_secret: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct N8n {
    webhook_url: String,
    signature_secret: String,
}

/// One word of visible characters.
fn word(wrong: &mut Vec<Detail>, field: &str, text: &str, least: usize) {
    let fits = text == MASK || ((least..=500).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic()));
    if !fits {
        wrong.push(Detail::new(field, format!("must be one word of {least} to 500 characters")));
    }
}

fn fine(wrong: Vec<Detail>) -> ApiResult<()> {
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::validation(wrong)) }
}

/// Places a secret, unless it is the mask of the one that is there.
fn place(into: &mut Integration, field: &str, name: &str, value: String) -> ApiResult<()> {
    if value != MASK {
        into.secrets.insert(name.to_owned(), Secret::new(value));
        return Ok(());
    }
    if into.secrets.contains_key(name) { Ok(()) } else { Err(ApiError::invalid(field, "is needed: none is set")) }
}

async fn kept(tenant: &Tenant, kind: IntegrationKind) -> ApiResult<Integration> {
    Ok(tenant.store.integration(kind).await?.unwrap_or_default())
}

async fn keep(api: &Api, tenant: &Tenant, kind: IntegrationKind, to: &Integration) -> ApiResult<Of<Out>> {
    tenant.store.set_integration(kind, to).await?;
    tenant.note("integration.set", kind.name(), "").await?;
    ok(config(api, tenant).await?)
}

pub async fn set_twilio(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<Twilio>) -> ApiResult<Of<Out>> {
    let mut wrong = Vec::new();
    let hex =
        new.account_sid.strip_prefix("AC").is_some_and(|s| s.len() == 32 && s.chars().all(|c| c.is_ascii_hexdigit()));
    if !hex {
        wrong.push(Detail::new("accountSid", "must be AC and 32 hexadecimal digits"));
    }
    word(&mut wrong, "authToken", &new.auth_token, 16);
    let mut numbers = Vec::new();
    for (n, text) in new.phone_numbers.iter().enumerate() {
        match super::contacts::phone(&format!("phoneNumbers[{n}]"), text) {
            Ok(number) if numbers.contains(&number) => {}
            Ok(number) => numbers.push(number),
            Err(e) => wrong.extend(e.details),
        }
    }
    if numbers.len() > MOST_NUMBERS {
        wrong.push(Detail::new("phoneNumbers", format!("must be at most {MOST_NUMBERS}")));
    }
    fine(wrong)?;
    let mut to = kept(&tenant, IntegrationKind::Twilio).await?;
    to.settings.insert("account_sid".to_owned(), new.account_sid);
    to.settings.insert("phone_numbers".to_owned(), numbers.join(","));
    place(&mut to, "authToken", "auth_token", new.auth_token)?;
    keep(&api, &tenant, IntegrationKind::Twilio, &to).await
}

pub async fn set_vapi(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<Vapi>) -> ApiResult<Of<Out>> {
    let mut wrong = Vec::new();
    word(&mut wrong, "apiKey", &new.api_key, 8);
    word(&mut wrong, "webhookSecret", &new.webhook_secret, 8);
    fine(wrong)?;
    let mut to = kept(&tenant, IntegrationKind::Vapi).await?;
    place(&mut to, "apiKey", "api_key", new.api_key)?;
    place(&mut to, "webhookSecret", "webhook_secret", new.webhook_secret)?;
    keep(&api, &tenant, IntegrationKind::Vapi, &to).await
}

/// n8n is told of everything, as any other endpoint is; its secret is the key of `signature` in what it gets.
pub async fn set_n8n(State(api): State<Arc<Api>>, tenant: Tenant, Body(new): Body<N8n>) -> ApiResult<Of<Out>> {
    let mut wrong = Vec::new();
    if let Err(e) = webhook_endpoints::check(&new.webhook_url, &[EVERY_EVENT.to_owned()]) {
        wrong.extend(e.details.into_iter().map(|d| Detail::new("webhookUrl", d.message)));
    }
    word(&mut wrong, "signatureSecret", &new.signature_secret, 8);
    fine(wrong)?;
    let secret = new.signature_secret;
    let signing = (secret != MASK).then(|| Secret::new(format!("{PREFIX}{}", STANDARD.encode(&secret))));
    let endpoint = match (n8n(&tenant).await?, signing) {
        (Some(mut endpoint), signing) => {
            endpoint.url = new.webhook_url;
            endpoint.enabled = true;
            let endpoint = tenant.store.update_webhook_endpoint(&endpoint).await?;
            match signing {
                Some(secret) => tenant.store.rotate_webhook_secret(endpoint.id, secret, Duration::ZERO).await?,
                None => endpoint,
            }
        }
        (None, Some(secret)) => {
            let events = [EVERY_EVENT.to_owned()];
            tenant.store.create_webhook_endpoint(&new.webhook_url, &events, true, secret).await?
        }
        (None, None) => return Err(ApiError::invalid("signatureSecret", "is needed: none is set")),
    };
    let mut to = Integration::default();
    to.settings.insert(ENDPOINT.to_owned(), endpoint.id.to_string());
    keep(&api, &tenant, IntegrationKind::N8n, &to).await
}

/// n8n's endpoint, if it is set up and nobody deleted it.
async fn n8n(tenant: &Tenant) -> ApiResult<Option<WebhookEndpoint>> {
    let row = tenant.store.integration(IntegrationKind::N8n).await?;
    let id = row.and_then(|i| i.settings.get(ENDPOINT)?.parse::<WebhookEndpointId>().ok());
    let Some(id) = id else { return Ok(None) };
    match tenant.store.webhook_endpoint(id).await {
        Err(StoreError::NotFound(_)) => Ok(None),
        found => Ok(Some(found?)),
    }
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant) -> ApiResult<Of<Out>> {
    ok(config(&api, &tenant).await?)
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    tenant_id: String,
    twilio: TwilioOut,
    vapi: VapiOut,
    n8n: N8nOut,
    /// What other systems are to call.
    webhook_urls: Vec<Called>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TwilioOut {
    account_sid: Option<String>,
    auth_token: Option<&'static str>,
    phone_numbers: Vec<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VapiOut {
    api_key: Option<&'static str>,
    webhook_secret: Option<&'static str>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct N8nOut {
    webhook_url: Option<String>,
    signature_secret: Option<&'static str>,
    enabled: bool,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Called {
    channel_id: String,
    kind: String,
    name: String,
    url: String,
}

async fn config(api: &Api, tenant: &Tenant) -> ApiResult<Out> {
    let masked = |i: &Integration, name: &str| i.secrets.contains_key(name).then_some(MASK);
    let twilio = kept(tenant, IntegrationKind::Twilio).await?;
    let vapi = kept(tenant, IntegrationKind::Vapi).await?;
    let n8n = n8n(tenant).await?;
    let numbers = twilio.settings.get("phone_numbers").map(String::as_str).unwrap_or_default();
    let channels = tenant.store.channels(PageRequest::new(1, PageRequest::MOST)).await?.items;
    let urls = channels.into_iter().map(|c| c.account).filter(|a| a.kind != WEBCHAT).map(|a| Called {
        channel_id: a.id.to_string(),
        kind: a.kind.to_string(),
        url: channels::webhook_url(api, &a),
        name: a.name,
    });
    Ok(Out {
        tenant_id: tenant.id.to_string(),
        twilio: TwilioOut {
            account_sid: twilio.settings.get("account_sid").cloned(),
            auth_token: masked(&twilio, "auth_token"),
            phone_numbers: numbers.split(',').filter(|n| !n.is_empty()).map(str::to_owned).collect(),
        },
        vapi: VapiOut { api_key: masked(&vapi, "api_key"), webhook_secret: masked(&vapi, "webhook_secret") },
        n8n: N8nOut {
            signature_secret: n8n.as_ref().map(|_| MASK),
            enabled: n8n.as_ref().is_some_and(|e| e.enabled),
            webhook_url: n8n.map(|e| e.url),
        },
        webhook_urls: urls.collect(),
    })
}
