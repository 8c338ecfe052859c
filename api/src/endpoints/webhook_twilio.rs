//! `POST /webhooks/twilio/{tenant}`: one address for all numbers that a tenant has at Twilio.

use super::webhook::{self, Call};
use crate::{
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::{
    body::Bytes,
    extract::{OriginalUri, Path, Query, State},
    http::HeaderMap,
};
use colloquy_domain::{channel::ChannelAccount, ports::ChannelDriver};
use colloquy_store::PageRequest;
use std::{collections::BTreeMap, sync::Arc};
use url::form_urlencoded;

/// What Twilio's channels are called.
const KINDS: &str = "twilio_";

/// A message or a status. Which number it is for stands in the form (its own number is the receiver of what comes in, and
/// the sender of what a status is about); that number's token decides whether it is believed.
pub async fn receive(
    State(api): State<Arc<Api>>,
    Path(slug): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let tenant = api.store.installation().tenant_by_slug(&slug).await?.filter(|t| t.suspended_at.is_none());
    let tenant = tenant.ok_or_else(|| ApiError::not_found("tenant"))?;
    let rows = api.store.tenant(tenant.id);
    let accounts = rows.channels(PageRequest::new(1, PageRequest::MOST)).await?.items.into_iter().map(|c| c.account);
    let accounts: Vec<ChannelAccount> = accounts.filter(|a| a.enabled && a.kind.as_str().starts_with(KINDS)).collect();
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let found = accounts.iter().find_map(|account| {
        let driver = api.channels.driver(&account.kind)?;
        is_for(driver.as_ref(), account, &form).then_some((account, driver))
    });
    // With one number there is nothing to choose.
    let only = match accounts.as_slice() {
        [only] => api.channels.driver(&only.kind).map(|driver| (only, driver)),
        _ => None,
    };
    let (account, driver) = found.or(only).ok_or_else(|| ApiError::not_found("channel"))?;
    let call = Call::new(&api, &uri, query, &headers);
    match driver.receive(account, &call.request(&body)) {
        Ok(events) => webhook::take(&api, account, driver.as_ref(), events).await,
        Err(rejection) => Err(webhook::rejected(&api, Some(account), &rejection)),
    }
}

fn is_for(driver: &dyn ChannelDriver, account: &ChannelAccount, form: &BTreeMap<String, String>) -> bool {
    let Some(own) = driver.own_id(account) else { return false };
    let on_whatsapp = account.kind.as_str().ends_with("whatsapp");
    ["To", "From", "MessagingServiceSid"].iter().filter_map(|name| form.get(*name)).any(|value| {
        let number = value.strip_prefix("whatsapp:");
        let same = number.unwrap_or(value) == own.strip_prefix("whatsapp:").unwrap_or(own);
        same && (number.is_some() == on_whatsapp || value.starts_with("MG"))
    })
}
