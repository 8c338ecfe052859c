//! The providers' side of a simulated world: what they take, refuse, limit and tell, on the level of their HTTP bodies.
//! The real drivers speak to it. One file for each kind of provider.

mod meta;
mod outside;
mod rates;
mod telegram;

pub use outside::{Connected, Delivered};

use crate::{
    fault::{Fault, Kind, Site},
    world::Core,
};
use colloquy_channels::{Answer, NoAnswer, Request};
use colloquy_domain::{channel::ChannelAccount, ports::Clock, time::Timestamp};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// How long an exchange takes, in milliseconds.
const TAKES: (u64, u64) = (20, 150);
/// The part of it after which the request arrives: the rest is the provider's work and the way back. So the ways of two messages
/// differ by at most 33 ms, which is what the pacer's slack is for.
const WAY: u32 = 4;
/// How long after a person's last message free text may be sent, by Meta's rules.
const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// A message that a provider took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub at: Timestamp,
    /// `channel/peer`.
    pub who: String,
    pub text: String,
    /// What was handed over to be recognised by.
    pub tag: Option<String>,
}

/// What a request asks for.
pub struct Call {
    channel: String,
    account: Arc<ChannelAccount>,
    what: What,
}

enum What {
    Send {
        who: String,
        peer: String,
        text: String,
        tag: Option<String>,
    },
    /// Long polling.
    Updates {
        after: i64,
        wait: Duration,
    },
    /// Typing, reading, profiles: whatever changes nothing.
    Other,
}

impl Call {
    /// Where and for whom faults may strike.
    #[must_use]
    pub fn faulty(&self) -> Option<(Site, &str)> {
        match &self.what {
            What::Send { who, .. } => Some((Site::Send, who)),
            What::Updates { .. } | What::Other => None,
        }
    }

    /// `channel/peer`, or the channel where nobody is written to.
    fn whose(&self) -> &str {
        self.faulty().map_or(self.channel.as_str(), |(_, who)| who)
    }

    fn is_telegram(&self) -> bool {
        self.account.kind.as_str() == "telegram"
    }
}

pub struct Network {
    /// By the host of the account's `api_base`, with the channel's name.
    hosts: BTreeMap<String, (String, Arc<ChannelAccount>)>,
    state: Mutex<State>,
    news: Notify,
}

#[derive(Default)]
struct State {
    taken: Vec<Taken>,
    /// How many messages each person got.
    numbers: BTreeMap<String, u64>,
    /// When each person last wrote.
    wrote: BTreeMap<String, Timestamp>,
    exchanges: BTreeMap<String, u64>,
    counts: rates::Counts,
    /// Until when each channel's token is refused.
    expired: BTreeMap<String, Timestamp>,
    /// Polled updates by channel: what was confirmed is gone.
    updates: BTreeMap<String, Vec<(i64, Value)>>,
    last_update: BTreeMap<String, i64>,
    /// Channels that are being polled right now.
    polled: BTreeSet<String>,
}

/// Where the provider of the n-th channel is.
#[must_use]
pub fn api_base(n: usize) -> String {
    format!("https://channel-{n}.sim")
}

impl Network {
    #[must_use]
    pub fn new(accounts: &[(String, Arc<ChannelAccount>)]) -> Self {
        let host = |(n, (name, account)): (usize, &(String, Arc<ChannelAccount>))| {
            (format!("channel-{n}.sim"), (name.clone(), Arc::clone(account)))
        };
        Self { hosts: accounts.iter().enumerate().map(host).collect(), state: Mutex::default(), news: Notify::new() }
    }

