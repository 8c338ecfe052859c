//! A burst of messages of a team, to many chats at once: whether it keeps to the provider's rates, and how near to them it
//! comes. The whole application with the Telegram driver, before a provider that refuses what is too fast.

use super::{
    chat::Chat,
    graph,
    report::{Target, at_most},
    rig::{Base, Rig, account, profile},
    slow,
    strict::{Strict, Taken},
};
use crate::{
    machine::{MachineClock, MachineIds},
    out,
};
use anyhow::{Context, ensure};
use colloquy_domain::{
    channel::{ChannelAccount, Secret},
    conversation::{Conversation, Ctx, Input, Written, decide, project},
    ids::{AgentId, ChannelId, ConversationId},
    ports::{Clock, ConversationStore, Ids, StoreError},
};
use serde::Serialize;
use std::{path::Path, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// Idle time that nothing reaches.
const LONG: Duration = Duration::from_secs(3600);
/// A run that takes so many times longer than the least is given up.
const PATIENT: f64 = 4.0;
const GLANCE: Duration = Duration::from_millis(20);
/// Longer than an answer is written.
const WRITTEN: Duration = Duration::from_secs(12);
/// People who ask are numbered from here on.
const ASKERS: u32 = 2_000_000;
/// After the first messages: what a chat's burst lent is paid back.
const PAID_BACK: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy)]
pub struct Work {
    pub messages: u32,
    pub chats: u32,
    /// Messages a second that the provider takes.
    pub rate: u32,
    /// People and groups who ask while the burst goes, again and again, and see their answers being written.
    pub askers: u32,
}

/// What `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub messages: u32,
    pub chats: u32,
    pub rate: u32,
    /// Until all were in the outbox.
    pub queued_seconds: f64,
    /// From the first message that was queued until the last was taken.
    pub seconds: f64,
    /// What the rates allow.
    pub least_seconds: f64,
    /// To people beside the burst: answers, and what was shown of them before.
    pub answers: u64,
    pub shown: u64,
    /// Answered with 429.
    pub refused: u64,
    pub lost: u64,
    pub doubled: u64,
    /// Chats whose messages came in another order.
    pub disordered: u64,
    pub targets: Vec<Target>,
}

/// # Errors
/// The application's, or not all was sent in a multiple of the least time.
pub async fn run(dir: &Path, work: Work) -> anyhow::Result<Report> {
    let scratch = tempfile::Builder::new().prefix("colloquy-bench-").tempdir_in(dir)?;
    let mut base = Base::start(scratch.path()).await?;
    base.model = Some(slow::serve().await?);
    let strict = Strict::new(work.rate as usize);
    let provider = strict.clone();
    let address = graph::serve(move |request| provider.answer(request)).await?;
    let rig = Rig::start(&base, "pacing", LONG).await?;
    let measured = measure(&rig, &strict, &address, work).await;
    rig.stop().await;
    measured
}

async fn measure(rig: &Rig, strict: &Strict, address: &str, work: Work) -> anyhow::Result<Report> {
    let channel = connect(rig, address, work).await?;
    out::note("everybody writes once …");
    let peers = || (1..=work.chats).map(|n| n.to_string());
    Chat::of(rig, rig.tenant, channel).write_all(peers()).await?;
    let least = Duration::from_secs_f64(least_seconds(work, 0));
    let most = least.mul_f64(PATIENT) + PAID_BACK;
    taken_all(|| strict.answers(), work.chats.into(), most + WRITTEN).await?;
    sleep(PAID_BACK).await;
    strict.taken();
    let asking = Asking::begin(rig, channel, work.askers);
    if work.askers > 0 {
        sleep(WRITTEN).await;
    }
    let before = strict.taken();

    out::note(format_args!("{} messages to {} chats …", work.messages, work.chats));
    let (begun, mut writing) = (Instant::now(), JoinSet::new());
    for (n, peer) in (0..work.chats).zip(peers()) {
        let rows = rig.app.store().tenant(rig.tenant);
        let id = rows.conversation_with(channel, &peer).await?.context("the conversation with a chat")?;
        let count = (work.messages + work.chats - 1 - n) / work.chats;
        let writer = Writer { rows, store: rig.app.store().clone(), tenant: rig.tenant, id };
        writing.spawn(writer.write(count));
    }
    let waking = async {
        loop {
            rig.app.node().wake_channel(channel);
            sleep(GLANCE).await;
        }
    };
    let written = async {
        while let Some(done) = writing.join_next().await {
            done??;
        }
        anyhow::Ok(begun.elapsed())
    };
    let queued = tokio::select! { queued = written => queued?, () = waking => Duration::ZERO };
    rig.app.node().wake_channel(channel);
    taken_all(|| strict.count(), work.messages.into(), most).await?;
    let taken = strict.taken();
    drop(asking);
    ensure!(work.askers == 0 || before.shown > 0, "nothing was shown of the answers beside");
    Ok(Report::new(work, begun, queued, &taken))
}

