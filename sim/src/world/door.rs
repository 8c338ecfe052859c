//! What providers call: a node's webhook, and how a provider goes on when it is not answered.

use super::Core;
use crate::{
    fault::{Kind, Site},
    planted::Planted,
    provider::Said,
    seam::Seam,
};
use colloquy_actors::node::NodeHandle;
use colloquy_channels::Registry;
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent, WebhookRejection, WebhookRequest},
    ids::ChannelId,
    message::{Content, Inbound, MediaKind, Peer},
    ports::Clock,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How long a provider waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// The wait before a repetition doubles up to the second.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// How often a delivery that is to be overtaken looks whether it was.
const LOOK: Duration = Duration::from_millis(50);
/// The largest body that is accepted.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// A request as a provider makes it.
#[derive(Debug, Clone)]
pub struct Payload {
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// What the address that is called says beside the channel.
    pub query: Option<(String, String)>,
}

/// Where the nodes are reached from outside.
pub const PUBLIC_URL: &str = "https://colloquy.sim";

/// The address of a channel's webhook, as the outside sees it.
pub fn webhook_url(channel: ChannelId, query: Option<&(String, String)>) -> String {
    let query = query.map(|(name, value)| format!("?{name}={value}")).unwrap_or_default();
    format!("{PUBLIC_URL}/webhooks/{channel}{query}")
}

/// A node, as those see it who send it requests.
#[derive(Clone)]
pub struct Door {
    pub seam: Seam,
    pub handle: NodeHandle,
    pub drivers: Registry,
}

/// The nodes behind one address.
#[derive(Default)]
pub struct Doors(Mutex<Vec<Door>>);

impl Doors {
    pub fn open(&self, door: Door) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(door);
    }

    /// A node that is known to be gone, or is about to end, gets no more requests.
    pub fn close(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|d| &*d.seam.name != name);
    }

    /// The one that the balancer chooses.
    fn choose(&self, n: u64) -> Option<Door> {
        let doors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(n % doors.len().max(1) as u64).ok()?;
        doors.get(place).cloned()
    }

    /// By the node's name.
    pub fn named(&self, name: &str) -> Option<Door> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|d| &*d.seam.name == name).cloned()
    }

    pub fn all(&self) -> Vec<Door> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Door {
    /// The HTTP status that the webhook is answered with.
    async fn webhook(&self, account: &ChannelAccount, payload: &Payload) -> u16 {
        self.seam.gate.pass().await;
        if payload.body.len() > BODY_LIMIT {
            return 413;
        }
        let Some(driver) = self.drivers.get(&account.kind) else { return 404 };
        let url = webhook_url(account.id, payload.query.as_ref());
        let query = payload.query.iter().cloned().collect();
        let request = WebhookRequest { url: &url, headers: &payload.headers, query: &query, body: &payload.body };
        match driver.receive(account, &request) {
            Ok(events) => self.accept(account, events).await,
            Err(WebhookRejection::Unauthenticated) if self.seam.core.has(Planted::AcceptUnsigned) => 200,
            Err(WebhookRejection::Unauthenticated) => 401,
            Err(WebhookRejection::Malformed(_)) => 400,
            Err(WebhookRejection::NotSupported) => 404,
        }
    }

    async fn accept(&self, account: &ChannelAccount, events: Vec<ChannelEvent>) -> u16 {
        let messages: Vec<Inbound> = events
            .iter()
            .filter_map(|e| if let ChannelEvent::Message(inbound) = e { Some(inbound.clone()) } else { None })
            .collect();
        match self.handle.accept(account, events).await {
            Ok(_) => {
                self.seam.gate.pass().await;
                let core = &self.seam.core;
                for inbound in messages {
                    core.watch.accepted(core, account.id, &inbound);
                }
                200
            }
            Err(_) => 503,
        }
    }
}

