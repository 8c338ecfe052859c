//! Long polling: events become durable first, then the cursor that confirms them is used.

use crate::{accept::accept, channel::Desk, supervision::Backoff};
use colloquy_domain::failure::{Failure, Verdict};
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
    accept(&desk.shared.ports, &desk.account, polled.events)
        .await
        .map_err(|e| Failure::retry("store.unavailable", e.to_string()))?;
    Ok(polled.cursor)
}
