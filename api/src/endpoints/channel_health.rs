//! `GET /api/channels/{id}/health`, `POST /api/channels/{id}/resume`: how a channel stands with its provider.

use crate::{
    answer::Of,
    auth::Tenant,
    error::{ApiResult, ok},
    state::Api,
    time::rfc3339,
};
use axum::extract::{Path, State};
use colloquy_domain::{
    ids::ChannelId,
    standing::{AccountNotice, Gravity},
    time::Timestamp,
};
use colloquy_store::{ChannelHealth, Refused, Unreadable};
use schemars::JsonSchema;
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// A token that ends within this time is a warning.
const SOON: Duration = Duration::from_secs(7 * 24 * 3600);
/// Deliveries that were turned away are one as long.
const LATELY: Duration = Duration::from_secs(24 * 3600);

#[derive(Serialize, JsonSchema)]
pub struct Out {
    /// `ok`; `warning`: somebody should look; `refused`: the provider does not serve the account; `stopped`: nothing is sent
    /// until the provider or somebody of the team says that it goes on. The gravest counts.
    state: &'static str,
    refused: Option<RefusedOut>,
    /// Deliveries to the webhook that were turned away, since the channel is there.
    webhooks: Option<WebhooksOut>,
    /// The provider's last word: quality, restrictions, bans.
    notice: Option<NoticeOut>,
    stopped_at: Option<String>,
    /// As the provider said at the last test of the connection.
    token_expires_at: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct RefusedOut {
    since: String,
    code: String,
    message: String,
}

#[derive(Serialize, JsonSchema)]
struct WebhooksOut {
    rejected: u64,
    last_at: String,
    cause: String,
}

#[derive(Serialize, JsonSchema)]
struct NoticeOut {
    /// The provider's own name for it.
    what: String,
    /// `good`, `warning`, `stop` or `lifted`.
    gravity: &'static str,
    detail: String,
    at: String,
}

impl From<Refused> for RefusedOut {
    fn from(r: Refused) -> Self {
        Self { since: rfc3339(r.since), code: r.code, message: r.detail }
    }
}

impl From<Unreadable> for WebhooksOut {
    fn from(u: Unreadable) -> Self {
        Self { rejected: u.deliveries, last_at: rfc3339(u.last), cause: u.why }
    }
}

impl From<AccountNotice> for NoticeOut {
    fn from(n: AccountNotice) -> Self {
        Self { what: n.what, gravity: n.gravity.name(), detail: n.detail, at: rfc3339(n.at) }
    }
}

fn state(health: &ChannelHealth, now: Timestamp) -> &'static str {
    if health.stopped_at.is_some() {
        return "stopped";
    }
    if health.refused.is_some() {
        return "refused";
    }
    let warned = health.notice.as_ref().is_some_and(|n| matches!(n.gravity, Gravity::Warning | Gravity::Stop));
    let turned_away = health.unreadable.as_ref().is_some_and(|u| now.since(u.last) < LATELY);
    let ends = health.token_expires_at.is_some_and(|at| at < now + SOON);
    if warned || turned_away || ends { "warning" } else { "ok" }
}

async fn shown(api: &Api, tenant: &Tenant, channel: ChannelId) -> ApiResult<Of<Out>> {
    let health = tenant.store.channel_health(channel).await?;
    ok(Out {
        state: state(&health, api.clock.now()),
        refused: health.refused.map(RefusedOut::from),
        webhooks: health.unreadable.map(WebhooksOut::from),
        notice: health.notice.map(NoticeOut::from),
        stopped_at: health.stopped_at.map(rfc3339),
        token_expires_at: health.token_expires_at.map(rfc3339),
    })
}

pub async fn show(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let channel = tenant.store.channel(id.parse::<ChannelId>()?).await?;
    shown(&api, &tenant, channel.account.id).await
}

/// Sends again what waits, whatever the provider said.
pub async fn resume(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let channel = tenant.store.channel(id.parse::<ChannelId>()?).await?;
    tenant.store.channel_goes_on(channel.account.id).await?;
    tenant.note("channel.resumed", channel.account.id, &channel.account.name).await?;
    api.node.channel_changed(channel.account.id);
    shown(&api, &tenant, channel.account.id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_counts() {
        let now = Timestamp(1_000_000_000_000);
        let mut health = ChannelHealth::default();
        assert_eq!(state(&health, now), "ok");
        health.token_expires_at = Some(now + SOON);
        assert_eq!(state(&health, now), "ok");
        health.token_expires_at = Some(now + SOON / 2);
        assert_eq!(state(&health, now), "warning");
        let last = Timestamp(now.millis() - 1);
        health = ChannelHealth::default();
        health.unreadable = Some(Unreadable { deliveries: 1, last, why: String::new() });
        assert_eq!(state(&health, now), "warning");
        assert_eq!(state(&health, now + LATELY), "ok", "an old one is none");
        health.refused = Some(Refused { since: now, code: String::new(), detail: String::new() });
        assert_eq!(state(&health, now), "refused");
        health.stopped_at = Some(now);
        assert_eq!(state(&health, now), "stopped");
    }
}
