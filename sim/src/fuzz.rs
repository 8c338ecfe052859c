//! Worlds made from a seed: who is there, who writes what, and what goes wrong.

use crate::{
    fault::{FaultSpec, Kind, Site},
    model::COST,
    scenario::{
        AgentSpec, ChannelKind, ChannelSpec, ConversationSpec, DuringTurn, Effect, FORMAT, ModelSpec, Runs, Scenario,
        ScriptedMessage, Span, ToolSpec, UserSpec, WorldSpec,
    },
    seed::{Dice, Seed},
};
use std::time::Duration;

/// Beyond the window of every provider, in milliseconds.
const LONG: u64 = 25 * 3_600_000;

/// How much there is in a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub tenants: u64,
    pub conversations: u64,
    /// Of one conversation.
    pub messages: u64,
    /// When the last message is written, at most.
    pub span: Duration,
}

impl Size {
    /// What thousands of are run in a minute.
    pub const SMALL: Self = Self { tenants: 2, conversations: 3, messages: 4, span: Duration::from_secs(40) };
    /// What a long night is for.
    pub const LARGE: Self = Self { tenants: 4, conversations: 24, messages: 12, span: Duration::from_secs(600) };
}

const KINDS: [ChannelKind; 5] = [
    ChannelKind::Whatsapp,
    ChannelKind::Messenger,
    ChannelKind::Telegram,
    ChannelKind::TelegramPoll,
    ChannelKind::Webchat,
];

/// The world of a seed.
#[must_use]
pub fn scenario(seed: u64, size: Size) -> Scenario {
    let mut dice = Seed(seed).dice("fuzz");
    let mut world = world(&mut dice, size);
    let conversations = conversations(&mut dice, size, &world);
    let faults = faults(&mut dice, world.nodes);
    if faults.iter().any(|f| f.lasts == Some(Span::millis(LONG))) {
        world.settle = Span(Duration::from_secs(30 * 3600));
    }
    Scenario {
        format: FORMAT.to_owned(),
        name: format!("fuzz {seed}"),
        about: String::new(),
        provenance: None,
        runs: Runs { seed, trials: 1 },
        model: ModelSpec::Echo,
        tools: tools(),
        toolset: None,
        conversations,
        timeline: Vec::new(),
        faults,
        world,
        expect: crate::scenario::Expectations::default(),
    }
}

fn tools() -> Vec<ToolSpec> {
    let tool = |name: &str, effect| ToolSpec {
        name: name.to_owned(),
        effect,
        result: format!("{name} done"),
        takes: Span::millis(300),
    };
    vec![tool("look", Effect::Read), tool("note", Effect::Idempotent), tool("pay", Effect::Unsafe)]
}

fn world(dice: &mut Dice, size: Size) -> WorldSpec {
    let tenants = dice.between(1, size.tenants);
    let (mut agents, mut channels) = (Vec::new(), Vec::new());
    for n in 0..tenants {
        let agent = format!("agent-{n}");
        agents.push(AgentSpec {
            name: agent.clone(),
            tenant: format!("tenant-{n}"),
            tools: vec!["look".to_owned(), "note".to_owned(), "pay".to_owned()],
            quiet: Span::millis(*dice.pick(&[0, 200, 800])),
            cap: Span::millis(3_000),
            during_turn: *dice.pick(&[DuringTurn::Queue, DuringTurn::Merge, DuringTurn::Interrupt, DuringTurn::Reject]),
            max_concurrent_turns: *dice.pick(&[1, 2, 64]),
            max_steps: 2,
            daily_budget_micros: dice.chance(0.1).then_some(2 * COST),
            ..AgentSpec::default()
        });
        channels.push(ChannelSpec { name: format!("c{n}"), agent, kind: *dice.pick(&KINDS) });
    }
    WorldSpec { nodes: *dice.pick(&[1, 1, 2, 3]), agents, channels, ..WorldSpec::default() }
}

fn conversations(dice: &mut Dice, size: Size, world: &WorldSpec) -> Vec<ConversationSpec> {
    let span = u64::try_from(size.span.as_millis()).unwrap_or(u64::MAX);
    let many = dice.between(1, size.conversations);
    let of = |dice: &mut Dice, n: u64| {
        let channel = dice.pick(&world.channels);
        let tenant = world.agents.iter().find(|a| a.name == channel.agent).map_or("", |a| a.tenant.as_str());
        let word = crate::check::canary(tenant);
        let mut at = dice.between(0, span / 2);
        let messages = (0..dice.between(1, size.messages))
            .map(|m| {
                // Mostly after a while, sometimes in a burst.
                at += if dice.chance(0.4) { dice.between(0, 400) } else { dice.between(400, span / 4) };
                let tool = match dice.between(0, 9) {
                    0 => " [tool look {}]",
                    1 => " [tool note {}]",
                    2 => " [tool pay {}]",
                    _ => "",
                };
                ScriptedMessage { at: Span::millis(at), text: format!("message {n}.{m} {word}{tool}") }
            })
            .collect();
        ConversationSpec {
            channel: channel.name.clone(),
            peer: format!("{}", 33_600_000_000 + n),
            user: UserSpec::Script { messages },
        }
    };
    (0..many).map(|n| of(dice, n)).collect()
}

/// A few kinds of fault, each more or less likely: a different few for each seed find more than all of them at once.
fn faults(dice: &mut Dice, nodes: u8) -> Vec<FaultSpec> {
    let mut faults = Vec::new();
    for _ in 0..dice.between(0, 6) {
        let (site, kinds) = *dice.pick(Site::ALL);
        let kind = *dice.pick(kinds);
        if nodes == 1 && matches!(site, Site::Beat | Site::Claim | Site::Signal) {
            continue;
        }
        let chance = match site {
            Site::Node => *dice.pick(&[0.02, 0.08]),
            Site::Beat | Site::ReadLog => *dice.pick(&[0.01, 0.05]),
            _ => *dice.pick(&[0.02, 0.1, 0.3]),
        };
        // A provider may ask for a long wait; only where one node runs, whose days are short.
        let long = kind == Kind::Throttled && nodes == 1 && dice.chance(0.5);
        let usual = u64::try_from(kind.usual().as_millis()).unwrap_or(1_000);
        let lasts = Span::millis(if long { LONG } else { dice.between(50, 2 * usual) });
        let spec = FaultSpec { site, kind, entity: None, chance: Some(chance), occurrence: None, lasts: Some(lasts) };
        if !faults.iter().any(|f: &FaultSpec| f.site == site && f.kind == kind) {
            faults.push(spec);
        }
    }
    faults
}
