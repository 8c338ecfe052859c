//! An answer whose window is closed: what is known is asked for, the domain decides, and what it decided is a settlement.

use crate::channel::Desk;
use colloquy_domain::{
    agent::AgentProfile,
    fallback::{self, LONGEST, Next, StandIn},
    ids::{MessageId, OutboxId},
    ports::{OutboxItem, Settlement, StoreError},
    template::Filled,
    time::Timestamp,
};
use std::time::Duration;

/// How long a reply waits about which nothing could be asked.
const AGAIN: Duration = Duration::from_secs(1);

/// What becomes of a reply before it is sent: it waited for its person for too long, or it would leave after the window has
/// closed. `None`: it is sent, and refused where nobody wants anything else.
pub(crate) async fn before(desk: &Desk, item: &OutboxItem, now: Timestamp) -> Result<Option<Settlement>, StoreError> {
    if let Some(failure) = fallback::expired(item.held_until, now) {
        return Ok(Some(Settlement::Failed { tenant: item.tenant, id: item.id, failure, at: now }));
    }
    let window = if item.by_person { desk.driver.person_window(&desk.account) } else { desk.driver.reply_window() };
    if window.is_none_or(|window| now.since(item.last_inbound_at) <= window) {
        return Ok(None);
    }
    instead(desk, item, now).await
}

/// What becomes of a reply that the provider does not take because the window is closed; `None` without a fall-back. While the
/// store cannot be asked it is put back: it was not sent.
pub(crate) async fn instead(desk: &Desk, item: &OutboxItem, now: Timestamp) -> Result<Option<Settlement>, StoreError> {
    if item.template.is_some() || desk.driver.templates().is_none() {
        return Ok(None);
    }
    match decided(desk, item, now).await {
        Err(e) if e.is_retry() => {
            tracing::warn!(outbox.id = %item.id, error = %e, "what becomes of a late reply waits for the store");
            Ok(Some(Settlement::Released { tenant: item.tenant, id: item.id, at: now + AGAIN }))
        }
        decided => decided,
    }
}

async fn decided(desk: &Desk, item: &OutboxItem, now: Timestamp) -> Result<Option<Settlement>, StoreError> {
    let (tenant, id) = (item.tenant, item.id);
    let outbox = &desk.shared.ports.outbox;
    let closed = outbox.closed(tenant, item.conversation).await?;
    let Some(profile) = desk.shared.agents.profile(tenant, closed.agent).await? else { return Ok(None) };
    let AgentProfile { template_fallback: Some(wanted), .. } = profile.as_ref() else { return Ok(None) };
    let offered = outbox.offered(tenant, item.channel, &wanted.template).await?;
    Ok(match fallback::next(Some(wanted), (item.last_inbound_at, &closed), &offered, profile.speaks(false)) {
        Next::Refuse => None,
        Next::Hold(filled) => {
            let stand_in = filled.map(|filled| stand_in(desk, filled));
            Some(Settlement::Held { tenant, id, until: now + LONGEST, at: now, stand_in })
        }
        Next::Fail(failure) => Some(Settlement::Failed { tenant, id, failure, at: now }),
    })
}

fn stand_in(desk: &Desk, filled: Filled) -> StandIn {
    let ids = &desk.shared.ports.ids;
    let (id, message) = (OutboxId::new(ids.uuid()), MessageId::new(ids.uuid()));
    StandIn { id, message, text: filled.text, template: filled.call }
}
