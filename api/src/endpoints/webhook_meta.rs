//! `GET/POST /api/webhook`: one address for all accounts of Meta's apps. Which account is meant stands in the payload; whose
//! secret signed it decides.

use super::webhook::{self, Call};
use crate::{
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::{
    body::Bytes,
    extract::{OriginalUri, Query, State},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent, Handshake, WebhookRejection},
    ports::ChannelDriver,
};
use std::{collections::BTreeMap, sync::Arc};

/// Accounts whose secret is tried for a payload that names none that is known.
const TRIED: usize = 32;

type Account = (Arc<ChannelAccount>, Arc<dyn ChannelDriver>);

/// All enabled accounts whose payloads name them.
async fn accounts(api: &Api) -> ApiResult<Vec<Account>> {
    let enabled = api.channels.enabled().await?.into_iter();
    Ok(enabled.filter_map(|a| Some((Arc::clone(&a), api.channels.driver(&a.kind)?))).collect())
}

/// The provider's handshake: any account's word opens it.
pub async fn verify(
    State(api): State<Arc<Api>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> ApiResult {
    let call = Call::new(&api, &uri, query, &headers);
    for (account, driver) in accounts(&api).await? {
        if let Handshake::Challenge(text) = driver.handshake(&account, &call.request(&[])) {
            return Ok(text.into_response());
        }
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "FORBIDDEN", "wrong verify token"))
}

/// A delivery. 200 means: durable, for every account that it is for.
pub async fn receive(
    State(api): State<Arc<Api>>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> ApiResult {
    let call = Call::new(&api, &uri, query, &headers);
    let all = accounts(&api).await?;
    let (named, others): (Vec<Account>, Vec<Account>) =
        all.into_iter().partition(|(a, d)| is_named(d.as_ref(), a, &body));
    let mut rejection = WebhookRejection::Unauthenticated;
    let mut taken = None;
    for (account, driver) in &named {
        match driver.receive(account, &call.request(&body)) {
            // One number can be connected twice: each account that the payload is for gets it.
            Ok(events) => taken = Some(webhook::take(&api, account, driver.as_ref(), events).await?),
            Err(WebhookRejection::Malformed(why)) => rejection = WebhookRejection::Malformed(why),
            Err(_) => {}
        }
    }
    if let Some(answer) = taken {
        return Ok(answer);
    }
    // A payload of accounts that are not connected here, or of none (a dashboard's test): it must be signed all the same.
    for (account, driver) in others.iter().filter(|(_, d)| d.reply_window().is_some()).take(TRIED) {
        let told = match driver.receive(account, &call.request(&body)) {
            Ok(events) if events.iter().all(of_no_number) => events.into_iter().filter(of_the_business).collect(),
            Err(WebhookRejection::Malformed(why)) => {
                rejection = WebhookRejection::Malformed(why);
                continue;
            }
            Ok(_) | Err(_) => continue,
        };
        let last = Vec::is_empty(&told);
        taken = Some(webhook::take(&api, account, driver.as_ref(), told).await?);
        if last {
            break;
        }
    }
    taken.ok_or_else(|| webhook::rejected(&api, None, &rejection))
}

/// Of something that is nobody's here, or of templates or the business account: those belong to what has the numbers, and
/// whoever keeps one knows it by its own id.
fn of_no_number(event: &ChannelEvent) -> bool {
    matches!(event, ChannelEvent::Ignored { .. }) || of_the_business(event)
}

fn of_the_business(event: &ChannelEvent) -> bool {
    matches!(event, ChannelEvent::Template(_) | ChannelEvent::Account(_))
}

fn is_named(driver: &dyn ChannelDriver, account: &ChannelAccount, body: &[u8]) -> bool {
    let Some(own) = driver.own_id(account).filter(|id| id.len() > 3) else { return false };
    driver.reply_window().is_some() && body.windows(own.len()).any(|w| w == own.as_bytes())
}
