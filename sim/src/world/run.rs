//! One run of one scenario with one seed.

use super::{
    Core,
    build::build,
    library,
    node::{Command, Keeper, Parts},
    phone::WorldPhone,
    team,
    told::{self, Told},
    twin,
};
use crate::{
    check::{self, Violation},
    fault::{Fired, Kind, Site},
    model::{Outside, Take, Thinks},
    people,
    planted::Planted,
    provider::{Said, write},
    report::answers,
    saved::{Saved, save},
    scenario::{Action, ConversationSpec, Scenario, TimelineEvent},
    seed::Seed,
    trace::Entry,
};
use colloquy_domain::{
    channel::DeliveryStatus,
    ids::{ConversationId, TenantId},
};
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// How often a node's own faults are drawn.
const TICK: Duration = Duration::from_secs(1);
/// How often it is looked whether the world has come to rest: less and less often, from the first to the second.
const LOOK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// Numbers of what operators write begin here.
const OPERATOR: u64 = 1_000_000;
/// How long a world that started anew is watched.
const ANEW: Duration = Duration::from_secs(20);

/// How a run is made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether the trace is kept for reading; it is hashed in any case.
    pub trace: bool,
    /// A defect to be found.
    pub planted: Option<Planted>,
    /// Whether the world is kept as it is when it has come to rest.
    pub save: bool,
}

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Pass,
    /// The agent did not do what the scenario expects.
    FailAgent,
    /// A person who is played by a model broke their own rules: nothing can be said of the agent.
    FailUserSim,
    /// A promise of the runtime was broken.
    FailInfra,
    /// Nothing can be said, and nobody is to blame: a fault that the scenario asks for outright never struck, or a model
    /// could not be asked.
    Inconclusive,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pass, Self::FailAgent, Self::FailUserSim, Self::FailInfra, Self::Inconclusive];

    /// Stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::FailAgent => "fail_agent",
            Self::FailUserSim => "fail_user_sim",
            Self::FailInfra => "fail_infra",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// What there was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    pub conversations: u64,
    pub messages: u64,
    pub outcomes: BTreeMap<String, u64>,
    pub replies: u64,
    pub deliveries: BTreeMap<String, u64>,
    pub tool_calls: u64,
    pub faults: u64,
    pub events: u64,
}

/// What a run shows.
#[derive(Debug, Clone)]
pub struct Report {
    pub seed: u64,
    pub verdict: Verdict,
    pub violations: Vec<Violation>,
    /// Expectations that were not met.
    pub unmet: Vec<String>,
    /// What people who are played did against their own rules.
    pub off_script: Vec<String>,
    /// Why a run that is inconclusive is so.
    pub doubts: Vec<String>,
    /// What the scenario asks for and nobody looked at: only where it was played to a running server.
    pub unchecked: Vec<String>,
    /// What servers answered, for cassettes.
    pub takes: Vec<Take>,
    pub trace_hash: String,
    /// Empty unless it was asked for.
    pub trace: Vec<Entry>,
    pub fired: Vec<Fired>,
    pub stats: Stats,
    /// What people got.
    pub told: Vec<Told>,
    /// Age of the world at its end.
    pub lasted: Duration,
    /// The world at rest, if it was asked for, or why there is none.
    pub saved: Option<Result<Box<Saved>, String>>,
}

/// Runs a scenario once. Everything happens on this thread, in virtual time.
///
/// # Panics
/// If the machine gives no runtime.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64, options: Options) -> Report {
    run_with(scenario, seed, options, None)
}

/// As [`run`]; the models of the scenario that lie outside of the world can be asked.
///
/// # Panics
/// If the machine gives no runtime.
#[must_use]
pub fn run_with(scenario: &Scenario, seed: u64, options: Options, outside: Option<&Outside>) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without threads or IO");
    let mut report = runtime.block_on(live(scenario, Seed(seed), options, outside));
    if scenario.expect.as_without_crashes && report.verdict != Verdict::FailInfra {
        report.violations = twin::unlike(scenario, &report);
        if !report.violations.is_empty() {
            report.verdict = Verdict::FailInfra;
        }
    }
    report
}

async fn live(scenario: &Scenario, seed: Seed, options: Options, outside: Option<&Outside>) -> Report {
    // Times are measured on the trace.
    let kept = Options { trace: options.trace || scenario.expect.times.is_some(), ..options };
    let core = build(scenario, seed, kept, outside);
    let nodes = start(&core, scenario).await;
    let nodes = Arc::new(nodes);
    let mut busy: Vec<JoinHandle<()>> = Vec::new();
    for conversation in &scenario.conversations {
        busy.push(tokio::spawn(writes(Arc::clone(&core), conversation.clone())));
    }
    for event in &scenario.timeline {
        busy.push(tokio::spawn(happens(Arc::clone(&core), Arc::clone(&nodes), event.clone())));
    }
    let ticking = scenario.faults.iter().any(|f| f.site == Site::Node);
    let ticker = ticking.then(|| tokio::spawn(ticks(Arc::clone(&core), Arc::clone(&nodes))));
    for task in busy {
        // A person who panics is a defect of the simulator: it shows as what is missing.
        let _ = task.await;
    }
    core.faults.end();
    if let Some(ticker) = ticker {
        ticker.abort();
    }
    let mut saved = options.save.then(|| Err("it did not come to rest".to_owned()));
    if comes_to_rest(&core, scenario.world.settle.0).await {
        check::at_rest(&core, scenario);
        saved = saved.map(|_| save(&core).map(Box::new));
        starts_anew(&core, &nodes).await;
    } else {
        core.watch.broken(&core, "liveness", "", format!("not at rest after {:?}", scenario.world.settle.0));
        check::at_rest(&core, scenario);
    }
    Report { saved, ..report(&core, scenario, seed, options.trace) }
}

