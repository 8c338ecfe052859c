//! From a scenario to what there is when the world begins.

use super::{Core, Library, Options, team};
use crate::{
    check::{Watch, canary},
    clock::WorldClock,
    fault::{FaultSpec, Faults, Kind},
    model::{Deck, Outside},
    provider,
    saved::restore,
    scenario::{
        Action, AgentSpec, Approvals, ChannelKind, ChannelSpec, DuringTurn, MemberSpec, RouteBy, RouteSpec, Scenario,
        TimelineEvent,
    },
    seed::Seed,
    toolset::{self, InUse},
    trace::Trace,
};
use colloquy_domain::{
    agent::{self, AgentProfile, Gather},
    channel::{self, ChannelAccount, Secret},
    fallback::Fallback,
    ids::{AgentId, ChannelId, TenantId},
    language::Language,
    model::ModelChoice,
    ports::Ids,
    routing::{Route, RoutedBy},
    team::Member,
    template::Parameters,
    testkit::{MemoryStore, SeqIds},
    time::Timestamp,
};
use std::{collections::BTreeMap, sync::Arc};

struct Agent<'a> {
    spec: &'a AgentSpec,
    tenant: TenantId,
    id: AgentId,
}

/// The world before anybody writes.
pub fn build(scenario: &Scenario, seed: Seed, options: Options, outside: Option<&Outside>) -> Arc<Core> {
    let world = &scenario.world;
    let start = world.start.parse::<jiff::Timestamp>().map_or(Timestamp(0), |t| Timestamp(t.as_millisecond()));
    let start = world.resumed.as_ref().map_or(start, |saved| start.max(saved.ended()));
    let clock = WorldClock::starting(start);
    let ids = SeqIds::new(2);
    let store = Arc::new(MemoryStore::with_ids(Arc::new(SeqIds::new(1))).with_lanes(world.lanes));
    let mut tenants: BTreeMap<&str, TenantId> = BTreeMap::new();
    let agents: Vec<Agent<'_>> = world
        .agents
        .iter()
        .map(|spec| {
            let tenant = *tenants.entry(&spec.tenant).or_insert_with(|| TenantId::new(ids.uuid()));
            Agent { spec, tenant, id: AgentId::new(ids.uuid()) }
        })
        .collect();
    let library = Library::new(&world.knowledge, SeqIds::new(3), |tenant| tenants.get(tenant).copied());
    agents.iter().for_each(|a| store.register_agent(profile(a, &agents, &library)));
    let named = |name: &str| agents.iter().find(|a| a.spec.name == name);
    let accounts: Vec<(String, Arc<ChannelAccount>)> = world
        .channels
        .iter()
        .enumerate()
        .filter_map(|(n, spec)| {
            let account = account(n, spec, named(&spec.agent)?, ChannelId::new(ids.uuid()));
            store.register_channel(account.clone(), spec.kind == ChannelKind::Webchat);
            Some((spec.name.clone(), Arc::new(account)))
        })
        .collect();
    let tenant_of = |c: &ChannelSpec| named(&c.agent).map_or("", |a| a.spec.tenant.as_str());
    let watch = Watch::new(world.channels.iter().map(|c| (c.name.as_str(), tenant_of(c))));
    let named = agents.iter().map(|a| (a.spec.name.clone(), (a.tenant, a.id))).collect();
    let faults = Faults::new(seed, &scenario.faults);
    let trace = Trace::new(options.trace);
    let mut core = Core::new(seed, options.planted, clock, faults, trace, store, accounts, named, watch, library);
    for channel in &world.channels {
        let texts = channel.templates.iter().map(|t| ((channel.name.clone(), t.name.clone()), t.text.clone()));
        core.templates.extend(texts);
        channel.templates.iter().for_each(|t| team::approves(&core, &channel.name, &t.name, t.status));
    }
    core.is_paced = is_paced(scenario);
    core.writing = scenario.world.writing.0;
    core.deck = Arc::new(Deck::new(outside.cloned()));
    core.toolset = scenario.toolset.as_ref().and_then(InUse::of);
    if let Some(saved) = &world.resumed {
        // Its times were looked at when it was read.
        core.before = restore(&core, saved, world).unwrap_or_default();
    }
    for base in &world.knowledge {
        for document in &base.documents {
            core.library.upload(&core.store, &base.name, &document.name, document.content());
        }
    }
    Arc::new(core)
}

/// A pacer is one node's and ends with whoever has it; a node that stood still sends at once what was let pass before, and one
/// whose clock is wrong counts by it.
fn is_paced(scenario: &Scenario) -> bool {
    let disturbs = |f: &FaultSpec| f.kind.ends_a_life() || matches!(f.kind, Kind::Panic | Kind::Pause | Kind::Skew);
    let stops =
        |e: &TimelineEvent| matches!(e.action, Action::Kill { .. } | Action::Pause { .. } | Action::Restart { .. });
    scenario.world.nodes == 1 && !scenario.faults.iter().any(disturbs) && !scenario.timeline.iter().any(stops)
}

