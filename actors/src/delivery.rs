//! One round of deliveries: claim, render, pace, send, settle. Different peers side by side, one peer in order.

use crate::{
    channel::{Desk, Drained},
    supervision::Backoff,
};
use colloquy_domain::{
    channel::{Delivery, DeliveryStatus, SendError, Sent},
    failure::{Failure, Verdict},
    ports::{Notice, OutboxItem, Settlement, StoreError},
    time::Timestamp,
};
use futures::{FutureExt, StreamExt, stream};
use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::PoisonError, time::Duration};

/// Attempts at one reply whose failures are passing ones: about a day with the backoff below.
const TRIES: u32 = 12;
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), max: Duration::from_secs(4 * 3600) };
/// The longest that a claimed reply waits for its turn.
const SOON: Duration = Duration::from_millis(200);
/// When a reply is tried again whose account is refused.
const ACCOUNT_DOWN: Duration = Duration::from_secs(60);
const SETTLE_TRIES: usize = 8;
const SETTLE_BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), max: Duration::from_secs(2) };

/// Sends what is due, up to the number of replies that may be on their way at the same time.
pub async fn round(desk: &Desk) -> Drained {
    let ports = &desk.shared.ports;
    let (tenant, channel) = (desk.account.tenant, desk.account.id);
    let most = desk.shared.settings.deliveries;
    let now = ports.clock.now();
    // Most wake-ups find nothing: look before taking a place in the queue of writes.
    match ports.outbox.next_due(tenant, channel).await {
        Ok(Some(due)) if due <= now => {}
        Ok(later) => return Drained::Until(later),
        Err(e) => return store_trouble(desk, &e),
    }
    let items = match ports.outbox.claim(tenant, channel, now, most).await {
        Ok(items) => items,
        Err(e) => return store_trouble(desk, &e),
    };
    if items.is_empty() {
        // Whatever it was is held by somebody else.
        return Drained::Until(Some(now));
    }
    let mut by_peer: BTreeMap<String, Vec<OutboxItem>> = BTreeMap::new();
    for item in items {
        by_peer.entry(item.peer.address.clone()).or_default().push(item);
    }
    let results: Vec<Result<Option<Failure>, StoreError>> =
        stream::iter(by_peer.into_values()).map(|items| to_peer(desk, items)).buffer_unordered(most).collect().await;
    let mut down = None;
    for result in results {
        match result {
            Ok(failure) => down = down.or(failure),
            Err(e) => return store_trouble(desk, &e),
        }
    }
    down.map_or(Drained::More, Drained::AccountDown)
}

fn store_trouble(desk: &Desk, e: &StoreError) -> Drained {
    tracing::warn!(channel.id = %desk.account.id, error = %e, "deliveries wait for the store");
    Drained::StoreTrouble
}

/// Delivers one peer's replies in order; gives back why the account is refused, if it is.
async fn to_peer(desk: &Desk, items: Vec<OutboxItem>) -> Result<Option<Failure>, StoreError> {
    let mut down = None;
    let mut held_back: Option<Timestamp> = None;
    for item in items {
        let settlement = match held_back {
            // The one before it has to go first.
            Some(at) => released(&item, at),
            None => deliver(desk, &item, &mut down).await?,
        };
        if let Settlement::Again { at, .. } | Settlement::Released { at, .. } = &settlement {
            held_back = Some(*at);
        }
        announce(desk, &item, &settlement);
        settle(desk, settlement).await?;
    }
    Ok(down)
}

async fn deliver(desk: &Desk, item: &OutboxItem, down: &mut Option<Failure>) -> Result<Settlement, StoreError> {
    let clock = &desk.shared.ports.clock;
    let parts = desk.driver.render(&item.text, &item.citations);
    let mut last_id = None;
    for (done, part) in (0_u32..).zip(&parts).skip(item.parts_sent as usize) {
        if let Err(not_before) = pace(desk, &item.peer.address).await {
            return Ok(released(item, not_before));
        }
        let delivery = Delivery {
            account: &desk.account,
            to: &item.peer,
            part,
            outbox: item.id,
            last_inbound_at: item.last_inbound_at,
            now: clock.now(),
        };
        let sent = AssertUnwindSafe(desk.driver.send(delivery)).catch_unwind().await.unwrap_or_else(|_| {
            Err(SendError::Uncertain(Failure::reject("channel.panicked", "the driver panicked while sending")))
        });
        match sent {
            Ok(Sent { provider_message_id: id }) => {
                let (tenant, outbox) = (item.tenant, item.id);
                if (done as usize) + 1 < parts.len() {
                    let progress =
                        Settlement::Progress { tenant, id: outbox, parts: done + 1, provider_message_id: id };
                    settle(desk, progress).await?;
                } else {
                    last_id = id;
                }
            }
            Err(error) => return Ok(unsent(item, done, error, clock.now(), down)),
        }
    }
    let (tenant, id) = (item.tenant, item.id);
    Ok(Settlement::Sent { tenant, id, provider_message_id: last_id, at: clock.now() })
}

