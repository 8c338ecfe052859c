//! Worlds made from a seed: who is there, who writes what, and what goes wrong.

mod journeys;
mod others;

use crate::{
    fault::{FaultSpec, Kind, Site},
    model::COST,
    scenario::{
        Action, AgentSpec, Approvals, Author, BaseSpec, ChannelKind, ChannelSpec, ConversationSpec, DocumentSpec,
        DuringTurn, Effect, Expectations, FORMAT, MemberSpec, ModelSpec, Runs, Scenario, ScriptedMessage, Span,
        TimelineEvent, ToolSpec, UserSpec, WorldSpec,
    },
    seed::{Dice, Seed},
    world::is_comparable,
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

/// Channels that others give their place to in some worlds. Drawn apart, so that all other worlds stay what they were.
const MORE_KINDS: [ChannelKind; 4] =
    [ChannelKind::Instagram, ChannelKind::Line, ChannelKind::TwilioSms, ChannelKind::TwilioWhatsapp];

/// The world of a seed.
#[must_use]
pub fn scenario(seed: u64, size: Size) -> Scenario {
    let mut dice = Seed(seed).dice("fuzz");
    let mut world = world(&mut dice, size);
    more_channels(seed, &mut world);
    let mut conversations = conversations(&mut dice, size, &world);
    let mut faults = faults(&mut dice, world.nodes);
    if Seed(seed).dice("deaths only").chance(0.2) {
        deaths_only(&mut world, &mut conversations, &mut faults);
    }
    let mut timeline = surroundings(seed, size, &mut world, &faults);
    teams(seed, &mut world, &mut conversations);
    journeys::draw(seed, &mut world, &mut conversations);
    others::draw(seed, &mut world, &mut conversations);
    let asked = approvals(seed, size, &mut world, &conversations);
    let said = team_and_consent(seed, size, &world, &conversations);
    let mut tools = tools();
    let undone = undo(seed, size, &mut tools, &conversations);
    // What is decided, or said to whom, depends on when.
    let as_without_crashes =
        asked.is_empty() && said.is_empty() && undone.is_none() && may_compare(&world, &faults, &conversations);
    timeline.extend(asked);
    timeline.extend(said);
    timeline.extend(undone.into_iter().flatten());
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
        tools,
        toolset: None,
        conversations,
        timeline,
        expect: Expectations { as_without_crashes, ..Expectations::default() },
        world,
        faults,
    }
}

fn tools() -> Vec<ToolSpec> {
    let tool = |name: &str, effect| ToolSpec {
        name: name.to_owned(),
        effect,
        result: format!("{name} done"),
        takes: Span::millis(300),
        undone_by: None,
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
        let kind = *dice.pick(&KINDS);
        channels.push(ChannelSpec { name: format!("c{n}"), agent, kind, ..ChannelSpec::default() });
    }
    WorldSpec { nodes: *dice.pick(&[1, 1, 2, 3]), agents, channels, ..WorldSpec::default() }
}

/// What a world has beside people and channels: lanes, and knowledge that is uploaded, replaced and deleted meanwhile. Drawn
/// apart, so that it changes nothing else.
fn surroundings(seed: u64, size: Size, world: &mut WorldSpec, faults: &[FaultSpec]) -> Vec<TimelineEvent> {
    let mut dice = Seed(seed).dice("surroundings");
    world.lanes = *dice.pick(&[1, 1, 1, 2, 3]);
    if dice.chance(0.5) {
        return Vec::new();
    }
    let span = u64::try_from(size.span.as_millis()).unwrap_or(u64::MAX);
    // Who dies between showing a document and saying so cannot know that it was deleted meanwhile.
    let may_delete = !faults.iter().any(|f| f.kind.ends_a_life());
    let mut timeline = Vec::new();
    for agent in &mut world.agents {
        let base = format!("books-{}", agent.tenant);
        agent.knowledge = vec![base.clone()];
        let names: Vec<String> = (0..dice.between(1, 2)).map(|n| format!("book-{n}.md")).collect();
        let mut documents = Vec::new();
        for name in &names {
            let text = Some(book(&mut dice, &agent.tenant, 1));
            documents.push(DocumentSpec { name: name.clone(), text, ..DocumentSpec::default() });
            let mut at = 0;
            for edition in 2..dice.between(2, 4) {
                at += dice.between(0, span / 2);
                let (base, document) = (base.clone(), name.clone());
                let action = if may_delete && dice.chance(0.3) {
                    Action::Delete { base, document }
                } else {
                    Action::Upload { base, document, text: book(&mut dice, &agent.tenant, edition) }
                };
                timeline.push(TimelineEvent { at: Span::millis(at), action });
            }
        }
        world.knowledge.push(BaseSpec { name: base, tenant: agent.tenant.clone(), documents });
    }
    timeline
}

