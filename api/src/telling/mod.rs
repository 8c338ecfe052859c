//! Tells other systems what happened: deliveries wait in the store, written by the very transactions that they tell of.
//!
//! On each node one loop leases the endpoint that waits longest and delivers to it what is due, one after the other. So
//! one node delivers to an endpoint at a time, and an endpoint that hangs costs nobody but itself. A delivery whose answer
//! was lost is made again: the other side knows an event by its id.

mod call;
pub mod envelope;

use crate::state::Api;
use colloquy_domain::{
    failure::{Failure, Verdict},
    ports::{StoreError, WebPost},
    time::Timestamp,
    webhook::{rest_after, wait_after},
};
use colloquy_store::{DeliveryState, DueDelivery, SettledDelivery, WebhookAttempt, WebhookEndpoint};
use std::{sync::Arc, time::Duration};
use tokio::task::JoinSet;

/// How often the store is asked when nothing is to be told.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long an endpoint may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Deliveries of one lease.
const BATCH: u32 = 10;
/// Longer than one delivery takes at its slowest: each that is settled prolongs it. A node that ends leaves its endpoints to
/// the others after that.
const LEASE: Duration = Duration::from_secs(20);
/// Endpoints that one node delivers to at a time.
const AT_ONCE: usize = 32;

/// Delivers what there is, for ever.
pub async fn run(api: Arc<Api>) {
    // They end with this loop.
    let mut at_work = JoinSet::new();
    loop {
        while at_work.try_join_next().is_some() {}
        if at_work.len() >= AT_ONCE {
            at_work.join_next().await;
        }
        match api.store.installation().lease_webhook_endpoint(LEASE).await {
            Ok(Some(endpoint)) => {
                at_work.spawn(serve(Arc::clone(&api), endpoint));
            }
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(e) => {
                tracing::warn!(error = %e, "webhook deliveries not looked up");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

async fn serve(api: Arc<Api>, endpoint: WebhookEndpoint) {
    let (tenant, id) = (endpoint.tenant, endpoint.id);
    if let Err(e) = deliver_due(&api, endpoint).await {
        // The lease runs out, and it is tried again.
        tracing::warn!(tenant.id = %tenant, webhook_endpoint.id = %id, error = %e, "webhook deliveries not settled");
    }
}

async fn deliver_due(api: &Api, mut endpoint: WebhookEndpoint) -> Result<(), StoreError> {
    let rows = api.store.tenant(endpoint.tenant);
    let mut held_until = api.clock.now() + LEASE;
    for due in rows.due_deliveries(endpoint.id, BATCH).await? {
        let begun = api.clock.now();
        if begun + PATIENCE > held_until {
            // The process stood still: somebody else may deliver by now.
            return Ok(());
        }
        let answered = deliver(api, &endpoint, &due, begun).await;
        let settled = settle(&endpoint, &due, answered, begun, api.clock.now(), api.ids.uuid().as_u64_pair().1);
        (endpoint.failures, endpoint.rests_until) = (settled.endpoint_failures, settled.rests_until);
        let rests = settled.rests_until > api.clock.now();
        held_until = settled.leased_until;
        rows.settle_delivery(settled).await?;
        if rests {
            break;
        }
    }
    rows.release_webhook_endpoint(endpoint.id).await
}

/// The status of the answer.
async fn deliver(api: &Api, to: &WebhookEndpoint, due: &DueDelivery, now: Timestamp) -> Result<u16, Failure> {
    let signed = envelope::sign(&due.event, &to.secrets, now)?;
    let post = WebPost { url: to.url.clone(), headers: signed.headers, body: signed.body, timeout: PATIENCE };
    api.poster.post(post).await
}

/// What follows from an attempt.
fn settle(
    to: &WebhookEndpoint,
    due: &DueDelivery,
    answered: Result<u16, Failure>,
    begun: Timestamp,
    now: Timestamp,
    chance: u64,
) -> SettledDelivery {
    let took = Duration::from_millis(u64::try_from(now.millis() - begun.millis()).unwrap_or_default());
    let (status, cause, hopeless) = match answered {
        Ok(status @ 200..=299) => (Some(status), None, false),
        Ok(status) => (Some(status), Some(format!("the endpoint answered {status}")), false),
        Err(f) => (None, Some(f.to_string()), f.verdict == Verdict::Reject),
    };
    let fine = cause.is_none();
    let failures = if fine { 0 } else { due.failures.saturating_add(1) };
    let endpoint_failures = if fine { 0 } else { to.failures.saturating_add(1) };
    let (state, due_at) = match wait_after(failures, chance) {
        _ if fine => (DeliveryState::Delivered, now),
        Some(wait) if !hopeless => (DeliveryState::Queued, now + wait),
        _ => (DeliveryState::Dead, now),
    };
    SettledDelivery {
        endpoint: to.id,
        id: due.id,
        attempt: WebhookAttempt { number: 0, at: begun, took, status, cause },
        state,
        failures,
        due_at,
        endpoint_failures,
        rests_until: now + rest_after(endpoint_failures),
        leased_until: now + LEASE,
    }
}