/// The nodes by their names.
struct Nodes(BTreeMap<String, mpsc::UnboundedSender<Command>>);

impl Nodes {
    fn tell(&self, node: &str, command: Command) {
        if let Some(to) = self.0.get(node) {
            // A node that ended for good hears nothing.
            let _ = to.send(command);
        }
    }
}

async fn start(core: &Arc<Core>, scenario: &Scenario) -> Nodes {
    let parts = Arc::new(Parts {
        core: Arc::clone(core),
        thinks: Thinks::of(&scenario.model),
        tools: scenario.tools.clone(),
        clustered: scenario.world.nodes > 1,
    });
    let mut nodes = BTreeMap::new();
    for number in 0..u16::from(scenario.world.nodes) {
        let (to, commands) = mpsc::unbounded_channel();
        let (up, is_up) = oneshot::channel();
        let name = format!("n{number}");
        let keeper = Keeper { parts: Arc::clone(&parts), name: name.clone(), number, commands };
        tokio::spawn(keeper.run(up));
        // It is up, or it never will be: then nobody is answered, which shows.
        let _ = is_up.await;
        nodes.insert(name, to);
    }
    Nodes(nodes)
}

async fn writes(core: Arc<Core>, conversation: ConversationSpec) {
    if let Some(phone) = WorldPhone::of(&core, &conversation) {
        people::live(&phone, &conversation.user).await;
    }
}

async fn happens(core: Arc<Core>, nodes: Arc<Nodes>, event: TimelineEvent) {
    core.clock.until(event.at.0).await;
    match event.action {
        Action::Kill { node, lasts } => nodes.tell(&node, Command::Kill(lasts.0)),
        Action::Pause { node, lasts } => nodes.tell(&node, Command::Pause(lasts.0)),
        Action::Restart { node, lasts } => nodes.tell(&node, Command::Restart(lasts.0)),
        Action::Cut { node, lasts } => nodes.tell(&node, Command::Cut(lasts.0)),
        Action::TakeOver { channel, peer } => command(&core, &channel, &peer, true),
        Action::GiveBack { channel, peer } => command(&core, &channel, &peer, false),
        Action::Approve { channel, peer } => team::decides(&core, &channel, &peer, true),
        Action::Deny { channel, peer } => team::decides(&core, &channel, &peer, false),
        Action::Undo { channel, peer } => team::undoes(&core, &channel, &peer),
        Action::Upload { base, document, text } => library::upload(&core, &base, &document, &text).await,
        Action::Delete { base, document } => library::delete(&core, &base, &document).await,
        Action::Operator { channel, peer, text } => {
            core.note("", "operator", &format!("{channel}/{peer}"), text.as_str());
            does(&core, &channel, &peer, &Said::Echo(&text));
        }
        Action::OptOut { channel, peer } => does(&core, &channel, &peer, &Said::OptOut),
        Action::OptIn { channel, peer } => does(&core, &channel, &peer, &Said::OptIn),
        Action::Say { channel, peer, text, by, template } => {
            team::says(&core, (&channel, &peer), team::Words { text, by, template }).await;
        }
        Action::Template { channel, template, status } => {
            core.note("", "template", &channel, format!("{template} {status:?}"));
            team::approves(&core, &channel, &template, status);
        }
    }
}

/// In the provider's own app.
fn does(core: &Arc<Core>, channel: &str, peer: &str, said: &Said<'_>) {
    let Some(account) = core.account_named(channel) else { return };
    let who = format!("{channel}/{peer}");
    // Beside the numbers of what the person writes, and other ones than those of a world before.
    let number = OPERATOR + core.before(&who).inbox as u64 + core.asked(&format!("operator {who}"));
    write(core, &account, peer, number, said);
}

fn command(core: &Core, channel: &str, peer: &str, take: bool) {
    let found = conversation(core, channel, peer);
    let Some((tenant, id)) = found else { return };
    core.note("", if take { "take_over" } else { "give_back" }, &format!("{channel}/{peer}"), "");
    if let Some(door) = core.doors.all().first() {
        if take {
            door.handle.take_over(tenant, id, "a person of the team takes over".to_owned());
        } else {
            door.handle.give_back(tenant, id);
        }
    }
}

