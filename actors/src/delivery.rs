//! A round of deliveries: claim, render, pace, send, settle. Different peers side by side, one peer in order.

use crate::{
    beginning::{self, Place},
    channel::{Desk, Drained},
    fallback, spans,
    supervision::Backoff,
};
use colloquy_domain::{
    channel::{Delivery, DeliveryStatus, Part, Replaced, SendError, Sent},
    failure::{Failure, Verdict},
    placement::LEASE,
    ports::{Notice, OutboxItem, Settlement, StoreError},
    rich::{File, Rich},
    time::Timestamp,
};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{PoisonError, atomic::Ordering},
    time::Duration,
};
use tracing::Instrument as _;

/// Attempts at one reply whose failures are passing ones: about a day with the backoff below.
const TRIES: u32 = 12;
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), max: Duration::from_secs(4 * 3600) };
/// The longest that a claimed reply waits for its turn.
const SOON: Duration = Duration::from_millis(200);
/// When a reply is tried again whose account is refused.
const ACCOUNT_DOWN: Duration = Duration::from_secs(60);
const SETTLE_TRIES: usize = 8;
const SETTLE_BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), max: Duration::from_secs(2) };

/// How often what is due is looked for while deliveries are under way and nobody tells: a reply may have been waiting for the
/// one before it.
const LOOK: Duration = Duration::from_millis(50);

/// Sends what is due until there is no more, up to so many replies at the same time: what comes meanwhile does not wait for
/// those under way.
pub async fn round(desk: &Desk, begin: Begin) -> Drained {
    let mut round = Round::of(desk);
    match begin {
        Begin::Claim => round.wanted = true,
        Begin::Look => round.look(),
    }
    loop {
        round.claim();
        if round.steps.is_empty() && round.ended.is_none() {
            round.look();
        }
        tokio::select! {
            biased;
            step = round.steps.next() => match step {
                Some(step) => round.take(step),
                None => return round.ended.unwrap_or(Drained::Until(None)),
            },
            () = desk.woken.notified(), if round.ended.is_none() => round.wanted = true,
        }
    }
}

/// How a round begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Something is due: somebody said so.
    Claim,
    /// Something may be due. Looking is cheaper than a place in the queue of writes.
    Look,
}

/// Deliveries of one account that are under way.
struct Round<'d> {
    desk: &'d Desk,
    steps: FuturesUnordered<BoxFuture<'d, Step>>,
    /// Replies that may be on their way at the same time.
    most: usize,
    under_way: usize,
    claiming: bool,
    looking: bool,
    looked_at: Timestamp,
    /// There is something to claim.
    wanted: bool,
    /// A look has found something due since the last claim that brought anything.
    due: bool,
    /// Nothing more is begun; what is under way is waited for.
    ended: Option<Drained>,
}

enum Step {
    Looked(Result<Option<Timestamp>, StoreError>),
    Claimed { room: usize, at: Timestamp, items: Result<Vec<OutboxItem>, StoreError> },
    Delivered { replies: usize, result: Result<Option<Failure>, StoreError> },
}

impl<'d> Round<'d> {
    fn of(desk: &'d Desk) -> Self {
        Self {
            desk,
            steps: FuturesUnordered::new(),
            most: desk.shared.settings.deliveries.max(1),
            under_way: 0,
            claiming: false,
            looking: false,
            looked_at: desk.shared.ports.clock.now(),
            wanted: false,
            due: false,
            ended: None,
        }
    }

    fn look(&mut self) {
        if self.looking {
            return;
        }
        self.looking = true;
        let desk = self.desk;
        self.looked_at = desk.shared.ports.clock.now();
        let (tenant, channel) = (desk.account.tenant, desk.account.id);
        let look = desk.shared.ports.outbox.next_due(tenant, channel);
        self.steps.push(look.map(Step::Looked).boxed());
    }