/// In some worlds each agent has a colleague, and both hand over what they are asked to, to and fro. Drawn apart.
fn teams(seed: u64, world: &mut WorldSpec, conversations: &mut [ConversationSpec]) {
    let mut dice = Seed(seed).dice("teams");
    if !dice.chance(0.15) {
        return;
    }
    let member = |agent: &str| vec![MemberSpec { agent: agent.to_owned(), when: "somebody asks".to_owned() }];
    let mates: Vec<AgentSpec> = world
        .agents
        .iter_mut()
        .map(|a| {
            let name = format!("{}-mate", a.name);
            a.team = member(&name);
            AgentSpec { name, team: member(&a.name), ..a.clone() }
        })
        .collect();
    for conversation in conversations {
        let agent = world.channels.iter().find(|c| c.name == conversation.channel).map_or("", |c| c.agent.as_str());
        let UserSpec::Script { messages } = &mut conversation.user else { continue };
        for message in messages.iter_mut().filter(|m| !m.text.contains("[tool")) {
            let to = match dice.between(0, 3) {
                0 => format!("{agent}-mate"),
                1 => agent.to_owned(),
                _ => continue,
            };
            message.text.push_str(&format!(" [tool hand_off {{\"agent\": \"{to}\", \"reason\": \"asked\"}}]"));
        }
    }
    world.agents.extend(mates);
}

/// In some worlds unsafe tools need a person's word, and a team that approves and denies now and then, or never. Drawn apart.
fn approvals(seed: u64, size: Size, world: &mut WorldSpec, conversations: &[ConversationSpec]) -> Vec<TimelineEvent> {
    let mut dice = Seed(seed).dice("approvals");
    if !dice.chance(0.15) {
        return Vec::new();
    }
    for agent in &mut world.agents {
        agent.approvals = Approvals::Unsafe;
    }
    let span = u64::try_from(size.span.as_millis()).unwrap_or(u64::MAX);
    let mut timeline = Vec::new();
    for c in conversations {
        for _ in 0..dice.between(0, 4) {
            let (channel, peer) = (c.channel.clone(), c.peer.clone());
            let action =
                if dice.chance(0.7) { Action::Approve { channel, peer } } else { Action::Deny { channel, peer } };
            timeline.push(TimelineEvent { at: Span::millis(dice.between(0, span * 2)), action });
        }
    }
    timeline
}

/// In some worlds what was noted and paid can be undone: by itself when a turn fails, or by the team, now and then. Drawn apart.
fn undo(
    seed: u64,
    size: Size,
    tools: &mut Vec<ToolSpec>,
    conversations: &[ConversationSpec],
) -> Option<Vec<TimelineEvent>> {
    let mut dice = Seed(seed).dice("undo");
    if !dice.chance(0.15) {
        return None;
    }
    let undoing = |name: &str, effect| ToolSpec {
        name: name.to_owned(),
        effect,
        result: format!("{name} done"),
        takes: Span::millis(300),
        undone_by: None,
    };
    for tool in tools.iter_mut() {
        tool.undone_by = match tool.name.as_str() {
            "note" => Some("unnote".to_owned()),
            "pay" => Some("refund".to_owned()),
            _ => None,
        };
    }
    tools.extend([undoing("unnote", Effect::Idempotent), undoing("refund", Effect::Unsafe)]);
    let span = u64::try_from(size.span.as_millis()).unwrap_or(u64::MAX);
    let mut timeline = Vec::new();
    for c in conversations {
        for _ in 0..dice.between(0, 2) {
            let (channel, peer) = (c.channel.clone(), c.peer.clone());
            let action = Action::Undo { channel, peer };
            timeline.push(TimelineEvent { at: Span::millis(dice.between(0, span * 2)), action });
        }
    }
    Some(timeline)
}

fn more_channels(seed: u64, world: &mut WorldSpec) {
    let mut dice = Seed(seed).dice("channels");
    for channel in &mut world.channels {
        if dice.chance(0.4) {
            channel.kind = *dice.pick(&MORE_KINDS);
        }
        let has_tag = matches!(channel.kind, ChannelKind::Messenger | ChannelKind::Instagram);
        channel.human_agent = has_tag && dice.chance(0.5);
    }
}

