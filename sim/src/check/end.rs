//! What is looked at when the world has come to rest.

use crate::{
    model::COST,
    provider::{SPOKEN, Taken},
    scenario::Scenario,
    world::{Core, News},
};
use colloquy_domain::{
    channel::DeliveryStatus,
    conversation::JournalWhat,
    ids::ConversationId,
    message::{Content, InboxItem, Outcome},
    model::Speaker,
    testkit::Sending,
};
use std::collections::{BTreeMap, BTreeSet};

/// Holds everything that is written down against what people wrote and what providers took.
pub fn at_rest(core: &Core, scenario: &Scenario) {
    let news = core.news();
    inboxes(core, &news);
    for news in &news {
        turns(core, news);
        super::hand_offs::at_rest(core, news);
        super::undo::at_rest(core, news);
        super::fallback::at_rest(core, news);
    }
    super::consent::at_rest(core, &news);
    replies(core);
    for taken in core.network.taken() {
        core.watch.seen(core, &taken.who, &taken.text);
    }
    budgets(core, scenario);
    super::knowledge::at_rest(core);
}

fn broken(core: &Core, invariant: &'static str, who: &str, detail: impl Into<String>) {
    core.watch.broken(core, invariant, who, detail);
}

fn inboxes(core: &Core, news: &[News]) {
    let mut found: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for (key, inbox, _) in news {
        let who = core.peer(key.channel, &key.peer.address);
        order(core, &who, inbox);
        for (item, outcome) in inbox {
            let id = item.inbound.provider_message_id.clone();
            if !ids.insert((key.channel, id.clone())) {
                broken(core, "message.twice", &who, id);
            }
            if outcome.is_none() {
                broken(core, "outcome.missing", &who, format!("#{}", item.seq));
            }
            let answered = matches!(outcome, Some(Outcome::Answered { .. } | Outcome::Merged { .. }));
            if answered && item.is_unheard() {
                broken(core, "recording.heard", &who, format!("#{}", item.seq));
            }
            if !matches!(item.inbound.content, Content::Echo { .. }) {
                let words = sent(&item.inbound.content);
                *found.entry(who.clone()).or_default().entry(words).or_default() += 1;
            }
        }
    }
    for (channel, id) in core.watch.all_accepted().difference(&ids) {
        broken(core, "message.lost", &core.channel(*channel), id.clone());
    }
    for (who, texts) in core.watch.written() {
        let mut wrote: BTreeMap<String, usize> = BTreeMap::new();
        texts.into_iter().for_each(|t| *wrote.entry(t).or_default() += 1);
        for (text, times) in wrote {
            let came = found.get(&who).and_then(|f| f.get(&text)).copied().unwrap_or(0);
            if came < times {
                broken(core, "message.lost", &who, text);
            } else if came > times {
                broken(core, "message.twice", &who, text);
            }
        }
    }
}

/// As the person sent it: a recording's file is called what is said in it.
fn sent(content: &Content) -> String {
    match content {
        Content::Media { reference: Some(said), .. } if content.is_recording() => format!("{SPOKEN}{said}"),
        content => content.words().unwrap_or_default(),
    }
}

fn order(core: &Core, who: &str, inbox: &[(InboxItem, Option<Outcome>)]) {
    let came: Vec<String> = inbox.iter().map(|(item, _)| item.inbound.provider_message_id.clone()).collect();
    let logged = core.watch.order(who);
    let both = |list: &[String], other: &[String]| list.iter().filter(|id| other.contains(id)).cloned().collect();
    let (came, logged): (Vec<String>, Vec<String>) = (both(&came, &logged), both(&logged, &came));
    if let Some((is, should)) = came.iter().zip(&logged).find(|(is, should)| is != should) {
        broken(core, "message.order", who, format!("{is} in the place of {should}"));
    }
}

fn turns(core: &Core, (key, inbox, lines): &News) {
    let who = core.peer(key.channel, &key.peer.address);
    let (mut last, mut answered) = (0, BTreeSet::new());
    for (item, outcome) in inbox {
        if let Some(Outcome::Answered { turn } | Outcome::Merged { turn }) = outcome {
            let turn = *turn;
            if turn < last {
                broken(core, "turn.order", &who, format!("#{} in turn {turn} after turn {last}", item.seq));
            }
            last = last.max(turn);
            if matches!(outcome, Some(Outcome::Answered { .. })) && !answered.insert(turn) {
                broken(core, "turn.reply", &who, format!("turn {turn} answers two messages"));
            }
        }
    }
    let said = lines.iter().filter(|l| l.speaker == Speaker::Agent).count();
    if said < answered.len() {
        broken(core, "turn.reply", &who, format!("{} turns, {said} replies", answered.len()));
    }
}

