//! Calls of which nothing is heard any more: their providers are asked, and what nobody can tell is lost.
//!
//! Each tenant's are looked after by the node that owns it; if two nodes believe that for a moment, the step is written down
//! once, and with it the call's end and its event.

use super::VOICE;
use crate::state::Api;
use colloquy_domain::{
    call::{Asked, CallStanding, settle},
    channel::{ChannelAccount, Secret},
    failure::{Failure, Verdict},
    ids::{CallId, TenantId},
    ports::{CallDriver, Outside, StoreError, Unanswered, WebCall},
    time::Timestamp,
};
use colloquy_store::{Call, IntegrationKind, TenantStore};
use std::{sync::Arc, time::Duration};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Calls that are looked after at a time.
const BATCH: u32 = 50;

/// Closes calls that were silent for longer than `patience`, for ever.
pub async fn run(api: Arc<Api>, outside: Arc<dyn Outside>, patience: Duration) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        match api.store.installation().silent_calls(ago(api.clock.now(), patience), BATCH).await {
            Ok(silent) => {
                for (tenant, call) in silent.into_iter().filter(|(tenant, _)| api.node.owns(*tenant)) {
                    if let Err(e) = close(&api, outside.as_ref(), tenant, call).await {
                        tracing::warn!(tenant.id = %tenant, call.id = %call, error = %e, "silent call not closed: tried again");
                    }
                }
            }
            Err(e) => tracing::warn!(error = %e, "silent calls not looked up"),
        }
    }
}

fn ago(now: Timestamp, time: Duration) -> Timestamp {
    Timestamp(now.millis().saturating_sub(i64::try_from(time.as_millis()).unwrap_or(i64::MAX)))
}

async fn close(api: &Api, outside: &dyn Outside, tenant: TenantId, id: CallId) -> Result<(), StoreError> {
    let rows = api.store.tenant(tenant);
    let call = rows.call(id).await?;
    let asked = ask(api, outside, &rows, &call).await?;
    let (call, changed) = rows.settle_call(id, settle(asked, call.started_at, api.clock.now())).await?;
    if changed {
        tracing::info!(
            tenant.id = %tenant, call.id = %id, call.status = call.facts.status.name(),
            call.ended = call.facts.ended_at.is_some(), "silent call looked after"
        );
    }
    Ok(())
}

async fn ask(api: &Api, outside: &dyn Outside, rows: &TenantStore, call: &Call) -> Result<Asked, StoreError> {
    let account = credentials(rows, rows.channel(call.channel).await?.account).await?;
    let driver = api.channels.driver(&VOICE);
    let provider = driver.as_ref().and_then(|d| d.calls(&account)).filter(|p| p.provider() == call.provider);
    let Some((provider, question)) = provider.and_then(|p| Some((p, p.question(&account, &call.external_id)?))) else {
        return Ok(Asked::Nobody);
    };
    Ok(answered(provider, outside, question).await)
}

async fn answered(provider: &dyn CallDriver, outside: &dyn Outside, question: WebCall) -> Asked {
    match outside.call(question).await {
        Ok(answer) if answer.status / 100 == 2 => told(provider.standing(&answer.body)),
        // It knows nothing of this call, or does not let us ask.
        Ok(answer) if answer.status / 100 == 4 && answer.status != 429 => Asked::Nobody,
        Ok(answer) => Asked::Unreachable { code: format!("http.{}", answer.status) },
        Err(Unanswered::NotSent(Failure { verdict: Verdict::Reject, .. })) => Asked::Nobody,
        Err(Unanswered::NotSent(f) | Unanswered::Lost(f)) => Asked::Unreachable { code: f.code },
    }
}

fn told(standing: Option<CallStanding>) -> Asked {
    let unread = || Asked::Unreachable { code: "voice.bad_response".to_owned() };
    standing.map_or_else(unread, |standing| Asked::Told(Box::new(standing)))
}

/// The account with what the tenant's settings know of its provider, where it says nothing itself.
async fn credentials(rows: &TenantStore, mut account: ChannelAccount) -> Result<ChannelAccount, StoreError> {
    let kind = match account.setting("provider") {
        Some("twilio") => IntegrationKind::Twilio,
        Some("vapi") => IntegrationKind::Vapi,
        _ => return Ok(account),
    };
    let Some(known) = rows.integration(kind).await? else { return Ok(account) };
    for (name, value) in known.settings {
        account.settings.entry(name).or_insert(value);
    }
    for (name, value) in known.secrets {
        let own = account.secrets.entry(name).or_insert_with(|| Secret::new(""));
        if own.expose().is_empty() {
            *own = value;
        }
    }
    Ok(account)
}