fn unsent(item: &OutboxItem, parts: u32, error: SendError, now: Timestamp, down: &mut Option<Failure>) -> Settlement {
    let (tenant, id) = (item.tenant, item.id);
    match error {
        SendError::Uncertain(failure) => Settlement::Uncertain { tenant, id, failure, at: now },
        SendError::AccountDown(failure) => {
            *down = Some(failure.clone());
            again(item, parts, now + ACCOUNT_DOWN, failure)
        }
        SendError::Refused(failure) => match failure.verdict {
            Verdict::Retry { after } if item.attempts + 1 < TRIES => {
                let wait = after.unwrap_or_else(|| BACKOFF.wait(item.attempts as usize + 1));
                again(item, parts, now + wait, failure)
            }
            _ => Settlement::Failed { tenant, id, failure, at: now },
        },
    }
}

fn released(item: &OutboxItem, at: Timestamp) -> Settlement {
    Settlement::Released { tenant: item.tenant, id: item.id, at }
}

fn again(item: &OutboxItem, parts: u32, at: Timestamp, failure: Failure) -> Settlement {
    Settlement::Again { tenant: item.tenant, id: item.id, parts, at, failure }
}

/// Waits until the account may send to the peer, if that is soon and the account goes on; otherwise says when. A reply
/// that waits longer is put back meanwhile: one that is claimed when the process dies is of unknown outcome.
async fn pace(desk: &Desk, peer: &str) -> Result<(), Timestamp> {
    let mut stopping = desk.stopping.subscribe();
    loop {
        let now = desk.shared.ports.clock.now();
        if *stopping.borrow_and_update() {
            return Err(now);
        }
        let permit = desk.pacer.lock().unwrap_or_else(PoisonError::into_inner).acquire(peer, now);
        match permit {
            Ok(()) => return Ok(()),
            Err(not_before) if not_before.since(now) > SOON => return Err(not_before),
            Err(not_before) => tokio::select! {
                () = tokio::time::sleep(not_before.since(now)) => {}
                // The sender is the desk's own: it is there.
                _ = stopping.changed() => {}
            },
        }
    }
}

/// Writes the result down, waiting out passing troubles: the provider has acted, forgetting it would repeat it.
async fn settle(desk: &Desk, settlement: Settlement) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match desk.shared.ports.outbox.settle(vec![settlement.clone()]).await {
            Err(e) if e.is_retry() && tries < SETTLE_TRIES => {
                tries += 1;
                tokio::time::sleep(SETTLE_BACKOFF.wait(tries)).await;
            }
            done => return done,
        }
    }
}

fn announce(desk: &Desk, item: &OutboxItem, settlement: &Settlement) {
    let status = match settlement {
        Settlement::Progress { .. } | Settlement::Again { .. } | Settlement::Released { .. } => return,
        Settlement::Sent { .. } => DeliveryStatus::Sent,
        Settlement::Failed { failure, .. } => {
            tracing::warn!(
                tenant.id = %item.tenant, conversation.id = %item.conversation, channel.id = %item.channel,
                outbox.id = %item.id, error = %failure, "reply not delivered: dead letter"
            );
            DeliveryStatus::Failed
        }
        Settlement::Uncertain { failure, .. } => {
            tracing::warn!(
                tenant.id = %item.tenant, conversation.id = %item.conversation, channel.id = %item.channel,
                outbox.id = %item.id, error = %failure, "reply of unknown outcome: not repeated"
            );
            DeliveryStatus::Uncertain
        }
    };
    let (tenant, conversation, message) = (item.tenant, item.conversation, item.message);
    desk.shared.ports.announcer.announce(Notice::Delivery { tenant, conversation, message, status });
}
