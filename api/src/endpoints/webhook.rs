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
    ports::{Announcer, ChannelDriver, NewEntry, Notice},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

type Found = (Arc<ChannelAccount>, Arc<dyn ChannelDriver>);

async fn find(api: &Api, channel: &str) -> ApiResult<Found> {
    let id: ChannelId = channel.parse().map_err(|_| ApiError::not_found("channel"))?;
    let account = api.channels.account(id).await?.filter(|a| a.enabled);
    let account = account.ok_or_else(|| ApiError::not_found("channel"))?;
    let driver = api.channels.driver(&account.kind).ok_or_else(|| ApiError::not_found("channel"))?;
    Ok((account, driver))
}

fn lower_case(headers: &HeaderMap) -> BTreeMap<String, String> {
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
    keep(&api, &account, events).await?;
    api.counters.webhooks_accepted.fetch_add(1, Ordering::Relaxed);
    Ok(accepted())
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

/// Messages go to the log, statuses to the outbox; both are durable when this returns.
async fn keep(api: &Api, account: &ChannelAccount, events: Vec<ChannelEvent>) -> ApiResult<()> {
    let (tenant, channel) = (account.tenant, account.id);
    let received_at = api.clock.now();
    let (mut entries, mut statuses) = (Vec::new(), Vec::new());
    for event in events {
        match event {
            ChannelEvent::Message(inbound) => entries.push(NewEntry { tenant, channel, received_at, inbound }),
            ChannelEvent::Status(update) => statuses.push(update),
            ChannelEvent::Ignored { kind } => {
                api.counters.webhooks_ignored.fetch_add(1, Ordering::Relaxed);
                tracing::debug!(tenant.id = %tenant, channel.id = %channel, event.kind = kind, "ignored");
            }
        }
    }
    if !entries.is_empty() {
        api.log.append(entries).await?;
    }
    if !statuses.is_empty() {
        for (conversation, message, status) in api.outbox.advance(tenant, channel, statuses).await? {
            api.hub.announce(Notice::Delivery { tenant, conversation, message, status });
        }
    }
    Ok(())
}