    /// Claims what there is room for, if there is something to claim.
    fn claim(&mut self) {
        let room = self.most - self.under_way;
        if !self.wanted || self.claiming || room == 0 || self.ended.is_some() {
            return;
        }
        let desk = self.desk;
        if *desk.stopping.borrow() {
            self.ended = Some(Drained::Until(Some(desk.shared.ports.clock.now())));
            return;
        }
        (self.wanted, self.claiming) = (false, true);
        let ports = &desk.shared.ports;
        let at = ports.clock.now();
        let claim = ports.outbox.claim(desk.account.tenant, desk.account.id, at, room);
        self.steps.push(claim.map(move |items| Step::Claimed { room, at, items }).boxed());
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Looked(Ok(due)) => {
                self.looking = false;
                let now = self.desk.shared.ports.clock.now();
                if due.is_some_and(|due| due <= now) {
                    (self.wanted, self.due) = (true, true);
                } else if self.under_way == 0 && !self.claiming && !self.wanted {
                    self.end(Drained::Until(due));
                }
            }
            Step::Claimed { room, at, items: Ok(items) } => {
                self.claiming = false;
                if items.is_empty() && self.due && self.under_way == 0 {
                    // Whatever it was is held by somebody else.
                    self.end(Drained::Until(Some(self.desk.shared.ports.clock.now())));
                }
                self.due &= items.is_empty();
                // All that there was room for: there may be more.
                self.wanted |= items.len() == room;
                self.send(items, at);
            }
            Step::Delivered { replies, result } => {
                self.under_way -= replies;
                match result {
                    Ok(Some(failure)) => self.end(Drained::AccountDown(failure)),
                    Ok(None) if self.desk.shared.ports.clock.now().since(self.looked_at) >= LOOK => self.look(),
                    Ok(None) => {}
                    Err(e) => self.end(store_trouble(self.desk, &e)),
                }
            }
            Step::Looked(Err(e)) | Step::Claimed { items: Err(e), .. } => self.end(store_trouble(self.desk, &e)),
        }
    }

    /// Different peers side by side, one peer in order.
    fn send(&mut self, items: Vec<OutboxItem>, claimed_at: Timestamp) {
        let mut by_peer: BTreeMap<String, Vec<OutboxItem>> = BTreeMap::new();
        for item in items {
            by_peer.entry(item.peer.address.clone()).or_default().push(item);
        }
        for items in by_peer.into_values() {
            let replies = items.len();
            self.under_way += replies;
            let sent = to_peer(self.desk, items, claimed_at).map(move |result| Step::Delivered { replies, result });
            self.steps.push(sent.boxed());
        }
    }

    /// The first reason counts.
    fn end(&mut self, why: Drained) {
        self.ended.get_or_insert(why);
    }
}

fn store_trouble(desk: &Desk, e: &StoreError) -> Drained {
    tracing::warn!(channel.id = %desk.account.id, error = %e, "deliveries wait for the store");
    Drained::StoreTrouble
}

/// A claim that is older than this is no reason to begin to send: the node may have stood still meanwhile, and somebody else
/// delivers for the account. Shorter than a lease.
const STALE: Duration = Duration::from_secs(LEASE.as_secs() - 2);

/// Delivers one peer's replies in order; gives back why the account is refused, if it is.
async fn to_peer(desk: &Desk, items: Vec<OutboxItem>, claimed_at: Timestamp) -> Result<Option<Failure>, StoreError> {
    let mut down = None;
    let mut held_back: Option<Timestamp> = None;
    for item in items {
        let settlements = match held_back {
            // The one before it has to go first.
            Some(at) => vec![released(&item, at)],
            None => deliver(desk, &item, claimed_at, &mut down).await?,
        };
        for settlement in &settlements {
            if let Settlement::Again { at, .. } | Settlement::Released { at, .. } | Settlement::Apart { at, .. } =
                settlement
            {
                held_back = Some(*at);
            }
            announce(desk, &item, settlement);
        }
        settle(desk, settlements).await?;
    }
    Ok(down)
}

async fn deliver(
    desk: &Desk,
    item: &OutboxItem,
    claimed_at: Timestamp,
    down: &mut Option<Failure>,
) -> Result<Vec<Settlement>, StoreError> {
    let clock = &desk.shared.ports.clock;
    if let Some(settled) = fallback::before(desk, item, clock.now()).await? {
        return Ok(vec![settled]);
    }
    let template = item.template.as_ref().filter(|_| desk.driver.templates().is_some());
    let parts = match (template, &item.rich) {
        // The provider has its words: it cannot be cut.
        (Some(_), _) => vec![Part::words(item.text.clone(), item.text.clone())],
        (None, Some(rich)) => desk.driver.render_rich(rich),
        (None, None) => desk.driver.render(&item.text, &item.citations),
    };
    let (tenant, id) = (item.tenant, item.id);
    let mut place = match beginning::place(desk, item).await? {
        Place::New => None,
        Place::Of(message) => Some(message),
        Place::Later(at) => return Ok(vec![released(item, at)]),
        Place::Unknown => {
            let unknown = SendError::Uncertain(beginning::nameless());
            // So that somebody who decides to send it again sends it.
            return Ok(vec![Settlement::Replaced { tenant, id }, unsent(item, 0, unknown, clock.now(), down)]);
        }
    };
    for (done, part) in (0_u32..).zip(&parts).skip(item.parts_sent as usize) {
        let messages = part.rich.as_ref().map_or(1, Rich::messages);
        if let Err(not_before) = pace(desk, &item.peer.address, messages).await {
            return Ok(vec![released(item, not_before)]);
        }
        let now = clock.now();
        let Some(leaves_within) = STALE.checked_sub(now.since(claimed_at)) else {
            return Ok(vec![released(item, now)]);
        };
        let delivery = Delivery {
            account: &desk.account,
            to: &item.peer,
            part,
            template,
            outbox: item.id,
            last_inbound_at: item.last_inbound_at,
            by_person: item.by_person,
            now,
            leaves_within,
        };
        let replaced = place.take();
        let name = match sent(desk, item, delivery, replaced.as_deref()).await {
            Ok(Replaced::Stands(Sent { provider_message_id })) => provider_message_id,
            // Somebody took it away: the reply goes out as others do.
            Ok(Replaced::Gone) => return Ok(vec![Settlement::Replaced { tenant, id }, released(item, clock.now())]),
            Err(SendError::Apart(failure)) => return Ok(vec![apart(item, done, &parts, &failure, clock.now())]),
            Err(SendError::Refused(failure)) if failure.is_window_closed() => {
                let held = fallback::instead(desk, item, clock.now()).await?;
                return Ok(vec![
                    held.unwrap_or_else(|| unsent(item, done, SendError::Refused(failure), clock.now(), down)),
                ]);
            }
            Err(error) => {
                return Ok(vec![unsent(item, done, of_file(item, done, parts.len(), error), clock.now(), down)]);
            }
        };
        desk.served.store(true, Ordering::Relaxed);
        let taken = if (done as usize) + 1 < parts.len() {
            Settlement::Progress { tenant, id, parts: done + 1, provider_message_id: name }
        } else {
            Settlement::Sent { tenant, id, provider_message_id: name, at: clock.now() }
        };
        // In one transaction: a place that is taken is nobody's to take away.
        let taken = replaced.map(|_| Settlement::Replaced { tenant, id }).into_iter().chain([taken]).collect();
        if (done as usize) + 1 == parts.len() {
            return Ok(taken);
        }
        settle(desk, taken).await?;
    }
    Ok(vec![Settlement::Sent { tenant, id, provider_message_id: None, at: clock.now() }])
}

