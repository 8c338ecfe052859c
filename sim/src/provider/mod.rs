//! The providers' side of a simulated world: what they take, refuse, limit and tell, on the level of their HTTP bodies.
//! The real drivers speak to it. One file for each kind of provider.

mod dialect;
mod line;
mod meta;
mod outside;
mod rates;
mod rules;
mod telegram;
mod twilio;

pub use outside::{Connected, Delivered};

use crate::{
    fault::{Fault, Kind, Site},
    scenario::Approval,
    world::Core,
};
use colloquy_channels::{Answer, NoAnswer, Request};
use colloquy_domain::{channel::ChannelAccount, ports::Clock, time::Timestamp};
use dialect::{Refusal, Told};
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
        /// What a repetition is recognised by.
        once: Option<String>,
        terms: Terms,
    },
    /// That a message of ours goes.
    TakeAway { who: String, number: u64 },
    /// Long polling.
    Updates { after: i64, wait: Duration },
    /// Typing, reading, profiles: whatever changes nothing.
    Other,
}

/// On what terms a message is to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Terms {
    /// As an answer.
    Free,
    /// As the template of this name.
    Template(String),
    /// With the tag for words of people of the team.
    ByHand,
    /// Instead of what the message of this number says.
    InPlaceOf(u64),
}

impl Call {
    /// Where and for whom faults may strike.
    #[must_use]
    pub fn faulty(&self) -> Option<(Site, &str)> {
        match &self.what {
            What::Send { who, .. } => Some((Site::Send, who)),
            What::TakeAway { .. } | What::Updates { .. } | What::Other => None,
        }
    }

    /// `channel/peer`, or the channel where nobody is written to.
    fn whose(&self) -> &str {
        self.faulty().map_or(self.channel.as_str(), |(_, who)| who)
    }

