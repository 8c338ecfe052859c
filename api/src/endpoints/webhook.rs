//! `GET/POST /webhooks/{channel}`: what providers call. Verify on the raw bytes, decode, make durable, answer.

use crate::{
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::{
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent, Handshake, WebhookRejection, WebhookRequest},
    ids::ChannelId,
    ports::{ChannelDriver, StoreError},
};
use colloquy_store::Consent;
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// When it is worth trying again where somebody has to repair something first.
const BROKEN: Duration = Duration::from_secs(60);

type Found = (Arc<ChannelAccount>, Arc<dyn ChannelDriver>);

async fn find(api: &Api, channel: &str) -> ApiResult<Found> {
    let id: ChannelId = channel.parse().map_err(|_| ApiError::not_found("channel"))?;
    let account = api.channels.account(id).await?.filter(|a| a.enabled);
    let account = account.ok_or_else(|| ApiError::not_found("channel"))?;
    let driver = api.channels.driver(&account.kind).ok_or_else(|| ApiError::not_found("channel"))?;
    Ok((account, driver))
}

pub(super) fn lower_case(headers: &HeaderMap) -> BTreeMap<String, String> {
    let text = |(k, v): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
        Some((k.as_str().to_owned(), v.to_str().ok()?.to_owned()))
    };
    headers.iter().filter_map(text).collect()
}

/// The provider's handshake.
pub async fn verify(
    State(api): State<Arc<Api>>,
    Path(channel): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> ApiResult {
    let (account, driver) = find(&api, &channel).await?;
    let headers = lower_case(&headers);
    match driver.handshake(&account, &WebhookRequest { headers: &headers, query: &query, body: &[] }) {
        Handshake::Challenge(text) => Ok(text.into_response()),
        Handshake::Forbidden => Err(ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", "wrong verify token")),
        Handshake::Unsupported => Err(ApiError::not_found("handshake")),
    }
}

/// A delivery. 200 means: durable.
pub async fn receive(
    State(api): State<Arc<Api>>,
    Path(channel): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let (account, driver) = find(&api, &channel).await?;
    let headers = lower_case(&headers);
    let events = match driver.receive(&account, &WebhookRequest { headers: &headers, query: &query, body: &body }) {
        Ok(events) => events,
        Err(rejection) => return Err(rejected(&api, &account, &rejection)),
    };
    let events = heed(&api, &account, events).await.map_err(|e| not_kept(&account, e))?;
    let kept = api.node.accept(&account, events).await.map_err(|e| not_kept(&account, e))?;
    api.counters.webhooks_ignored.fetch_add(kept.ignored as u64, Ordering::Relaxed);
    api.counters.webhooks_accepted.fetch_add(1, Ordering::Relaxed);
    Ok(accepted())
}

/// What is told of message templates and of what people want is written down; the rest is given back.
async fn heed(api: &Api, account: &ChannelAccount, events: Vec<ChannelEvent>) -> Result<Vec<ChannelEvent>, StoreError> {
    let rows = api.store.tenant(account.tenant);
    let mut others = Vec::with_capacity(events.len());
    for event in events {
        match event {
            ChannelEvent::Template(update) => rows.template_told(update).await?,
            ChannelEvent::Preference(told) => {
                let consent = if told.wanted { Consent::Granted } else { Consent::Withdrawn };
                rows.consent_told(account.id, &told.address, consent, told.at).await?;
            }
            other => others.push(other),
        }
    }
    Ok(others)
}

fn accepted() -> Response {
    (StatusCode::OK, "{\"success\":true}").into_response()
}

fn rejected(api: &Api, account: &ChannelAccount, rejection: &WebhookRejection) -> ApiError {
    api.counters.webhooks_rejected.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(tenant.id = %account.tenant, channel.id = %account.id, error = %rejection, "webhook rejected");
    let message = rejection.to_string();
    match rejection {
        WebhookRejection::Unauthenticated => ApiError::unauthorized(&message),
        WebhookRejection::Malformed(_) => ApiError::new(StatusCode::BAD_REQUEST, "MALFORMED", message),
        WebhookRejection::NotSupported => ApiError::not_found("webhook"),
    }
}

/// What arrived could not be made durable, whatever stood against it: the provider is to deliver it again.
fn not_kept(account: &ChannelAccount, error: StoreError) -> ApiError {
    match error {
        StoreError::Unavailable(_) | StoreError::Full(_) => error.into(),
        broken => {
            tracing::error!(tenant.id = %account.tenant, channel.id = %account.id, error = %broken, "delivery not kept");
            ApiError::unavailable("LOG_BROKEN", "nothing can be accepted now, try again later", BROKEN)
        }
    }
}
