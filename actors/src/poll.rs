//! Long polling: events become durable first, then the cursor that confirms them is used.

use crate::{channel::Desk, supervision::Backoff};
use colloquy_domain::{
    channel::{ChannelEvent, StatusUpdate},
    failure::{Failure, Verdict},
    ports::{NewEntry, Notice, StoreError},
};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), max: Duration::from_secs(60) };

/// Polls for ever; ends only by being aborted with its account's actor.
pub async fn run(desk: Arc<Desk>) {
    let mut cursor: Option<String> = None;
    let mut failures = 0;
    loop {
        match AssertUnwindSafe(once(&desk, cursor.clone())).catch_unwind().await {
            Ok(Ok(next)) => {
                cursor = next.or(cursor);
                failures = 0;
            }
            Ok(Err(failure)) => {
                failures += 1;
                let asked = match failure.verdict {
                    Verdict::Retry { after } => after,
                    // Nothing will come until somebody changes the account; looking now and then tells when.
                    Verdict::Reject | Verdict::Fatal => Some(BACKOFF.max),
                };
                let wait = asked.unwrap_or_else(|| BACKOFF.wait(failures));
                tracing::warn!(
                    tenant.id = %desk.account.tenant, channel.id = %desk.account.id, error = %failure,
                    retry.after_ms = wait.as_millis(), "polling failed"
                );
                tokio::time::sleep(wait).await;
            }
            Err(_) => {
                tracing::error!(channel.id = %desk.account.id, "the driver panicked while polling");
                tokio::time::sleep(BACKOFF.max).await;
            }
        }
    }
}

async fn once(desk: &Desk, cursor: Option<String>) -> Result<Option<String>, Failure> {
    let polled = desk.driver.poll(&desk.account, cursor).await?;
    accept(desk, polled.events).await.map_err(|e| Failure::retry("store.unavailable", e.to_string()))?;
    Ok(polled.cursor)
}

async fn accept(desk: &Desk, events: Vec<ChannelEvent>) -> Result<(), StoreError> {
    let ports = &desk.shared.ports;
    let (tenant, channel) = (desk.account.tenant, desk.account.id);
    let received_at = ports.clock.now();
    let mut entries = Vec::new();
    let mut statuses: Vec<StatusUpdate> = Vec::new();
    for event in events {
        match event {
            ChannelEvent::Message(inbound) => entries.push(NewEntry { tenant, channel, received_at, inbound }),
            ChannelEvent::Status(update) => statuses.push(update),
            ChannelEvent::Ignored { kind } => tracing::debug!(channel.id = %channel, event.kind = kind, "ignored"),
        }
    }
    if !entries.is_empty() {
        ports.log.append(entries).await?;
    }
    if !statuses.is_empty() {
        for (conversation, message, status) in ports.outbox.advance(tenant, channel, statuses).await? {
            ports.announcer.announce(Notice::Delivery { tenant, conversation, message, status });
        }
    }
    Ok(())
}