/// The part, in the place of the message if there is one.
async fn sent(
    desk: &Desk,
    item: &OutboxItem,
    delivery: Delivery<'_>,
    place: Option<&str>,
) -> Result<Replaced, SendError> {
    let sending = async {
        match place {
            Some(message) => desk.driver.replace(delivery, message).await,
            None => desk.driver.send(delivery).await.map(Replaced::Stands),
        }
    };
    let sending = AssertUnwindSafe(sending).catch_unwind().map(|sent| {
        let sent = sent.unwrap_or_else(|_| {
            Err(SendError::Uncertain(Failure::reject("channel.panicked", "the driver panicked while sending")))
        });
        if let Err(
            SendError::Refused(failure)
            | SendError::Uncertain(failure)
            | SendError::Apart(failure)
            | SendError::AccountDown(failure),
        ) = &sent
        {
            spans::failed(failure);
        }
        sent
    });
    sending.instrument(spans::delivery(item, desk.account.kind.as_str())).await
}

/// What is left of an album goes out file by file, so that one that the provider does not take keeps no other back.
fn apart(item: &OutboxItem, done: u32, parts: &[Part], failure: &Failure, now: Timestamp) -> Settlement {
    let files_of = |rich: &Rich| match rich {
        Rich::Album { files, .. } => files.clone(),
        Rich::Media { media, url, name, .. } => vec![File { media: *media, url: url.clone(), name: name.clone() }],
        _ => Vec::new(),
    };
    let left = parts.iter().skip(done as usize).filter_map(|part| part.rich.as_ref());
    let caption = match &item.rich {
        Some(Rich::Album { caption, .. }) if done == 0 => caption.clone(),
        _ => None,
    };
    tracing::info!(
        tenant.id = %item.tenant, channel.id = %item.channel, outbox.id = %item.id, failure.code = failure.code,
        "an album goes out file by file"
    );
    let rich = Rich::Album { caption, files: left.flat_map(files_of).collect(), apart: true };
    Settlement::Apart { tenant: item.tenant, id: item.id, rich, at: now }
}

/// Names the file of an album that the provider does not take.
fn of_file(item: &OutboxItem, done: u32, all: usize, error: SendError) -> SendError {
    match (error, &item.rich) {
        (SendError::Refused(failure), Some(Rich::Album { apart: true, .. })) => {
            let detail = format!("file {} of {all}: {}", done + 1, failure.detail);
            SendError::Refused(Failure { detail, ..failure })
        }
        (error, _) => error,
    }
}

fn unsent(item: &OutboxItem, parts: u32, error: SendError, now: Timestamp, down: &mut Option<Failure>) -> Settlement {
    let (tenant, id) = (item.tenant, item.id);
    match error {
        SendError::Uncertain(failure) => Settlement::Uncertain { tenant, id, failure, at: now },
        // Its files go one by one already.
        SendError::Apart(failure) => Settlement::Failed { tenant, id, failure, at: now },
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
async fn pace(desk: &Desk, peer: &str, messages: u32) -> Result<(), Timestamp> {
    let mut stopping = desk.stopping.subscribe();
    loop {
        let now = desk.shared.ports.clock.now();
        if *stopping.borrow_and_update() {
            return Err(now);
        }
        let permit = desk.pacer.lock().unwrap_or_else(PoisonError::into_inner).acquire_all(peer, messages, now);
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
async fn settle(desk: &Desk, settlements: Vec<Settlement>) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        match desk.shared.ports.outbox.settle(settlements.clone()).await {
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
        Settlement::Progress { .. }
        | Settlement::Again { .. }
        | Settlement::Released { .. }
        | Settlement::Held { .. }
        | Settlement::Apart { .. }
        | Settlement::Replaced { .. } => return,
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
