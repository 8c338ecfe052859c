//! The yardstick of the simulator's speed: the same people, messages and actors on the same store and clock, and nothing else: no
//! seams, faults, traces and checkers, no drivers and providers. What is left is what the actors themselves cost.

use crate::{
    clock::WorldClock,
    model::COST,
    scenario::{
        AgentSpec, ChannelKind, ChannelSpec, ConversationSpec, Expectations, FORMAT, ModelSpec, Runs, Scenario,
        ScriptedMessage, Span, UserSpec, WorldSpec,
    },
    seed::Seed,
};
use colloquy_actors::{Node, Ports, Settings};
use colloquy_domain::{
    channel::{ChannelEvent, DeliveryStatus},
    ids::TenantId,
    message::{Content, Inbound, Peer},
    model::{Completion, CompletionRequest, CompletionResult, Usage},
    placement::Ownership,
    ports::{Clock, Ids},
    testkit::{
        Account, FakeDriver, FakeModel, FakeTools, MeaningInWords, MemoryDirectory, MemoryKnowledge, MemoryStore,
        SeqIds,
    },
    time::Timestamp,
};
use std::{future::Future, sync::Arc, time::Duration};

/// How long the model takes, in milliseconds: as in simulated worlds.
const THINKS: (u64, u64) = (200, 1_500);
/// How often it is looked whether all were answered.
const LOOK: Duration = Duration::from_secs(1);

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ran {
    pub messages: u64,
    pub replies: u64,
    /// Virtual time.
    pub lasted: Duration,
}

/// People who chat: each writes some messages, minutes apart, and begins at some time within `span`.
#[must_use]
pub fn workload(conversations: u64, messages: u64, span: Duration, seed: u64) -> Scenario {
    let mut dice = Seed(seed).dice("workload");
    let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let person = |n: u64| {
        let mut at = dice.between(0, span);
        let messages = (0..messages)
            .map(|m| {
                at += dice.between(10_000, 300_000);
                ScriptedMessage { at: Span::millis(at), text: format!("message {n}.{m}") }
            })
            .collect();
        let (channel, peer) = (ChannelSpec::default().name, format!("{}", 33_600_000_000 + n));
        ConversationSpec { channel, peer, people: 1, user: UserSpec::Script { messages } }
    };
    Scenario {
        format: FORMAT.to_owned(),
        name: format!("{conversations} people who chat"),
        about: String::new(),
        provenance: None,
        runs: Runs { seed, trials: 1 },
        conversations: (0..conversations).map(person).collect(),
        world: WorldSpec {
            agents: vec![AgentSpec::default()],
            channels: vec![ChannelSpec { kind: ChannelKind::Messenger, ..ChannelSpec::default() }],
            ..WorldSpec::default()
        },
        model: ModelSpec::Echo,
        tools: Vec::new(),
        toolset: None,
        timeline: Vec::new(),
        faults: Vec::new(),
        expect: Expectations::default(),
    }
}

/// How long people talk, from the first message of each to their last, together.
#[must_use]
pub fn talked(scenario: &Scenario) -> Duration {
    let of = |c: &ConversationSpec| match &c.user {
        UserSpec::Script { messages } => match (messages.first(), messages.last()) {
            (Some(first), Some(last)) => last.at.0.saturating_sub(first.at.0),
            _ => Duration::ZERO,
        },
        UserSpec::Automaton(_) | UserSpec::Replay(_) | UserSpec::Model(_) => Duration::ZERO,
    };
    scenario.conversations.iter().map(of).sum()
}

/// Lets scripted people write to bare actors until all of them are answered.
///
/// # Panics
/// If the machine gives no runtime, or the actors do not start.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads or IO");
    runtime.block_on(live(scenario, Seed(seed)))
}