/// Those who ask beside the burst, until this is dropped.
struct Asking(JoinSet<anyhow::Result<()>>);

impl Asking {
    /// Every third is a group, where an answer is a message that is edited.
    fn begin(rig: &Rig, channel: ChannelId, askers: u32) -> Self {
        let mut asking = JoinSet::new();
        for n in 1..=askers {
            let chat = Chat::of(rig, rig.tenant, channel);
            let peer = if n % 3 == 0 { format!("-{n}") } else { format!("{}", ASKERS + n) };
            asking.spawn(async move {
                loop {
                    chat.ask(&peer).await?;
                }
            });
        }
        Self(asking)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.abort_all();
    }
}

/// One account that is told what it may send.
async fn connect(rig: &Rig, address: &str, work: Work) -> anyhow::Result<ChannelId> {
    let (agent, channel) = (AgentId::new(MachineIds.uuid()), ChannelId::new(MachineIds.uuid()));
    let rows = rig.app.store().tenant(rig.tenant);
    let mut speaker = profile(rig.tenant, agent);
    "Telegram".clone_into(&mut speaker.name);
    if work.askers > 0 {
        "openai".clone_into(&mut speaker.model.provider);
    }
    rows.create_agent(speaker, colloquy_store::Actor::System).await?;
    let settings = [
        ("api_base", address.to_owned()),
        ("mode", "webhook".to_owned()),
        ("messages_per_second", work.rate.to_string()),
    ];
    let secrets = [("bot_token", "1:benchmark"), ("webhook_secret", "benchmark")];
    let telegram = ChannelAccount {
        external_id: Some("1".to_owned()),
        settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        secrets: secrets.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect(),
        ..account(rig.tenant, channel, "telegram", agent)
    };
    rows.create_channel(telegram, false).await?;
    rig.app.node().channel_changed(channel);
    Ok(channel)
}

async fn taken_all(count: impl Fn() -> u64, all: u64, most: Duration) -> anyhow::Result<()> {
    let taken = async {
        while count() < all {
            sleep(GLANCE).await;
        }
    };
    let waited = timeout(most, taken).await;
    ensure!(waited.is_ok(), "{} of {all} messages were sent in {} s", count(), most.as_secs());
    Ok(())
}

/// The longer of what the account and what one chat may be sent takes; so many messages go to others meanwhile.
fn least_seconds(work: Work, others: u64) -> f64 {
    let account = (f64::from(work.messages) + others as f64) / f64::from(work.rate);
    let chat = f64::from(work.messages.div_ceil(work.chats).saturating_sub(super::strict::BURST));
    account.max(chat)
}

/// A program that writes for the team, as the endpoint of messages does it.
struct Writer {
    rows: colloquy_store::TenantStore,
    store: colloquy_store::Store,
    tenant: colloquy_domain::ids::TenantId,
    id: ConversationId,
}