    fn kind(&self) -> &str {
        self.account.kind.as_str()
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
    /// What still stands of it.
    taken: Vec<Option<Taken>>,
    /// Where in it is each person's message of a number.
    places: BTreeMap<(String, u64), usize>,
    /// How many messages each person got.
    numbers: BTreeMap<String, u64>,
    /// When each person last wrote.
    wrote: BTreeMap<String, Timestamp>,
    exchanges: BTreeMap<String, u64>,
    counts: rates::Counts,
    /// Until when each channel's token is refused.
    expired: BTreeMap<String, Timestamp>,
    /// Who does not want to be written to.
    opted_out: BTreeSet<String>,
    /// By channel and name.
    templates: BTreeMap<(String, String), Approval>,
    /// The number of the message that each key stands for: a key is good once.
    once: BTreeMap<(String, String), String>,
    /// What was refused for good: to whom, and what it is recognised by.
    refused: BTreeSet<(String, String)>,
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
        self.state().taken.iter().flatten().cloned().collect()
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

    /// A person wants to be written to, or does not.
    fn consents(&self, who: &str, wants: bool) {
        let mut state = self.state();
        let _ = if wants { state.opted_out.remove(who) } else { state.opted_out.insert(who.to_owned()) };
    }

    /// What the provider says of a template.
    pub fn approves(&self, channel: &str, template: &str, word: Approval) {
        self.state().templates.insert((channel.to_owned(), template.to_owned()), word);
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
        let what = dialect::understand(account, channel, request);
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
        if let Some(why) = refused {
            return Ok(self.refused(core, &call, why));
        }
        match &call.what {
            What::Other => Ok(dialect::fine(call.kind())),
            What::TakeAway { who, number } => {
                core.note("", "send.gone", who, number.to_string());
                let mut state = self.state();
                if let Some(place) = state.places.remove(&(who.clone(), *number)) {
                    state.taken[place] = None;
                }
                Ok(dialect::fine(call.kind()))
            }
            What::Updates { after, wait } => Ok(self.updates(&call.channel, *after, *wait).await),
            What::Send { .. } => self.send(core, &call, request, fault).await,
        }
    }

    /// A message that was not turned away at the door.
    async fn send(
        &self,
        core: &Arc<Core>,
        call: &Call,
        request: &Request,
        fault: Option<Fault>,
    ) -> Result<Answer, NoAnswer> {
        let What::Send { who, peer, text, tag, .. } = &call.what else { return Ok(dialect::fine(call.kind())) };
        let lost = || Err(NoAnswer::Lost("simulated".to_owned()));
        match fault.map(|f| (f.kind, f.lasts)) {
            Some((Kind::LostRequest, _)) => {
                tokio::time::sleep(request.timeout).await;
                return lost();
            }
            Some((Kind::Slow, lasts)) => tokio::time::sleep(lasts).await,
            _ => {}
        }
        if let Some(number) = self.known(call) {
            core.note("", "send.known", who, number.as_str());
            return Ok(line::known(peer, &number));
        }
        let sent = Taken { at: core.clock.now(), who: who.clone(), text: text.clone(), tag: tag.clone() };
        let number = match self.take(core, call, sent) {
            Ok(number) => number,
            Err(why) => return Ok(self.refused(core, call, why)),
        };
        let answer = dialect::sent(&call.account, peer, &number);
        let (who, peer, text, tag) = (who.clone(), peer.clone(), text.clone(), tag.clone());
        dialect::tell(core, &call.account, Told { who, peer, number, text, tag }, fault);
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

    /// The message that this one repeats, where the provider recognises repetitions.
    fn known(&self, call: &Call) -> Option<String> {
        let What::Send { once: Some(key), .. } = &call.what else { return None };
        self.state().once.get(&(call.channel.clone(), key.clone())).cloned()
    }

    /// Says no, and remembers a no that is for good.
    fn refused(&self, core: &Core, call: &Call, why: Refusal) -> Answer {
        let answer = dialect::refused(call.kind(), why);
        core.note("", "send.refused", call.whose(), answer.status.to_string());
        if let What::Send { who, tag, once, .. } = &call.what
            && why.is_final()
            && let Some(name) = once.as_ref().or(tag.as_ref())
            && !self.state().refused.insert((who.clone(), name.clone()))
        {
            core.watch.broken(core, "provider.refused", who, format!("{why:?} once more"));
        }
        answer
    }

    /// Why a request that arrives is turned away at the door.
    fn refusal(&self, core: &Core, call: &Call, fault: Option<Fault>) -> Option<Refusal> {
        let now = core.clock.now();
        let mut state = self.state();
        if let Some(fault) = fault.filter(|f| f.kind == Kind::Expired) {
            state.expired.insert(call.channel.clone(), now + fault.lasts);
        }
        if state.expired.get(&call.channel).is_some_and(|until| *until > now) {
            return Some(Refusal::Expired);
        }
        let What::Send { who, .. } = &call.what else { return None };
        let fault = fault.map(|f| (f.kind, f.lasts));
        if !matches!(fault, Some((Kind::LostRequest, _)))
            && let Err(too_fast) = state.counts.arrived(call.kind(), &call.channel, who, now)
        {
            if core.is_paced {
                core.watch.broken(core, "provider.rate", who, format!("{too_fast:?}"));
            }
            return Some(Refusal::TooFast(too_fast));
        }
        match fault? {
            (Kind::Throttled, wait) => {
                state.counts.asked_to_wait(who, now, wait);
                Some(Refusal::Slower(wait))
            }
            (Kind::ServerError, _) => Some(Refusal::Down),
            (Kind::Refuse, _) => Some(Refusal::Blocked),
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
    fn take(&self, core: &Core, call: &Call, sent: Taken) -> Result<String, Refusal> {
        let What::Send { once, terms, .. } = &call.what else { return Err(Refusal::TooLong) };
        let mut state = self.state();
        let who = sent.who.clone();
        judged(core, call, &state, terms, &sent)?;
        let ignored = state.opted_out.contains(&who);
        // LINE says nothing of it: the message is taken, and nobody sees it.
        if ignored && call.kind() != "line" {
            return Err(Refusal::Blocked);
        }
        core.note("", if ignored { "send.unseen" } else { "send.taken" }, &who, sent.text.clone());
        if !ignored {
            core.heard.tell(&who, &sent.text);
        }
        if let Terms::InPlaceOf(number) = terms {
            let place = state.places.get(&(who, *number)).copied().ok_or(Refusal::NoMessage)?;
            let at = state.taken[place].as_ref().map_or(sent.at, |before| before.at);
            state.taken[place] = Some(Taken { at, ..sent });
            return Ok(number.to_string());
        }
        let place = state.taken.len();
        state.taken.push(Some(sent));
        let number = state.numbers.entry(who.clone()).or_default();
        *number += 1;
        let number = *number;
        state.places.insert((who, number), place);
        let number = number.to_string();
        if let Some(key) = once {
            state.once.insert((call.channel.clone(), key.clone()), number.clone());
        }
        Ok(number)
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

/// Whether a message is such as the provider takes; what a driver should have known is a broken promise.
fn judged(core: &Core, call: &Call, state: &State, terms: &Terms, sent: &Taken) -> Result<(), Refusal> {
    let broken = |invariant, detail: String| core.watch.broken(core, invariant, &sent.who, detail);
    if let Some(why) = rules::unfit(call.kind(), &sent.text) {
        broken("provider.limits", why);
        return Err(Refusal::TooLong);
    }
    if let Terms::Template(name) = terms {
        let word = state.templates.get(&(call.channel.clone(), name.clone())).copied();
        return if word == Some(Approval::Approved) { Ok(()) } else { Err(Refusal::Template(word)) };
    }
    let by_hand = *terms == Terms::ByHand;
    if by_hand && !is_by_person(core, sent) {
        broken("provider.tag", "the tag for words of people is on others".to_owned());
    }
    let silent = sent.at.since(state.wrote.get(&sent.who).copied().unwrap_or_default());
    if rules::window(&call.account, by_hand).is_some_and(|window| silent > window) {
        broken("provider.window", format!("{silent:?} after the person wrote"));
        return Err(Refusal::Window);
    }
    Ok(())
}

/// Whether a person of the team wrote it.
fn is_by_person(core: &Core, sent: &Taken) -> bool {
    let id = sent.tag.as_deref().and_then(|tag| tag.parse().ok());
    id.and_then(|id| core.store.delivery(id)).is_some_and(|s| s.item.by_person)
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
    /// They say it in a recording. In a simulated world what a provider calls the file are its words.
    Voice(&'a str),
    /// A person of the team, in the provider's own app.
    Echo(&'a str),
    /// They do not want to be written to.
    OptOut,
    /// They want to again.
    OptIn,
}

/// How what people write begins that they say instead.
pub const SPOKEN: &str = "[voice] ";

/// What is said, where the provider understands some words itself.
fn understood<'a>(kind: &str, said: &Said<'a>) -> Said<'a> {
    match said {
        Said::Text(text) if text.starts_with(SPOKEN) => Said::Voice(text.trim_start_matches(SPOKEN)),
        Said::Text(text) if kind.starts_with("twilio") => match twilio::consent(text) {
            Some(true) => Said::OptIn,
            Some(false) => Said::OptOut,
            None => Said::Text(text),
        },
        Said::Text(text) => Said::Text(text),
        Said::Voice(text) => Said::Voice(text),
        Said::Echo(text) => Said::Echo(text),
        Said::OptOut => Said::OptOut,
        Said::OptIn => Said::OptIn,
    }
}

/// Brings what somebody did on its way; `number` counts the person's messages.
pub fn write(core: &Arc<Core>, account: &Arc<ChannelAccount>, peer: &str, number: u64, said: &Said<'_>) {
    let (channel, now) = (core.channel(account.id), core.clock.now());
    let who = format!("{channel}/{peer}");
    let said = &understood(account.kind.as_str(), said);
    match said {
        Said::Text(text) => {
            core.network.wrote(&who, now);
            core.note("", "wrote", &who, *text);
            core.watch.wrote(&who, number, text);
        }
        Said::Voice(text) => {
            core.network.wrote(&who, now);
            core.note("", "spoke", &who, *text);
            core.watch.wrote(&who, number, &format!("{SPOKEN}{text}"));
        }
        Said::OptOut | Said::OptIn => {
            let wants = matches!(said, Said::OptIn);
            core.network.wrote(&who, now);
            core.network.consents(&who, wants);
            core.note("", if wants { "opt_in" } else { "opt_out" }, &who, "");
            core.watch.consented(&who);
        }
        Said::Echo(_) => {}
    }
    match account.kind.as_str() {
        "telegram" if account.setting("mode") == Some("poll") => {
            core.network.update(&channel, |id| telegram::update(id, peer, number, now, said));
        }
        "webchat" => crate::world::post(core, account, peer, number, said),
        _ => crate::world::deliver(core, account, &who, dialect::delivery(account, peer, number, now, said)),
    }
}
