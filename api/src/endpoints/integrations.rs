//! `GET/PUT/DELETE /api/integrations/{google|stripe|avatar}`, `POST /api/integrations/{google|stripe|avatar}/test`. Secrets are entered and
//! never shown.

use crate::{
    answer::Of,
    auth::Tenant,
    body::Body,
    commerce::when,
    error::{ApiError, ApiResult, Detail, ok},
    state::Api,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    channel::Secret,
    commerce::settings::{Entered, Provider},
    video::AvatarProvider,
};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};
use url::Url;

/// Stands for a secret that stays as it is.
const MASK: &str = "***";
/// A service account's key has 1 700.
const LONGEST: usize = 8_000;

fn provider(name: &str) -> ApiResult<Provider> {
    Provider::named(name).ok_or_else(|| ApiError::not_found("integration"))
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Out {
    provider: &'static str,
    configured: bool,
    /// `***` for a secret that is there.
    settings: BTreeMap<&'static str, Option<String>>,
    /// Which the provider is to call, if it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_url: Option<String>,
}

async fn shown(api: &Api, tenant: &Tenant, provider: Provider, entered: Option<Entered>) -> ApiResult<Out> {
    let configured = entered.is_some();
    let entered = entered.unwrap_or_default();
    let mut settings = BTreeMap::new();
    for (name, secret, _) in provider.fields() {
        let value = if *secret {
            entered.secrets.contains_key(*name).then(|| MASK.to_owned())
        } else {
            entered.settings.get(*name).cloned()
        };
        settings.insert(*name, value);
    }
    let webhook_url = match provider {
        Provider::Stripe => {
            let slug = api.store.installation().tenant(tenant.id).await?.slug;
            Some(format!("{}/webhooks/stripe/{slug}", api.options.public_url))
        }
        Provider::Google | Provider::Avatar => None,
    };
    Ok(Out { provider: provider.name(), configured, settings, webhook_url })
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(name): Path<String>) -> ApiResult<Of<Out>> {
    let provider = provider(&name)?;
    let entered = tenant.store.commerce_settings(provider).await?;
    ok(shown(&api, &tenant, provider, entered).await?)
}

/// All settings; a secret that is absent or masked stays.
pub async fn replace(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(name): Path<String>,
    Body(given): Body<BTreeMap<String, Option<String>>>,
) -> ApiResult<Of<Out>> {
    let provider = provider(&name)?;
    let before = tenant.store.commerce_settings(provider).await?.unwrap_or_default();
    let entered = enter(provider, given, before)?;
    tenant.store.set_commerce_settings(provider, &entered).await?;
    tenant.note("integration.changed", provider.name(), "").await?;
    ok(shown(&api, &tenant, provider, Some(entered)).await?)
}

fn enter(provider: Provider, given: BTreeMap<String, Option<String>>, before: Entered) -> ApiResult<Entered> {
    let mut wrong = Vec::new();
    for name in given.keys().filter(|n| !provider.fields().iter().any(|(known, ..)| known == *n)) {
        wrong.push(Detail::new(name, "there is no such setting"));
    }
    let mut entered = Entered::default();
    for (name, secret, needed) in provider.fields() {
        let text = given.get(*name).cloned().flatten().map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        // `null` removes a secret.
        let kept = !given.get(*name).is_some_and(Option::is_none) && (text.is_none() || text.as_deref() == Some(MASK));
        if *secret {
            let value = if kept { before.secrets.get(*name).cloned() } else { text.map(Secret::new) };
            entered.secrets.extend(value.map(|v| ((*name).to_owned(), v)));
        } else {
            entered.settings.extend(text.map(|t| ((*name).to_owned(), t)));
        }
        if *needed && !entered.settings.contains_key(*name) && !entered.secrets.contains_key(*name) {
            wrong.push(Detail::new(*name, "is needed"));
        }
    }
    let given = entered.settings.iter().map(|(n, v)| (n, v.as_str()));
    let secrets = entered.secrets.iter().map(|(n, v)| (n, v.expose()));
    wrong.extend(given.chain(secrets).filter_map(|(name, text)| Some(Detail::new(name, trouble(name, text)?))));
    if wrong.is_empty() { Ok(entered) } else { Err(ApiError::validation(wrong)) }
}

/// What is wrong with a value.
fn trouble(name: &str, text: &str) -> Option<String> {
    let fits = match name {
        "baseUrl" => Url::parse(text).is_ok_and(|u| {
            matches!(u.scheme(), "http" | "https") && u.has_host() && u.username().is_empty() && u.password().is_none()
        }),
        "timeZone" => when::zone(text).is_ok(),
        "slotMinutes" => text.parse::<u32>().is_ok_and(|m| (5..=1_440).contains(&m)),
        "currency" => text.len() == 3 && text.chars().all(|c| c.is_ascii_lowercase()),
        "provider" => AvatarProvider::named(text).is_some(),
        "quality" => ["low", "medium", "high"].contains(&text),
        "language" => (2..=10).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphabetic() || c == '-'),
        "maxSessions" => text.parse::<u32>().is_ok_and(|n| (1..=100).contains(&n)),
        "maxMinutes" => text.parse::<u32>().is_ok_and(|n| (1..=120).contains(&n)),
        "idleMinutes" => text.parse::<u32>().is_ok_and(|n| (1..=60).contains(&n)),
        "privateKey" => text.contains("PRIVATE KEY-----") && text.len() <= LONGEST,
        _ => text.len() <= LONGEST && !text.chars().any(char::is_control),
    };
    let needs = match name {
        "baseUrl" => "must be an http or https address without a password",
        "timeZone" => "must be the name of a zone, such as Europe/Paris",
        "slotMinutes" => "must be a number of minutes from 5 to 1440",
        "currency" => "must be three lower-case letters, such as eur",
        "privateKey" => "must be a private key in PEM",
        "provider" => "must be heygen or liveavatar",
        "quality" => "must be low, medium or high",
        "language" => "must be a language, such as fr",
        "maxSessions" => "must be a number from 1 to 100",
        "maxMinutes" => "must be a number of minutes from 1 to 120",
        "idleMinutes" => "must be a number of minutes from 1 to 60",
        _ => "is too long, or has control characters",
    };
    (!fits).then(|| needs.to_owned())
}

#[derive(Serialize, JsonSchema)]
pub struct Removed {
    provider: &'static str,
    deleted: bool,
}

pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(name): Path<String>) -> ApiResult<Of<Removed>> {
    let provider = provider(&name)?;
    tenant.store.delete_commerce_settings(provider).await?;
    tenant.note("integration.deleted", provider.name(), "").await?;
    ok(Removed { provider: provider.name(), deleted: true })
}

/// What the provider said.
#[derive(Serialize, JsonSchema, Default)]
pub struct Tested {
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Asks the provider itself.
pub async fn test(State(api): State<Arc<Api>>, tenant: Tenant, Path(name): Path<String>) -> ApiResult<Of<Tested>> {
    let provider = provider(&name)?;
    let connections = tenant.store.connections().await?;
    ok(match api.commerce.services.test(&connections, provider).await {
        Ok(found) => Tested { ok: true, found: Some(found), ..Tested::default() },
        Err(f) => Tested { code: Some(f.code.to_string()), message: Some(f.detail), ..Tested::default() },
    })
}