impl Writer {
    async fn write(self, count: u32) -> anyhow::Result<()> {
        for n in 0..count {
            while !self.say(n).await? {}
        }
        Ok(())
    }

    /// Whether it was written; the agent may have been faster.
    async fn say(&self, n: u32) -> anyhow::Result<bool> {
        let loaded = self.store.load(self.tenant, self.id).await?;
        let (now, version) = (MachineClock.now(), loaded.version);
        let profile = profile(self.tenant, loaded.agent);
        let state = Conversation::restore(loaded.key, loaded.snapshot);
        let words = Written {
            text: n.to_string(),
            rich: None,
            author: None,
            template: None,
            planned: false,
            last_inbound_at: now,
        };
        let decision = decide(&state, Input::Wrote(words), &Ctx { now, profile: &profile, own: profile.id });
        let commit = project(state, &decision.events, version, now, &MachineIds).1.context("nothing to write")?;
        match self.rows.commit_act(commit).await {
            Ok(()) => Ok(true),
            Err(StoreError::Stale) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }
}

impl Report {
    fn new(work: Work, begun: Instant, queued: Duration, taken: &Taken) -> Self {
        let (mut lost, mut doubled, mut disordered) = (0, 0, 0);
        for (n, chat) in (0..work.chats).zip(1..) {
            let expected = (work.messages + work.chats - 1 - n) / work.chats;
            let texts = taken.texts.get(&chat.to_string()).map_or(&[][..], Vec::as_slice);
            let mut numbers: Vec<u32> = texts.iter().filter_map(|text| text.parse().ok()).collect();
            disordered += u64::from(!numbers.is_sorted());
            let came = numbers.len() as u64;
            numbers.sort_unstable();
            numbers.dedup();
            doubled += came - numbers.len() as u64;
            lost += u64::from(expected) - numbers.len() as u64;
        }
        let seconds = taken.last.map_or(0.0, |last| last.duration_since(begun).as_secs_f64());
        let least = least_seconds(work, taken.answers);
        let targets = vec![
            at_most("time until all were sent / what the rates allow", 1.1, Some(seconds / least)),
            at_most("messages that the provider refused as too fast", 0.0, Some(taken.refused as f64)),
            at_most("lost, doubled or out of order", 0.0, Some((lost + doubled + disordered) as f64)),
        ];
        let Work { messages, chats, rate, .. } = work;
        let (queued_seconds, refused) = (queued.as_secs_f64(), taken.refused);
        let least_seconds = least;
        Self {
            messages,
            chats,
            rate,
            queued_seconds,
            seconds,
            least_seconds,
            answers: taken.answers,
            shown: taken.shown,
            refused,
            lost,
            doubled,
            disordered,
            targets,
        }
    }

    pub fn print(&self) {
        out::line(format_args!(
            "{} messages to {} chats, {} a second: written in {:.1} s, sent in {:.1} s, {:.1} s at least; {} refused, {} lost, {} \
             doubled, {} chats out of order",
            self.messages,
            self.chats,
            self.rate,
            self.queued_seconds,
            self.seconds,
            self.least_seconds,
            self.refused,
            self.lost,
            self.doubled,
            self.disordered
        ));
        if self.answers + self.shown > 0 {
            out::line(format_args!(
                "Beside them: {} answers to others, shown {} times while they were written",
                self.answers, self.shown
            ));
        }
        for target in &self.targets {
            let met = if target.met == Some(true) { "met" } else { "NOT MET" };
            let measured = target.measured.unwrap_or_default();
            out::line(format_args!("{}: {measured:.2}, {}, {met}", target.name, target.bound));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_burst_is_sent_once_and_in_order() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().expect("a folder");
        let work = Work { messages: 60, chats: 20, rate: 100, askers: 0 };
        let report = run(dir.path(), work).await.expect("measured");
        assert_eq!((report.lost, report.doubled, report.disordered, report.shown), (0, 0, 0, 0), "{report:?}");
        assert_eq!(report.targets.len(), 3);
    }
}
