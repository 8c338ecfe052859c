//! Deliveries to webhooks that were turned away, written down now and then: strangers can send as many as they like.

use crate::state::Api;
use colloquy_domain::{
    channel::{ChannelAccount, WebhookRejection},
    ids::ChannelId,
    standing::Standing,
    time::Timestamp,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// One write for each channel in so long.
const PAUSE: Duration = Duration::from_secs(60);

/// By channel; only those that exist are in it.
#[derive(Default)]
pub struct TurnedAway(Mutex<HashMap<ChannelId, Since>>);

struct Since {
    written: Timestamp,
    /// Not written yet.
    more: u64,
}

impl TurnedAway {
    /// Of this account. The answer to whoever sent it does not wait for the store.
    pub fn one_more(&self, api: &Api, account: &ChannelAccount, why: &WebhookRejection) {
        let Some(deliveries) = self.due(account.id, api.clock.now()) else { return };
        let (rows, channel) = (api.store.tenant(account.tenant), account.id);
        let standing = Standing::Unreadable { deliveries, why: why.to_string() };
        tokio::spawn(async move {
            if let Err(e) = rows.channel_stands(channel, standing).await {
                tracing::warn!(channel.id = %channel, error = %e, "deliveries that were turned away are not counted");
            }
        });
    }

    /// How many are to be written now.
    fn due(&self, channel: ChannelId, now: Timestamp) -> Option<u64> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(since) = all.get_mut(&channel) else {
            all.insert(channel, Since { written: now, more: 0 });
            return Some(1);
        };
        since.more += 1;
        // A clock that was set back counts from there.
        if since.written <= now && now.since(since.written) < PAUSE {
            return None;
        }
        since.written = now;
        Some(std::mem::take(&mut since.more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_written_at_once_and_a_flood_once_in_a_while() {
        let (counted, start) = (TurnedAway::default(), Timestamp(1_000_000));
        let (one, other) = (ChannelId::new(uuid::Uuid::from_u128(1)), ChannelId::new(uuid::Uuid::from_u128(2)));
        assert_eq!(counted.due(one, start), Some(1));
        for n in 1..1000 {
            assert_eq!(counted.due(one, start + PAUSE / 1000 * n), None);
        }
        assert_eq!(counted.due(other, start), Some(1), "each for itself");
        assert_eq!(counted.due(one, start + PAUSE), Some(1000), "none is forgotten");
        assert_eq!(counted.due(one, start + PAUSE * 2), Some(1));
    }
}
