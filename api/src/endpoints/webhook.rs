//! `GET/POST /webhooks/{channel}`: what providers call. Verify on the raw bytes, decode, make durable, answer.

use crate::{
    aliases,
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::{
    body::Bytes,
    extract::{OriginalUri, Path, Query, State},
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE, uri::PathAndQuery},
    response::IntoResponse,
};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent, Handshake, WebhookRejection, WebhookRequest},
    ids::ChannelId,
    ports::{ChannelDriver, StoreError},
    standing::{AccountNotice, Gravity, Standing},
};
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

/// What a provider calls with, apart from the body.
pub(super) struct Call {
    /// As the outside sees it: what stands before this server keeps its address, and some providers sign that.
    url: String,
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
}

impl Call {
    pub(super) fn new(api: &Api, uri: &Uri, query: BTreeMap<String, String>, headers: &HeaderMap) -> Self {
        let path = uri.path_and_query().map_or("", PathAndQuery::as_str);
        let url = format!("{}{path}", api.options.public_url.trim_end_matches('/'));
        Self { url, headers: lower_case(headers), query }
    }

    pub(super) fn request<'a>(&'a self, body: &'a [u8]) -> WebhookRequest<'a> {
        WebhookRequest { url: &self.url, headers: &self.headers, query: &self.query, body }
    }
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
    OriginalUri(uri): OriginalUri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> ApiResult {
    let (account, driver) = find(&api, &channel).await?;
    match driver.handshake(&account, &Call::new(&api, &uri, query, &headers).request(&[])) {
        Handshake::Challenge(text) => Ok(text.into_response()),
        Handshake::Forbidden => Err(ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", "wrong verify token")),
        Handshake::Unsupported => Err(ApiError::not_found("handshake")),
    }
}

/// A delivery. 200 means: durable.
pub async fn receive(
    State(api): State<Arc<Api>>,
    Path(channel): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let (account, driver) = find(&api, &channel).await?;
    match driver.receive(&account, &Call::new(&api, &uri, query, &headers).request(&body)) {
        Ok(events) => take(&api, &account, driver.as_ref(), events).await,
        Err(rejection) => Err(rejected(&api, Some(&account), &rejection)),
    }
}

/// Makes what was delivered to the account durable, and answers as its provider reads it.
pub(super) async fn take(
    api: &Api,
    account: &ChannelAccount,
    driver: &dyn ChannelDriver,
    events: Vec<ChannelEvent>,
) -> ApiResult {
    let events = heed(api, account, driver, events).await.map_err(|e| not_kept(account, e))?;
    let kept = api.node.accept(account, events).await.map_err(|e| not_kept(account, e))?;
    api.counters.webhooks_ignored.fetch_add(kept.ignored as u64, Ordering::Relaxed);
    api.counters.webhooks_accepted.fetch_add(1, Ordering::Relaxed);
    let (kind, body) = driver.acknowledgement();
    Ok((StatusCode::OK, [(CONTENT_TYPE, kind)], body).into_response())
}

/// What is told of message templates, of the account itself and of people's addresses is written down; the rest is given back.
async fn heed(
    api: &Api,
    account: &ChannelAccount,
    driver: &dyn ChannelDriver,
    events: Vec<ChannelEvent>,
) -> Result<Vec<ChannelEvent>, StoreError> {
    let rows = api.store.tenant(account.tenant);
    let mut others = Vec::with_capacity(events.len());
    for event in events {
        match event {
            ChannelEvent::Template(update) => rows.template_told(update).await?,
            ChannelEvent::Account(notice) => {
                let lifted = notice.gravity == Gravity::Lifted;
                told(account, &notice);
                rows.channel_stands(account.id, Standing::Told(notice)).await?;
                if lifted {
                    // What waited is due again.
                    api.node.channel_changed(account.id);
                }
            }
            ChannelEvent::Moved(change) => {
                let moved = rows.move_address(account.id, &change).await?;
                for conversation in moved.into_iter().flat_map(|m| m.conversations) {
                    api.node.renew(account.tenant, conversation);
                }
            }
            ChannelEvent::Tied(tie) => aliases::tied(api, account, tie).await?,
            ChannelEvent::Message(mut inbound) => {
                inbound.peer.address = aliases::known_at(api, account, driver, inbound.peer.address).await?;
                others.push(ChannelEvent::Message(inbound));
            }
            other => others.push(other),
        }
    }
    Ok(others)
}

fn told(account: &ChannelAccount, notice: &AccountNotice) {
    let (tenant, channel, what) = (account.tenant, account.id, &notice.what);
    match notice.gravity {
        Gravity::Stop => {
            tracing::error!(tenant.id = %tenant, channel.id = %channel, notice.kind = what, "the provider stops the channel");
        }
        Gravity::Warning => {
            tracing::warn!(tenant.id = %tenant, channel.id = %channel, notice.kind = what, "the provider warns of the channel");
        }
        Gravity::Good | Gravity::Lifted => {
            tracing::info!(tenant.id = %tenant, channel.id = %channel, notice.kind = what, "the provider clears the channel");
        }
    }
}

pub(super) fn rejected(api: &Api, account: Option<&ChannelAccount>, rejection: &WebhookRejection) -> ApiError {
    api.counters.webhooks_rejected.fetch_add(1, Ordering::Relaxed);
    match account {
        Some(a) => {
            tracing::warn!(tenant.id = %a.tenant, channel.id = %a.id, error = %rejection, "webhook rejected");
            api.turned_away.one_more(api, a, rejection);
        }
        None => tracing::warn!(error = %rejection, "webhook of no account rejected"),
    }
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
