//! What a provider delivers becomes durable: the one way in, for webhooks and polls alike.

use crate::{node::NodeHandle, ports::Ports};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent},
    ports::{NewEntry, Notice, StoreError},
    time::Timestamp,
};

/// What a delivery held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    pub messages: usize,
    pub statuses: usize,
    /// Understood, and of no consequence.
    pub ignored: usize,
}

/// Messages go to the log, statuses to the outbox; both are durable when this returns.
pub(crate) async fn accept(
    ports: &Ports,
    account: &ChannelAccount,
    events: Vec<ChannelEvent>,
) -> Result<Accepted, StoreError> {
    let (tenant, channel) = (account.tenant, account.id);
    let received_at = ports.clock.now();
    let (mut entries, mut statuses, mut ignored) = (Vec::new(), Vec::new(), 0);
    for event in events {
        match event {
            ChannelEvent::Message(inbound) => entries.push(NewEntry { tenant, channel, received_at, inbound }),
            ChannelEvent::Status(mut update) => {
                let named = update.provider_message_id.is_some() || update.outbox.is_some();
                // A provider that tells no time of a status means now; one without a name would mean everything so far.
                if named && update.at == Timestamp::default() {
                    update.at = received_at;
                }
                statuses.push(update);
            }
            // Not of a conversation: whoever keeps templates and contacts and looks after accounts took it before.
            ChannelEvent::Template(_) | ChannelEvent::Account(_) | ChannelEvent::Moved(_) | ChannelEvent::Tied(_) => {
                ignored += 1;
            }
            ChannelEvent::Ignored { kind } => {
                ignored += 1;
                tracing::debug!(tenant.id = %tenant, channel.id = %channel, event.kind = kind, "ignored");
            }
        }
    }
    let accepted = Accepted { messages: entries.len(), statuses: statuses.len(), ignored };
    if !entries.is_empty() {
        ports.log.append(entries).await?;
    }
    if !statuses.is_empty() {
        for (conversation, message, status) in ports.outbox.advance(tenant, channel, statuses).await? {
            ports.announcer.announce(Notice::Delivery { tenant, conversation, message, status });
        }
    }
    Ok(accepted)
}

impl NodeHandle {
    /// Takes in what a provider delivered to the account; all of it is durable when this returns.
    ///
    /// # Errors
    /// The log's or the store's: the delivery is to be repeated.
    pub async fn accept(&self, account: &ChannelAccount, events: Vec<ChannelEvent>) -> Result<Accepted, StoreError> {
        accept(self.ports(), account, events).await
    }
}