    /// Everything that was taken so far, in order.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        self.state().taken.clone()
    }

    /// Whether everything that waits to be polled was confirmed.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.state().updates.values().all(Vec::is_empty)
    }

    /// A person wrote.
    pub fn wrote(&self, who: &str, at: Timestamp) {
        self.state().wrote.insert(who.to_owned(), at);
    }

    /// When a person last wrote.
    #[must_use]
    pub fn wrote_at(&self, who: &str) -> Option<Timestamp> {
        self.state().wrote.get(who).copied()
    }

    /// The number of the last update of each channel that is polled.
    #[must_use]
    pub fn last_updates(&self) -> BTreeMap<String, i64> {
        self.state().last_update.clone()
    }

    /// Updates are numbered on from these.
    pub fn go_on_from(&self, updates: &BTreeMap<String, i64>) {
        self.state().last_update.clone_from(updates);
    }

    /// What a request asks for; `None` if nobody is at that address.
    #[must_use]
    pub fn understand(&self, request: &Request) -> Option<Call> {
        let (channel, account) = self.hosts.get(request.url.host_str()?)?;
        let path: Vec<&str> = request.url.path_segments()?.collect();
        let body = request.body.as_ref();
        let what = match account.kind.as_str() {
            "telegram" => telegram::understand(channel, &path, body, request.timeout),
            _ => meta::understand(channel, body),
        };
        Some(Call { channel: channel.clone(), account: Arc::clone(account), what })
    }

    /// Answers a request, after the time that it takes.
    ///
    /// # Errors
    /// The fault was that there is no answer.
    pub async fn answer(
        &self,
        core: &Arc<Core>,
        call: Call,
        request: &Request,
        fault: Option<Fault>,
    ) -> Result<Answer, NoAnswer> {
        let takes = self.takes(core, &call);
        let there = takes / WAY;
        tokio::time::sleep(there).await;
        let refused = self.refusal(core, &call, fault);
        tokio::time::sleep(takes.saturating_sub(there)).await;
        if let Some(refused) = refused {
            core.note("", "send.refused", call.whose(), refused.status.to_string());
            return Ok(refused);
        }
        let is_telegram = call.is_telegram();
        match call.what {
            What::Other => Ok(if is_telegram { telegram::fine() } else { meta::fine() }),
            What::Updates { after, wait } => Ok(self.updates(&call.channel, after, wait).await),
            What::Send { ref who, ref peer, ref text, ref tag } => {
                let lost = || Err(NoAnswer::Lost("simulated".to_owned()));
                match fault.map(|f| (f.kind, f.lasts)) {
                    Some((Kind::LostRequest, _)) => {
                        tokio::time::sleep(request.timeout).await;
                        return lost();
                    }
                    Some((Kind::Slow, lasts)) => tokio::time::sleep(lasts).await,
                    _ => {}
                }
                let sent = Taken { at: core.clock.now(), who: who.clone(), text: text.clone(), tag: tag.clone() };
                let answer = match self.take(core, &call, sent) {
                    Err(refused) => return Ok(refused),
                    Ok(id) if is_telegram => telegram::sent(peer, &id),
                    Ok(id) => {
                        meta::tell(core, &call.account, who, &id, tag.clone(), fault);
                        meta::sent(&call.account, peer, &id)
                    }
                };
                match fault.map(|f| (f.kind, f.lasts)) {
                    Some((Kind::LostAnswer, _)) => {
                        tokio::time::sleep(request.timeout).await;
                        lost()
                    }
                    Some((Kind::EarlyStatus, lasts)) => {
                        tokio::time::sleep(lasts).await;
                        Ok(answer)
                    }
                    _ => Ok(answer),
                }
            }
        }
    }

    /// Why a request that arrives is turned away at the door.
    fn refusal(&self, core: &Core, call: &Call, fault: Option<Fault>) -> Option<Answer> {
        let (kind, now) = (call.account.kind.as_str(), core.clock.now());
        let is_telegram = call.is_telegram();
        let mut state = self.state();
        if let Some(fault) = fault.filter(|f| f.kind == Kind::Expired) {
            state.expired.insert(call.channel.clone(), now + fault.lasts);
        }
        if state.expired.get(&call.channel).is_some_and(|until| *until > now) {
            return Some(if is_telegram { telegram::expired() } else { meta::expired() });
        }
        let What::Send { who, .. } = &call.what else { return None };
        let fault = fault.map(|f| (f.kind, f.lasts));
        if !matches!(fault, Some((Kind::LostRequest, _)))
            && let Err(too_fast) = state.counts.arrived(kind, &call.channel, who, now)
        {
            if core.is_paced {
                core.watch.broken(core, "provider.rate", who, format!("{too_fast:?}"));
            }
            return Some(if is_telegram { telegram::too_fast(too_fast) } else { meta::too_fast(kind, too_fast) });
        }
        match fault? {
            (Kind::Throttled, wait) => {
                state.counts.asked_to_wait(who, now, wait);
                Some(if is_telegram { telegram::slower(wait) } else { meta::slower(wait) })
            }
            (Kind::ServerError, _) => Some(Answer { status: 503, retry_after: None, body: None }),
            (Kind::Refuse, _) => Some(if is_telegram { telegram::blocked() } else { meta::blocked(kind) }),
            _ => None,
        }
    }

    fn takes(&self, core: &Core, call: &Call) -> Duration {
        let who = call.whose().to_owned();
        let mut state = self.state();
        let n = state.exchanges.entry(who.clone()).or_default();
        *n += 1;
        Duration::from_millis(core.seed.millis("exchange", &who, *n, TAKES))
    }

    /// The provider's own rules, then it is taken; gives the message's number to this person.
    fn take(&self, core: &Core, call: &Call, sent: Taken) -> Result<String, Answer> {
        let mut state = self.state();
        let (who, at) = (sent.who.clone(), sent.at);
        let limit = if call.account.kind.as_str() == "messenger" { 2_000 } else { 4_096 };
        if sent.text.is_empty() || sent.text.chars().count() > limit {
            core.watch.broken(core, "provider.limits", &who, format!("{} characters", sent.text.chars().count()));
            return Err(meta::refusal(400, 100, "invalid parameter"));
        }
        let window = !call.is_telegram();
        let last = state.wrote.get(&who).copied().unwrap_or_default();
        if window && at.since(last) > WINDOW {
            core.watch.broken(core, "provider.window", &who, format!("{:?} after the person wrote", at.since(last)));
            return Err(meta::refusal(400, 131_047, "more than 24 hours have passed"));
        }
        core.note("", "send.taken", &who, sent.text.clone());
        core.heard.tell(&who, &sent.text);
        state.taken.push(sent);
        let number = state.numbers.entry(who).or_default();
        *number += 1;
        Ok(number.to_string())
    }

    /// An update for a channel that is polled.
    fn update(&self, channel: &str, make: impl FnOnce(i64) -> Value) {
        let mut state = self.state();
        let last = state.last_update.entry(channel.to_owned()).or_default();
        *last += 1;
        let id = *last;
        state.updates.entry(channel.to_owned()).or_default().push((id, make(id)));
        drop(state);
        self.news.notify_waiters();
    }

    async fn updates(&self, channel: &str, after: i64, wait: Duration) -> Answer {
        if !self.state().polled.insert(channel.to_owned()) {
            return telegram::refusal(409, "Conflict: terminated by other getUpdates request");
        }
        let polled = Polled { network: self, channel };
        let end = tokio::time::Instant::now() + wait;
        loop {
            let news = self.news.notified();
            let found = {
                let mut state = self.state();
                let updates = state.updates.entry(channel.to_owned()).or_default();
                updates.retain(|(id, _)| *id >= after);
                updates.iter().take(100).map(|(_, update)| update.clone()).collect::<Vec<_>>()
            };
            if !found.is_empty() || tokio::time::timeout_at(end, news).await.is_err() {
                drop(polled);
                return telegram::result(Value::Array(found));
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A poll under way; it may be dropped with its node.
struct Polled<'a> {
    network: &'a Network,
    channel: &'a str,
}

impl Drop for Polled<'_> {
    fn drop(&mut self) {
        self.network.state().polled.remove(self.channel);
    }
}

/// What a person does on a channel.
pub enum Said<'a> {
    Text(&'a str),
    /// A person of the team, in the provider's own app.
    Echo(&'a str),
}

/// Brings what somebody wrote on its way; `number` counts the person's messages.
pub fn write(core: &Arc<Core>, account: &Arc<ChannelAccount>, peer: &str, number: u64, said: &Said<'_>) {
    let (channel, now) = (core.channel(account.id), core.clock.now());
    let who = format!("{channel}/{peer}");
    if let Said::Text(text) = said {
        core.network.wrote(&who, now);
        core.note("", "wrote", &who, *text);
        core.watch.wrote(&who, number, text);
    }
    match account.kind.as_str() {
        "telegram" if account.setting("mode") == Some("poll") => {
            core.network.update(&channel, |id| telegram::update(id, peer, number, now, said));
        }
        "telegram" => {
            let delivery = telegram::delivery(account, peer, number, now, said);
            crate::world::deliver(core, account, &who, delivery);
        }
        "webchat" => crate::world::post(core, account, peer, number, said),
        kind => {
            let delivery = meta::delivery(kind, account, peer, number, now, said);
            crate::world::deliver(core, account, &who, delivery);
        }
    }
}
