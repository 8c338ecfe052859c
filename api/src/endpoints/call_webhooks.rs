//! `POST /api/calls/{incoming,process,status}`, `POST /webhooks/twilio-voice/{channel}` and the line of a call beneath it, `POST
//! /webhooks/vapi/{tenant}`: what telephone providers call. Their signatures say who they are.

use super::webhook::lower_case;
use crate::{
    calls::{VOICE, driver, is_meant, open, receive},
    error::{ApiError, ApiResult},
    state::Api,
    websocket::{Opened, Upgrade},
};
use axum::{
    body::Bytes,
    extract::{OriginalUri, Path, Query, State},
    http::{HeaderMap, Uri},
};
use colloquy_domain::{call::CallRequest, channel::ChannelAccount, ids::ChannelId};
use colloquy_store::PageRequest;
use std::{collections::BTreeMap, sync::Arc};
use url::form_urlencoded;

type Words = BTreeMap<String, String>;

/// The address as the provider knows it.
fn called(api: &Api, uri: &Uri) -> String {
    let path = uri.path_and_query().map_or(uri.path(), |p| p.as_str());
    format!("{}{path}", api.options.public_url)
}

/// The path of `uri` as the provider must write it: behind a proxy, ours can be a part of it.
fn public_path(api: &Api, path: &str) -> String {
    let prefix = url::Url::parse(&api.options.public_url).map_or_else(|_| String::new(), |u| u.path().to_owned());
    format!("{}{path}", prefix.trim_end_matches('/'))
}

/// Finds the channel by the number that was dialled.
pub async fn dialled(
    State(api): State<Arc<Api>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<Words>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let number = |name: &str| form_urlencoded::parse(&body).find(|(k, _)| k == name).map(|(_, v)| v.into_owned());
    let mut found = None;
    for number in [number("To"), number("From")].into_iter().flatten() {
        if found.is_none() {
            found = api.store.installation().channel_by_external(&VOICE, &number).await?;
        }
    }
    let account = found.ok_or_else(|| ApiError::not_found("number"))?.account;
    let path = uri.path().rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/process"));
    let (url, headers, path) = (called(&api, &uri), lower_case(&headers), public_path(&api, &path));
    let now = api.clock.now();
    let request = CallRequest { url: &url, headers: &headers, query: &query, body: &body, now };
    receive(api, Arc::new(account), request, &path).await
}

/// Of one channel.
pub async fn twilio(
    State(api): State<Arc<Api>>,
    OriginalUri(uri): OriginalUri,
    Path(channel): Path<String>,
    Query(query): Query<Words>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let account = named(&api, &channel, "twilio").await?.ok_or_else(|| ApiError::not_found("channel"))?;
    let (url, headers, path) = (called(&api, &uri), lower_case(&headers), public_path(&api, uri.path()));
    let now = api.clock.now();
    let request = CallRequest { url: &url, headers: &headers, query: &query, body: &body, now };
    receive(api, account, request, &path).await
}

/// Opens a line of a call of one channel.
pub async fn line(
    State(api): State<Arc<Api>>,
    OriginalUri(uri): OriginalUri,
    Path(channel): Path<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> ApiResult<Opened> {
    let account = named(&api, &channel, "twilio").await?.ok_or_else(|| ApiError::not_found("channel"))?;
    let (url, headers, query) = (called(&api, &uri).replacen("http", "ws", 1), lower_case(&headers), Words::new());
    let now = api.clock.now();
    let request = CallRequest { url: &url, headers: &headers, query: &query, body: &[], now };
    open(api, account, request, upgrade).await
}

/// Of one tenant, by its slug, or of one channel, by its id.
pub async fn vapi(
    State(api): State<Arc<Api>>,
    OriginalUri(uri): OriginalUri,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let (url, headers, query) = (called(&api, &uri), lower_case(&headers), Words::new());
    let now = api.clock.now();
    let request = CallRequest { url: &url, headers: &headers, query: &query, body: &body, now };
    let account = match named(&api, &tenant, "vapi").await? {
        Some(account) => account,
        None => of_tenant(&api, &tenant, &request).await?,
    };
    receive(api, account, request, "").await
}

async fn named(api: &Api, channel: &str, provider: &str) -> ApiResult<Option<Arc<ChannelAccount>>> {
    let Ok(id) = channel.parse::<ChannelId>() else { return Ok(None) };
    let account = api.channels.account(id).await?;
    Ok(account.filter(|a| a.kind == VOICE && a.enabled && a.setting("provider") == Some(provider)))
}

/// The tenant's account that the request is meant for: the one whose secret it shows. If it shows none, the first one, which
/// refuses it.
async fn of_tenant(api: &Api, slug: &str, request: &CallRequest<'_>) -> ApiResult<Arc<ChannelAccount>> {
    let missing = || ApiError::not_found("channel");
    let tenant = api.store.installation().tenant_by_slug(slug).await?.ok_or_else(missing)?;
    let channels = api.store.tenant(tenant.id).channels(PageRequest::new(1, PageRequest::MOST)).await?;
    let accounts = channels.items.into_iter().map(|c| c.account);
    let mut theirs: Vec<ChannelAccount> =
        accounts.filter(|a| a.kind == VOICE && a.enabled && a.setting("provider") == Some("vapi")).collect();
    let mut meant = None;
    for (n, account) in theirs.iter().enumerate() {
        let driver = driver(api, account)?;
        let news = driver.calls(account).map(|provider| provider.receive(account, request));
        if meant.is_none() && news.is_some_and(|n| n.is_ok_and(|n| is_meant(account, &n))) {
            meant = Some(n);
        }
    }
    if theirs.is_empty() {
        return Err(missing());
    }
    Ok(Arc::new(theirs.swap_remove(meant.unwrap_or_default())))
}