fn profile(agent: &Agent<'_>, all: &[Agent<'_>], library: &Library) -> AgentProfile {
    let Agent { spec, tenant, id } = agent;
    let choice = ModelChoice {
        provider: "simulated".to_owned(),
        model: String::new(),
        temperature: None,
        max_tokens: None,
        sees_images: false,
    };
    let mut profile = AgentProfile::new(*tenant, *id, spec.name.clone(), choice);
    profile.instructions = format!("{}\n{}", spec.instructions, canary(&spec.tenant)).trim().to_owned();
    profile.language = Some(if spec.language == "fr" { Language::Fr } else { Language::En });
    profile.tools = spec.tools.iter().flat_map(|name| toolset::expanded(name)).collect();
    let called = |name: &str| all.iter().find(|a| a.spec.name == name && a.tenant == *tenant).map(|a| a.id);
    let member = |m: &MemberSpec| Some(Member { agent: called(&m.agent)?, when: m.when.clone() });
    profile.team = spec.team.iter().filter_map(member).collect();
    profile.specialists = spec.specialists.iter().filter_map(member).collect();
    let route = |r: &RouteSpec| Some(Route { to: called(&r.to)?, when: r.when.clone(), examples: r.examples.clone() });
    profile.routes = spec.routes.iter().filter_map(route).collect();
    profile.routing.by = match spec.route_by {
        RouteBy::Model => RoutedBy::Model,
        RouteBy::Meaning => RoutedBy::Meaning,
    };
    profile.journeys.clone_from(&spec.journeys);
    profile.knowledge = spec.knowledge.iter().filter_map(|name| library.base(name)).collect();
    profile.gather = Gather { quiet: spec.quiet.0, cap: spec.cap.0 };
    profile.approvals = match spec.approvals {
        Approvals::Never => agent::Approvals::Never,
        Approvals::Tainted => agent::Approvals::Tainted,
        Approvals::Unsafe => agent::Approvals::Unsafe,
    };
    profile.during_turn = match spec.during_turn {
        DuringTurn::Queue => agent::DuringTurn::Queue,
        DuringTurn::Merge => agent::DuringTurn::Merge,
        DuringTurn::Interrupt => agent::DuringTurn::Interrupt,
        DuringTurn::Reject => agent::DuringTurn::Reject,
    };
    profile.limits.max_steps = spec.max_steps;
    profile.max_concurrent_turns = spec.max_concurrent_turns;
    profile.daily_budget_micros = spec.daily_budget_micros;
    profile.return_after = spec.return_after.map(|s| s.0);
    let fallback = |template: &String| Fallback { template: template.clone(), parameters: Parameters::default() };
    profile.template_fallback = spec.template_fallback.as_ref().map(fallback);
    profile
}

fn account(n: usize, spec: &ChannelSpec, agent: &Agent<'_>, id: ChannelId) -> ChannelAccount {
    let mode = if spec.kind == ChannelKind::TelegramPoll { "poll" } else { "webhook" };
    let settings = [
        ("api_base", provider::api_base(n).as_str()),
        ("mode", mode),
        ("bot_username", "simbot"),
        ("app_id", "1"),
        ("account_sid", "AC1"),
        ("human_agent", if spec.human_agent { "true" } else { "false" }),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()));
    let secrets = [
        ("access_token", "token".to_owned()),
        ("app_secret", format!("secret-{n}")),
        ("verify_token", "word".to_owned()),
        ("auth_token", format!("auth-{n}")),
        ("channel_secret", format!("channel-{n}")),
        ("bot_token", format!("{}:token", 1_000 + n)),
        ("webhook_secret", format!("hook-{n}")),
    ];
    ChannelAccount {
        tenant: agent.tenant,
        id,
        kind: channel::ChannelKind::of(spec.kind.driver()),
        name: spec.name.clone(),
        agent: agent.id,
        external_id: Some(format!("1000000000{n:05}")),
        settings: settings.into(),
        secrets: secrets.into_iter().map(|(k, v)| (k.to_owned(), Secret::new(v))).collect(),
        enabled: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::Site,
        fuzz::{self, Size},
        scenario::Span,
    };

    #[test]
    fn who_may_have_forgotten_what_was_sent_is_not_held_to_the_rates() {
        let mut calm = fuzz::scenario(1, Size::SMALL);
        calm.world.nodes = 1;
        calm.timeline.clear();
        let with = |site, kind| {
            let fault = FaultSpec { site, kind, entity: None, chance: Some(0.1), occurrence: None, lasts: None };
            is_paced(&Scenario { faults: vec![fault], ..calm.clone() })
        };
        assert!(with(Site::Send, Kind::Throttled) && with(Site::Settle, Kind::Fail) && with(Site::Webhook, Kind::Late));
        let forget = [(Site::Settle, Kind::Panic), (Site::Send, Kind::CrashAfter), (Site::Tool, Kind::Pause)];
        assert!(!forget.into_iter().chain([(Site::Node, Kind::Skew)]).any(|(site, kind)| with(site, kind)));
        calm.faults.clear();
        let (node, lasts) = ("n0".to_owned(), Span::millis(1));
        let kill = TimelineEvent { at: lasts, action: Action::Kill { node, lasts } };
        assert!(is_paced(&calm) && !is_paced(&Scenario { timeline: vec![kill], ..calm.clone() }));
        calm.world.nodes = 2;
        assert!(!is_paced(&calm));
    }
}
