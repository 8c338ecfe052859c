//! `GET/POST /api/webhook-endpoints`, `GET/PUT/PATCH/DELETE /api/webhook-endpoints/{id}`,
//! `POST /api/webhook-endpoints/{id}/rotate-secret`. A secret is shown once, when it is made.

use crate::{
    answer::{Answer, Created, Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, Detail, created, ok},
    page::list as page,
    state::Api,
    telling::envelope::PREFIX,
    time::rfc3339,
};
use axum::extract::{Path, State};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::{
    channel::Secret,
    ids::WebhookEndpointId,
    webhook::{EVENTS, EVERY_EVENT},
};
use colloquy_store::WebhookEndpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use url::Url;

/// How long the old secret signs beside a new one.
const OVERLAP: Duration = Duration::from_secs(24 * 3_600);
/// Characters of an address.
const LONGEST_URL: usize = 2_000;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    url: String,
    events: Vec<String>,
    enabled: bool,
    secret: &'static str,
    /// In a row.
    failures: u32,
    /// It is left alone until then, because of them.
    rests_until: Option<String>,
    created_at: String,
    updated_at: String,
}

impl Out {
    fn of(e: WebhookEndpoint, api: &Api) -> Self {
        let rests_until = Some(e.rests_until).filter(|until| *until > api.clock.now());
        Self {
            id: e.id.to_string(),
            url: e.url,
            events: e.events,
            enabled: e.enabled,
            secret: "***",
            failures: e.failures,
            rests_until: rests_until.map(rfc3339),
            created_at: rfc3339(e.created_at),
            updated_at: rfc3339(e.updated_at),
        }
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct New {
    url: String,
    /// Kinds of events; all of them if it is absent.
    #[serde(default = "everything")]
    events: Vec<String>,
    #[serde(default = "yes")]
    enabled: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    url: Option<String>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
}

fn everything() -> Vec<String> {
    vec![EVERY_EVENT.to_owned()]
}

const fn yes() -> bool {
    true
}

/// All that is wrong at once.
pub(super) fn check(url: &str, events: &[String]) -> ApiResult<()> {
    let mut wrong = Vec::new();
    let called = Url::parse(url).is_ok_and(|u| {
        matches!(u.scheme(), "http" | "https") && u.has_host() && u.username().is_empty() && u.password().is_none()
    });
    if !called || url.len() > LONGEST_URL {
        wrong.push(Detail::new("url", "must be an http or https address without a password"));
    }
    if events.is_empty() {
        wrong.push(Detail::new("events", "at least one is needed"));
    }
    let unknown = events.iter().enumerate().filter(|(_, e)| *e != EVERY_EVENT && !EVENTS.contains(&e.as_str()));
    wrong.extend(unknown.map(|(n, _)| Detail::new(format!("events[{n}]"), "there is no such event")));
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::validation(wrong)) }
}

fn new_secret(api: &Api) -> ApiResult<Secret> {
    let bytes = (api.identity.entropy)().map_err(|error| {
        tracing::error!(%error, "the machine has no randomness to give");
        ApiError::internal()
    })?;
    Ok(Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes))))
}

/// The only answer that shows a secret.
#[derive(Serialize, JsonSchema)]
pub struct WithSecret {
    #[serde(flatten)]
    shown: Out,
    secret: String,
}

impl WithSecret {
    fn of(endpoint: WebhookEndpoint, api: &Api, secret: &Secret) -> Self {
        Self { shown: Out::of(endpoint, api), secret: secret.expose().to_owned() }
    }
}

async fn find(tenant: &Tenant, id: &str) -> ApiResult<WebhookEndpoint> {
    Ok(tenant.store.webhook_endpoint(id.parse::<WebhookEndpointId>()?).await?)
}

pub async fn list(State(api): State<Arc<Api>>, tenant: Tenant, at: PageOf) -> ApiResult<Listed<Out>> {
    page("webhook_endpoints", tenant.store.webhook_endpoints(at.into()).await?, |e| Out::of(e, &api))
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    ok(Out::of(find(&tenant, &id).await?, &api))
}

pub async fn create(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Body(new): Body<New>,
) -> ApiResult<Created<WithSecret>> {
    check(&new.url, &new.events)?;
    let secret = new_secret(&api)?;
    let made = tenant.store.create_webhook_endpoint(&new.url, &new.events, new.enabled, secret.clone()).await?;
    tenant.note("webhook_endpoint.created", made.id, &new.events.join(" ")).await?;
    created(WithSecret::of(made, &api, &secret)).map(Answer::not_kept)
}

/// All of it.
pub async fn replace(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(new): Body<New>,
) -> ApiResult<Of<Out>> {
    let endpoint =
        WebhookEndpoint { url: new.url, events: new.events, enabled: new.enabled, ..find(&tenant, &id).await? };
    set(&api, &tenant, endpoint).await
}

/// What is absent stays.
pub async fn update(
    State(api): State<Arc<Api>>,
    tenant: Tenant,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> ApiResult<Of<Out>> {
    let mut endpoint = find(&tenant, &id).await?;
    endpoint.url = change.url.unwrap_or(endpoint.url);
    endpoint.events = change.events.unwrap_or(endpoint.events);
    endpoint.enabled = change.enabled.unwrap_or(endpoint.enabled);
    set(&api, &tenant, endpoint).await
}

async fn set(api: &Api, tenant: &Tenant, endpoint: WebhookEndpoint) -> ApiResult<Of<Out>> {
    check(&endpoint.url, &endpoint.events)?;
    let changed = tenant.store.update_webhook_endpoint(&endpoint).await?;
    tenant.note("webhook_endpoint.changed", changed.id, &changed.events.join(" ")).await?;
    ok(Out::of(changed, api))
}

/// With its deliveries.
pub async fn remove(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    tenant.store.delete_webhook_endpoint(id.parse::<WebhookEndpointId>()?).await?;
    tenant.note("webhook_endpoint.deleted", &id, "").await?;
    ok(Deleted::of(id))
}

/// Another secret; both sign for a day, so that the other side can change it without missing anything.
pub async fn rotate(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<WithSecret>> {
    let secret = new_secret(&api)?;
    let id = id.parse::<WebhookEndpointId>()?;
    let rotated = tenant.store.rotate_webhook_secret(id, secret.clone(), OVERLAP).await?;
    tenant.note("webhook_endpoint.secret_rotated", rotated.id, "").await?;
    ok(WithSecret::of(rotated, &api, &secret)).map(Answer::not_kept)
}