fn replies(core: &Core) {
    let mut taken: BTreeMap<String, Vec<Taken>> = BTreeMap::new();
    for t in core.network.taken() {
        taken.entry(t.who.clone()).or_default().push(t);
    }
    let mut made: BTreeMap<String, Vec<Sending>> = BTreeMap::new();
    for sending in core.store.outbox() {
        made.entry(core.peer(sending.item.channel, &sending.item.peer.address)).or_default().push(sending);
    }
    for (who, made) in made {
        let taken = taken.remove(&who).unwrap_or_default();
        let tagged = taken.iter().all(|t| t.tag.is_some());
        if tagged {
            by_tag(core, &who, &made, &taken);
        } else {
            by_text(core, &who, &made, &taken);
        }
        for sending in &made {
            if matches!(sending.status, DeliveryStatus::Queued) {
                broken(core, "liveness", &who, "a reply still waits");
            }
        }
    }
}

fn was_sent(status: DeliveryStatus) -> bool {
    matches!(status, DeliveryStatus::Sent | DeliveryStatus::Delivered | DeliveryStatus::Read)
}

/// Where the provider hands back what we gave it.
fn by_tag(core: &Core, who: &str, made: &[Sending], taken: &[Taken]) {
    let place: BTreeMap<String, usize> = made.iter().enumerate().map(|(n, s)| (s.item.id.to_string(), n)).collect();
    let (mut last, mut seen) = (0, BTreeSet::new());
    for t in taken {
        let tag = t.tag.clone().unwrap_or_default();
        let Some(&n) = place.get(&tag) else {
            broken(core, "reply.twice", who, "a reply that nobody made");
            continue;
        };
        if !seen.insert((n, t.text.clone())) {
            broken(core, "reply.twice", who, t.text.clone());
        }
        // Templates overtake what waits for its person.
        if made[n].item.template.is_some() {
            continue;
        }
        if n < last {
            broken(core, "reply.order", who, t.text.clone());
        }
        last = last.max(n);
    }
    for (n, sending) in made.iter().enumerate() {
        if was_sent(sending.status) && !seen.iter().any(|(m, _)| *m == n) {
            broken(core, "reply.lost", who, sending.item.text.clone());
        }
    }
}

/// Where it does not: the words must do.
fn by_text(core: &Core, who: &str, made: &[Sending], taken: &[Taken]) {
    let mut rest: Vec<Option<String>> = made.iter().map(|s| Some(plain(&s.item.text))).collect();
    let mut last = 0;
    for t in taken {
        let words = plain(&t.text);
        // Below a reply stand the documents that it cites.
        let is = |(s, r): (&Sending, &Option<String>)| {
            let cites = !s.item.citations.is_empty();
            // Nobody knows the name of the message that it began with: its beginning is all that came.
            let begun = s.status == DeliveryStatus::Uncertain && !words.is_empty();
            r.as_ref().is_some_and(|r| begun && r.starts_with(&words))
                || r.as_ref().is_some_and(|r| *r == words || cites && words.starts_with(r.as_str()))
        };
        match made.iter().zip(&rest).position(is) {
            Some(n) => {
                if n < last {
                    broken(core, "reply.order", who, t.text.clone());
                }
                last = last.max(n);
                rest[n] = None;
            }
            // Long replies are cut, and cut ones have other words.
            None if made.iter().any(|s| s.item.text.chars().count() > 2_000) => {}
            None => broken(core, "reply.twice", who, t.text.clone()),
        }
    }
    for (sending, rest) in made.iter().zip(&rest) {
        if was_sent(sending.status) && rest.is_some() && sending.item.text.chars().count() <= 2_000 {
            broken(core, "reply.lost", who, sending.item.text.clone());
        }
    }
}

/// Letters and digits only: markup differs from channel to channel.
fn plain(text: &str) -> String {
    let text = text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "").replace("&quot;", "");
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

fn budgets(core: &Core, scenario: &Scenario) {
    let dearest = dearest(core).max(COST);
    for agent in scenario.world.agents.iter().filter(|a| a.daily_budget_micros.is_some()) {
        let Some(budget) = agent.daily_budget_micros else { continue };
        // What was begun within the budget may end beyond it.
        let turn = u64::from(agent.max_steps + 1) * dearest;
        let most = budget + u64::from(agent.max_concurrent_turns) * turn;
        for (day, spent) in core.spent(&agent.name) {
            if spent > most {
                broken(core, "budget", &agent.name, format!("{spent} micros on day {day}, {budget} allowed"));
            }
        }
    }
}

/// The most that one completion cost.
fn dearest(core: &Core) -> u64 {
    let rows = core.store.conversations().into_iter().flat_map(|k| core.store.journal(k.id));
    let costs = rows.filter_map(|row| match row.what {
        JournalWhat::Completion(c) => Some(c.usage.cost_micros),
        JournalWhat::Settled(_) => None,
    });
    costs.max().unwrap_or(0)
}

/// What a restart must not change: outcomes, replies, and what providers took.
#[must_use]
pub fn standing(core: &Core) -> (Vec<(ConversationId, usize, usize)>, usize, usize) {
    let conversations = core
        .store
        .conversations()
        .iter()
        .map(|k| (k.id, core.store.inbox(k.id).len(), core.store.transcript(k.id).len()))
        .collect();
    (conversations, core.network.taken().len(), core.watch.tools().len())
}
