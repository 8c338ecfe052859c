//! Sends what somebody planned, when its time has come: messages that stand by themselves, and broadcasts.
//!
//! Everything is in the store. A message goes into its conversation and its outbox in the transaction that marks it as sent,
//! so it goes out once, whoever tries and whenever the process ends. Each tenant's are sent by the node that owns it; if two
//! nodes believe that for a moment, the mark decides.

mod broadcast;
mod send;
mod ways;

pub use ways::look;

use crate::{auth::Tenant, state::Api};
use colloquy_domain::{ids::TenantId, ports::StoreError};
use futures::future::join_all;
use send::Went;
use std::{sync::Arc, time::Duration};

/// How often the store is asked what is due.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Messages of one tenant that are looked after at a time.
const BATCH: u32 = 50;

/// Sends what is due, for ever.
pub async fn run(api: Arc<Api>) {
    loop {
        match api.store.installation().tenants_with_outreach_due().await {
            Ok(due) => {
                let own = due.into_iter().filter(|tenant| api.node.owns(*tenant));
                join_all(own.map(|tenant| look_after(&api, tenant))).await;
            }
            Err(e) => tracing::warn!(error = %e, "planned messages not looked up"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn look_after(api: &Api, id: TenantId) {
    let tenant = Tenant::of(api, id);
    if let Err(e) = scheduled(api, &tenant).await {
        tracing::warn!(tenant.id = %id, error = %e, "scheduled messages not sent: tried again");
    }
    if let Err(e) = broadcast::look_after(api, &tenant, BATCH).await {
        tracing::warn!(tenant.id = %id, error = %e, "broadcasts not looked after: tried again");
    }
}

async fn scheduled(api: &Api, tenant: &Tenant) -> Result<(), StoreError> {
    for planned in tenant.store.due_planned(BATCH).await? {
        let Some(words) = planned.words.clone() else { continue };
        match send::send(api, tenant, &planned, &words, None).await? {
            Went::Out | Went::Elsewhere => {}
            Went::Not(reason) => {
                let failed = colloquy_domain::outreach::PlannedState::Failed;
                tenant.store.settle_planned(planned.id, failed, &reason).await?;
            }
        }
    }
    Ok(())
}