/// Delivers until it is accepted, as providers do.
pub fn deliver(core: &Arc<Core>, account: &Arc<ChannelAccount>, who: &str, payload: Payload) {
    let fault = core.faults.at(Site::Webhook, who);
    if let Some(fault) = fault {
        core.note("", "fault", who, format!("Webhook {:?} {:?}", fault.kind, fault.lasts));
    }
    core.watch.under_way(1);
    let (core, account, who) = (Arc::clone(core), Arc::clone(account), who.to_owned());
    tokio::spawn(async move {
        let first = match fault.map(|f| f.kind) {
            Some(Kind::BadSignature) => Some((spoilt(&payload), 401)),
            Some(Kind::Oversized) => Some((larger(&payload), 413)),
            _ => None,
        };
        match fault.map(|f| (f.kind, f.lasts)) {
            Some((Kind::Late, lasts)) => tokio::time::sleep(lasts).await,
            Some((Kind::Reordered, lasts)) => overtaken(&core, &who, lasts).await,
            _ => {}
        }
        if let Some((wrong, expected)) = first
            && let Some(status) = attempt(&core, &account, &who, &wrong, u64::MAX).await
            && status != expected
        {
            core.watch.broken(&core, "webhook.verified", &who, format!("{status} instead of {expected}"));
        }
        until_accepted(&core, &account, &who, &payload).await;
        if let Some(fault) = fault.filter(|f| f.kind == Kind::Duplicate) {
            tokio::time::sleep(fault.lasts).await;
            until_accepted(&core, &account, &who, &payload).await;
        }
        core.watch.under_way(-1);
    });
}

/// Until another delivery of the same person was accepted, or it has waited for long enough.
async fn overtaken(core: &Core, who: &str, longest: Duration) {
    let (before, end) = (core.watch.deliveries(who), core.clock.elapsed() + longest);
    while core.watch.deliveries(who) == before && core.clock.elapsed() < end {
        tokio::time::sleep(LOOK).await;
    }
}

fn spoilt(payload: &Payload) -> Payload {
    let mut wrong = payload.clone();
    wrong.headers.values_mut().for_each(|v| v.push('0'));
    wrong
}

fn larger(payload: &Payload) -> Payload {
    let mut wrong = payload.clone();
    wrong.body.resize(BODY_LIMIT + 1, b' ');
    wrong
}

async fn until_accepted(core: &Arc<Core>, account: &Arc<ChannelAccount>, who: &str, payload: &Payload) {
    let (mut wait, longest) = AGAIN;
    for n in 0.. {
        if attempt(core, account, who, payload, n).await == Some(200) {
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(longest);
    }
}

async fn attempt(core: &Arc<Core>, account: &Arc<ChannelAccount>, who: &str, payload: &Payload, n: u64) -> Option<u16> {
    let door = core.doors.choose(core.seed.draw("balance", who, n))?;
    let status = tokio::time::timeout(PATIENCE, door.webhook(account, payload)).await.ok();
    core.note(&door.seam.name, "webhook", who, status.map_or("no answer".to_owned(), |s| s.to_string()));
    status
}

/// A visitor of the web chat sends until it is accepted.
pub fn post(core: &Arc<Core>, account: &Arc<ChannelAccount>, peer: &str, number: u64, said: &Said<'_>) {
    let content = match said {
        Said::Text(text) | Said::Echo(text) => Content::text(*text),
        Said::Voice(words) => Content::Media {
            media: MediaKind::Audio,
            caption: None,
            reference: Some((*words).to_owned()),
            mime: Some("audio/webm".to_owned()),
            name: None,
        },
        Said::OptOut | Said::OptIn => return,
    };
    let inbound = Inbound {
        provider_message_id: format!("{peer}.{number}"),
        peer: Peer { address: peer.to_owned(), name: None },
        sent_at: core.clock.now(),
        content,
        reply_to: None,
        raw: None,
    };
    let who = core.peer(account.id, peer);
    core.watch.under_way(1);
    let (core, account) = (Arc::clone(core), Arc::clone(account));
    tokio::spawn(async move {
        let (mut wait, longest) = AGAIN;
        for n in 0.. {
            if let Some(door) = core.doors.choose(core.seed.draw("balance", &who, n)) {
                let event = ChannelEvent::Message(inbound.clone());
                let answer = async {
                    door.seam.gate.pass().await;
                    door.accept(&account, vec![event]).await
                };
                if tokio::time::timeout(PATIENCE, answer).await == Ok(200) {
                    break;
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
        core.watch.under_way(-1);
    });
}