pub(super) fn conversation(core: &Core, channel: &str, peer: &str) -> Option<(TenantId, ConversationId)> {
    let keys = core.store.conversations();
    keys.into_iter().find(|k| k.peer.address == peer && core.channel(k.channel) == channel).map(|k| (k.tenant, k.id))
}

/// Draws what goes wrong with the nodes themselves.
async fn ticks(core: Arc<Core>, nodes: Arc<Nodes>) {
    loop {
        tokio::time::sleep(TICK).await;
        for name in nodes.0.keys() {
            let Some(fault) = core.faults.at(Site::Node, name) else { continue };
            core.note(name, "fault", "", format!("Node {:?} {:?}", fault.kind, fault.lasts));
            match fault.kind {
                Kind::Kill => nodes.tell(name, Command::Kill(fault.lasts)),
                Kind::Pause => nodes.tell(name, Command::Pause(fault.lasts)),
                Kind::Restart => nodes.tell(name, Command::Restart(fault.lasts)),
                Kind::Cut => nodes.tell(name, Command::Cut(fault.lasts)),
                Kind::Skew => {
                    let millis = i64::try_from(fault.lasts.as_millis()).unwrap_or(0);
                    nodes.tell(name, Command::Skew(if fault.coin { millis } else { -millis }));
                }
                _ => {}
            }
        }
    }
}

fn is_at_rest(core: &Core) -> bool {
    let settled = || {
        core.store.conversations().iter().all(|k| core.store.inbox(k.id).iter().all(|(_, outcome)| outcome.is_some()))
    };
    let delivered = || core.store.outbox().iter().all(|s| s.status != DeliveryStatus::Queued);
    core.watch.is_quiet()
        && core.library.is_settled(&core.store)
        && core.network.is_read()
        && core.store.is_moved()
        && delivered()
        && settled()
        && team::is_heard(core)
}

async fn comes_to_rest(core: &Core, settle: Duration) -> bool {
    let end = core.clock.elapsed() + settle;
    let (mut look, longest) = LOOK;
    while core.clock.elapsed() < end {
        if is_at_rest(core) {
            return true;
        }
        tokio::time::sleep(look).await;
        look = (look * 5 / 4).min(longest);
    }
    is_at_rest(core)
}

/// Whoever reads everything again from what is written must find nothing to do.
async fn starts_anew(core: &Arc<Core>, nodes: &Nodes) {
    let before = check::standing(core);
    core.note("", "at_rest", "", "every node starts anew, and nothing may change");
    for name in nodes.0.keys() {
        nodes.tell(name, Command::Kill(Duration::from_millis(10)));
    }
    tokio::time::sleep(ANEW).await;
    if check::standing(core) != before || !is_at_rest(core) {
        core.watch.broken(core, "rehydrated", "", "something happened after everything had come to rest");
    }
}

fn report(core: &Core, scenario: &Scenario, seed: Seed, traced: bool) -> Report {
    let (violations, off_script, trace) = (core.watch.violations(), core.watch.all_off_script(), core.trace.entries());
    let mut unmet = check::unmet(core, scenario);
    if let Some(times) = &scenario.expect.times {
        unmet.extend(check::times::unmet(times, &answers(scenario, &trace)));
    }
    let mut doubts = core.deck.doubts();
    doubts.extend(core.faults.unstruck());
    let verdict = if !violations.is_empty() {
        Verdict::FailInfra
    } else if !off_script.is_empty() {
        Verdict::FailUserSim
    } else if !core.deck.doubts().is_empty() {
        Verdict::Inconclusive
    } else if !unmet.is_empty() {
        Verdict::FailAgent
    } else if !doubts.is_empty() {
        Verdict::Inconclusive
    } else {
        Verdict::Pass
    };
    Report {
        seed: seed.0,
        verdict,
        violations,
        unmet,
        off_script,
        doubts,
        unchecked: Vec::new(),
        takes: core.deck.takes(),
        trace_hash: core.trace.hash(),
        trace: if traced { trace } else { Vec::new() },
        fired: core.faults.fired(),
        stats: stats(core),
        told: told::all(core),
        lasted: core.clock.elapsed(),
        saved: None,
    }
}

fn stats(core: &Core) -> Stats {
    let mut stats = Stats {
        tool_calls: core.watch.tools().len() as u64,
        faults: core.faults.fired().len() as u64,
        events: core.trace.count(),
        ..Stats::default()
    };
    for (_, inbox, _) in core.news() {
        if inbox.is_empty() {
            continue;
        }
        stats.conversations += 1;
        for (_, outcome) in inbox {
            stats.messages += 1;
            let name = outcome.map_or("none", |o| o.name());
            *stats.outcomes.entry(name.to_owned()).or_default() += 1;
        }
    }
    for sending in core.store.outbox() {
        stats.replies += 1;
        *stats.deliveries.entry(sending.status.name().to_owned()).or_default() += 1;
    }
    stats
}