/// In some worlds people say that they do not want to be written to, and that they want to again, and the team writes. Drawn apart.
fn team_and_consent(
    seed: u64,
    size: Size,
    world: &WorldSpec,
    conversations: &[ConversationSpec],
) -> Vec<TimelineEvent> {
    let mut dice = Seed(seed).dice("team and consent");
    if !dice.chance(0.2) {
        return Vec::new();
    }
    let span = u64::try_from(size.span.as_millis()).unwrap_or(u64::MAX);
    let mut timeline = Vec::new();
    for (n, c) in conversations.iter().enumerate() {
        let tells = world.channels.iter().any(|k| k.name == c.channel && k.kind.tells_of_consent());
        for m in 0..dice.between(0, 3) {
            let (channel, peer) = (c.channel.clone(), c.peer.clone());
            let action = match dice.between(0, if tells { 3 } else { 1 }) {
                0 => Action::Say { channel, peer, text: said(n, m), by: Author::Person, template: None },
                1 => Action::Say { channel, peer, text: said(n, m), by: Author::Program, template: None },
                2 => Action::OptOut { channel, peer },
                _ => Action::OptIn { channel, peer },
            };
            timeline.push(TimelineEvent { at: Span::millis(dice.between(0, span * 2)), action });
        }
    }
    timeline
}

fn said(conversation: usize, nth: u64) -> String {
    format!("word {conversation}.{nth} of the team")
}

/// Takes away what would give a message another answer if a node were away for a while.
fn deaths_only(world: &mut WorldSpec, conversations: &mut [ConversationSpec], faults: &mut Vec<FaultSpec>) {
    faults.retain(|f| is_comparable(std::slice::from_ref(f)));
    for agent in &mut world.agents {
        agent.daily_budget_micros = None;
        agent.during_turn = DuringTurn::Queue;
    }
    for conversation in conversations {
        let UserSpec::Script { messages } = &mut conversation.user else { continue };
        for message in messages {
            let plain = message.text.split(" [tool").next().unwrap_or_default().to_owned();
            message.text = plain;
        }
    }
}

/// Whether every message gets the same answer however long a node was away.
fn may_compare(world: &WorldSpec, faults: &[FaultSpec], conversations: &[ConversationSpec]) -> bool {
    let deaths = faults.iter().any(|f| f.kind.ends_a_life());
    let patient = |a: &AgentSpec| {
        a.daily_budget_micros.is_none() && matches!(a.during_turn, DuringTurn::Queue | DuringTurn::Merge)
    };
    let plain = |c: &ConversationSpec| match &c.user {
        UserSpec::Script { messages } => messages.iter().all(|m| !m.text.contains("[tool")),
        UserSpec::Automaton(_) | UserSpec::Replay(_) | UserSpec::Model(_) => false,
    };
    deaths && is_comparable(faults) && world.agents.iter().all(patient) && conversations.iter().all(plain)
}

/// A text whose every passage fits every message, and tells whose it is.
fn book(dice: &mut Dice, tenant: &str, edition: u64) -> String {
    let word = crate::check::canary(tenant);
    let part = |n| format!("## Part {n}\n\nA message about part {n} of edition {edition}, {word}.\n\n");
    (0..dice.between(1, 6)).map(part).collect()
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
            peer: address(channel.kind, 33_600_000_000 + n),
            people: 1,
            user: UserSpec::Script { messages },
        }
    };
    (0..many).map(|n| of(dice, n)).collect()
}

/// As the provider writes it.
fn address(kind: ChannelKind, number: u64) -> String {
    match kind {
        ChannelKind::TwilioSms => format!("+{number}"),
        ChannelKind::TwilioWhatsapp => format!("whatsapp:+{number}"),
        _ => number.to_string(),
    }
}

/// A few kinds of fault, each more or less likely: a different few for each seed find more than all of them at once.
fn faults(dice: &mut Dice, nodes: u8) -> Vec<FaultSpec> {
    let mut faults = Vec::new();
    // Nobody speaks in these worlds.
    let sites: Vec<_> = Site::ALL.iter().filter(|(site, _)| *site != Site::Listen).collect();
    for _ in 0..dice.between(0, 6) {
        let (site, _) = **dice.pick(&sites);
        let kind = *dice.pick(&site.drawn());
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