async fn live(scenario: &Scenario, seed: Seed) -> Ran {
    let clock = WorldClock::starting(Timestamp(1_772_442_000_000));
    let ids = SeqIds::new(2);
    let account = Account::new(TenantId::new(ids.uuid()), &ids);
    let store = Arc::new(MemoryStore::with_ids(Arc::new(SeqIds::new(1))));
    store.register_agent(account.profile());
    store.register_channel(account.account(), false);
    let node = Node::start(ports(&store, &clock, seed), Settings::default()).await.expect("the actors start");
    let mut busy = Vec::new();
    for conversation in &scenario.conversations {
        let UserSpec::Script { messages } = conversation.user.clone() else { continue };
        let (handle, clock, peer) = (node.handle(), Arc::clone(&clock), conversation.peer.clone());
        let account = account.account();
        busy.push(tokio::spawn(async move {
            for (n, message) in messages.into_iter().enumerate() {
                clock.until(message.at.0).await;
                let inbound = Inbound {
                    provider_message_id: format!("{peer}.{n}"),
                    peer: Peer { address: peer.clone(), name: None },
                    sent_at: clock.now(),
                    content: Content::text(message.text),
                    reply_to: None,
                    raw: None,
                };
                // The log in memory takes everything.
                let _ = handle.accept(&account, vec![ChannelEvent::Message(inbound)]).await;
            }
        }));
    }
    for person in busy {
        // A person who panics is missing in the count.
        let _ = person.await;
    }
    while !is_answered(&store) {
        tokio::time::sleep(LOOK).await;
    }
    let messages = store.conversations().iter().map(|k| store.inbox(k.id).len() as u64).sum();
    let ran = Ran { messages, replies: store.outbox().len() as u64, lasted: clock.elapsed() };
    node.stop().await;
    ran
}

fn is_answered(store: &MemoryStore) -> bool {
    store.is_moved()
        && store.conversations().iter().all(|k| store.inbox(k.id).iter().all(|(_, outcome)| outcome.is_some()))
        && store.outbox().iter().all(|s| s.status != DeliveryStatus::Queued)
}

fn ports(store: &Arc<MemoryStore>, clock: &Arc<WorldClock>, seed: Seed) -> Ports {
    let directory = Arc::new(MemoryDirectory { store: Arc::clone(store), driver: Arc::new(FakeDriver::default()) });
    let asked = std::sync::atomic::AtomicU64::new(0);
    let model = move |request: CompletionRequest| {
        let nth = asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let takes = Duration::from_millis(seed.millis("model", "", nth, THINKS));
        let answer = async move {
            tokio::time::sleep(takes).await;
            let text = format!("re: {}", request.messages.join(" + "));
            let usage = Usage { prompt_tokens: 100, completion_tokens: 10, cost_micros: COST };
            CompletionResult::Ok(Completion { text, usage, ..Completion::default() })
        };
        Box::pin(answer) as std::pin::Pin<Box<dyn Future<Output = CompletionResult> + Send>>
    };
    Ports {
        clock: clock.clone(),
        ids: Arc::new(SeqIds::new(1_000)),
        log: store.clone(),
        inbox: store.clone(),
        conversations: store.clone(),
        outbox: store.clone(),
        documents: store.clone(),
        agents: directory.clone(),
        channels: directory,
        pipeline: Arc::new(MemoryKnowledge::default()),
        knowledge: Arc::new(MemoryKnowledge::default()),
        meaning: Arc::new(MeaningInWords),
        model: Arc::new(FakeModel(model)),
        tools: Arc::new(FakeTools::default()),
        announcer: Arc::new(Silent),
        ownership: Arc::new(Ownership::everything()),
        cluster: None,
    }
}

struct Silent;

impl colloquy_domain::ports::Announcer for Silent {
    fn announce(&self, _: colloquy_domain::ports::Notice) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, Verdict};

    #[test]
    fn bare_actors_and_the_simulator_answer_the_same_messages() {
        let scenario = workload(20, 4, Duration::from_secs(3600), 7);
        let bare = run(&scenario, 7);
        let report = crate::run(&scenario, 7, Options::default());
        assert_eq!(report.verdict, Verdict::Pass, "{:?}", report.violations);
        assert_eq!((bare.messages, report.stats.messages), (80, 80));
        assert_eq!(bare.replies, report.stats.replies);
        assert!(talked(&scenario) > Duration::from_secs(20 * 60));
    }
}
