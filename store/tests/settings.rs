//! What tenants set up and how long they keep things, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    agent::AgentProfile,
    channel::{Secret, TemplateUpdate},
    http_tool::{Method, Operation},
    outreach::{Audience, BroadcastState, Words},
    ports::{ConversationStore, StoreError, ToolMeter},
    template::{Category, Component, Registered, Template, TemplateStatus},
    testkit::{answer, receive},
    time::Timestamp,
    tool::{EffectClass, Exceeded, ToolLimits},
    tool_limits::{AgentLimits, Amount, MoneyLimit, OfAgent, ToolUse},
    tool_server::{OfferedTool, Speaks, ToolRule, ToolServerSettings},
};
use colloquy_store::{
    Actor, Claimed, Integration, IntegrationKind, MessageFilter, NewBroadcast, NewPlanned, NewSimulation, PageRequest,
    Recipient, Retention, SimulationRun, SimulationState, Store, TenantStore,
};
use common::{Kind, NOW};
use std::{collections::BTreeMap, time::Duration};

const DAY: Duration = Duration::from_secs(24 * 3_600);

async fn texts(rows: &TenantStore) -> Vec<String> {
    let page = rows.all_messages(MessageFilter::default(), PageRequest::new(1, 100)).await.expect("read");
    let mut texts: Vec<String> = page.items.into_iter().map(|m| m.text).collect();
    texts.sort();
    texts
}

async fn what_is_kept_no_longer_goes_and_nothing_else(on: Kind) {
    let opened = common::open(on).await;
    let store = &opened.store;
    let f = common::fixture(store).await;
    let (here, there) = (store.tenant(f.home.tenant), store.tenant(f.abroad.tenant));
    here.create_webhook_endpoint("https://example.com", &["*".to_owned()], true, Secret::new("whsec_c2VjcmV0"))
        .await
        .expect("made");
    let old = receive(store, &f.pull, "old", &[("m1", "old words")], NOW).await;
    store.commit(answer(&old, "old answer", &f.ids, NOW)).await.expect("answered");
    receive(store, &f.pull, "waits", &[("m2", "nobody answered")], NOW).await;
    receive(store, &f.abroad, "else", &[("m1", "another tenant's")], NOW).await;
    let later = NOW + 40 * DAY;
    opened.clock.set(later);
    receive(store, &f.pull, "fresh", &[("m3", "new words")], later).await;
    receive(store, &f.pull, "old", &[("m4", "back again")], later).await;

    let messages = Retention { messages: Some(30), ..Retention::default() };
    here.set_retention(messages).await.expect("set");
    assert_eq!(here.retention().await, Ok(messages));
    assert_eq!(store.installation().tenants_with_retention().await, Ok(vec![f.home.tenant]));
    assert_eq!(here.sweep(Retention::default()).await.expect("swept").messages, 0, "nothing without a rule");
    // The old conversation has something that waits: nothing of it goes while somebody works on it.
    assert_eq!(here.sweep(messages).await.expect("swept").messages, 0);
    let old = store.load(old.key.tenant, old.key.id).await.expect("loaded");
    store.commit(answer(&old, "welcome back", &f.ids, later)).await.expect("answered");
    let swept = here.sweep(messages).await.expect("swept");
    assert_eq!((swept.messages, swept.unfinished), (2, false));
    assert_eq!(texts(&here).await, ["back again", "new words", "nobody answered", "welcome back"]);

    let events = Retention { events: Some(30), ..Retention::default() };
    assert_eq!(here.sweep(events).await.expect("swept").events, 0, "somebody is still to be told");

    opened.clock.set(later + 40 * DAY);
    let conversations = Retention { conversations: Some(30), ..Retention::default() };
    let swept = here.sweep(conversations).await.expect("swept");
    assert_eq!(swept.conversations, [old.key.id], "what waits stays, whatever its age");
    assert_eq!(texts(&here).await, ["new words", "nobody answered"]);
    assert_eq!(store.load(old.key.tenant, old.key.id).await.map(|_| ()), Err(StoreError::NotFound("conversation")));
    assert_eq!(texts(&there).await, ["another tenant's"]);
    let again = receive(store, &f.pull, "old", &[("m5", "and again")], later + 40 * DAY).await;
    assert_ne!(again.key.id, old.key.id, "they are new to us");
}

async fn what_is_over_goes_so_long_after_its_end_and_the_rest_stays(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (here, there) = (store.tenant(f.home.tenant), store.tenant(f.abroad.tenant));
    let person = receive(store, &f.home, "one", &[("m1", "hello")], NOW).await.key.id;
    let contact = here.conversation(person).await.expect("shown").contact;
    let words = Words::Text { text: "hello".into() };
    let plan = || here.plan_message(NewPlanned { contact, channel: None, words: words.clone(), due_at: NOW });
    let (over, waits) = (plan().await.expect("planned"), plan().await.expect("planned"));
    here.cancel_planned(over.id).await.expect("cancelled");
    let news = || NewBroadcast {
        channel: f.home.channel,
        name: "news".into(),
        words: words.clone(),
        audience: Audience::Listed,
        per_minute: 60,
    };
    let to = || vec![Recipient { contact, words: None }];
    let ended = here.create_broadcast(news(), to()).await.expect("made");
    here.move_broadcast(&ended, BroadcastState::Cancelled, NOW).await.expect("ended");
    let draft = here.create_broadcast(news(), to()).await.expect("made");
    let what = || NewSimulation { name: "s".into(), scenario: "format: convsim/1".into(), seed: 1, trials: 1 };
    let mut simulations = Vec::new();
    for rows in [&here, &here, &there] {
        let made = rows.add_simulation(what(), Actor::System).await.expect("added").id;
        let run = SimulationRun { place: 0, verdict: "pass".into(), run: "{}".into() };
        rows.add_simulation_run(made, run).await.expect("kept");
        simulations.push(made);
    }
    for (rows, id) in [(&here, simulations[0]), (&there, simulations[2])] {
        rows.end_simulation(id, SimulationState::Done, None).await.expect("ended");
    }
    let profile = here.agent(f.home.agent).await.expect("there").profile;
    for name in ["Ada", "Bea", "Cleo"] {
        here.update_agent(AgentProfile { name: name.into(), ..profile.clone() }, Actor::System).await.expect("changed");
    }
    here.draft_agent(profile.clone(), 5, Actor::System).await.expect("drafted");
    opened.clock.set(NOW + 40 * DAY);
    here.update_agent(AgentProfile { name: "Dora".into(), ..profile }, Actor::System).await.expect("changed");
    let versions = async || {
        let page = here.agent_versions(f.home.agent, PageRequest::new(1, 100)).await.expect("read");
        let mut versions: Vec<u32> = page.items.iter().map(|v| v.version).collect();
        versions.sort_unstable();
        versions
    };
    let all = versions().await;
    let drafted = all[all.len() - 2];

    let kept = |days| Retention {
        outreach: Some(days),
        simulations: Some(days),
        agent_versions: Some(days),
        ..Retention::default()
    };
    here.set_retention(kept(30)).await.expect("set");
    assert_eq!(here.retention().await, Ok(kept(30)));
    assert_eq!(store.installation().tenants_with_retention().await, Ok(vec![f.home.tenant]));
    let young = here.sweep(kept(50)).await.expect("swept");
    assert_eq!((young.outreach, young.simulations, young.agent_versions), (0, 0, 0), "not old enough");
    let swept = here.sweep(kept(30)).await.expect("swept");
    assert_eq!((swept.outreach, swept.simulations), (3, 1), "the message, the broadcast with its one; the simulation");
    assert_eq!(versions().await, all[all.len() - 2..], "the present one, and the one before, which was until today");
    assert_eq!(drafted, versions().await[0], "somebody tries a change of it");
    assert_eq!(here.planned(over.id).await.map(|_| ()), Err(StoreError::NotFound("scheduled message")));
    assert!(here.planned(waits.id).await.is_ok() && here.broadcast(draft.id).await.is_ok());
    assert_eq!(here.broadcast(ended.id).await.map(|_| ()), Err(StoreError::NotFound("broadcast")));
    assert!(here.simulation(simulations[1]).await.is_ok() && there.simulation_run(simulations[2], 0).await.is_ok());
    assert_eq!(here.simulation(simulations[0]).await.map(|_| ()), Err(StoreError::NotFound("simulation")));
}

// req: S2-TBL-1
async fn a_key_is_claimed_once_and_its_answer_is_the_callers_alone(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let (key, asked) = ([1; 32], [2; 32]);
    let both = futures::future::join(here.claim_key(key, asked), here.claim_key(key, asked)).await;
    let both = [both.0.expect("claimed"), both.1.expect("claimed")];
    assert!(both.contains(&Claimed::Fresh) && both.contains(&Claimed::Running(NOW)), "{both:?}");
    assert_eq!(here.claim_key(key, [3; 32]).await, Ok(Claimed::Taken));
    here.answer_key(key, 201, b"{}").await.expect("kept");
    let answered = Claimed::Answered { status: 201, answer: b"{}".to_vec() };
    assert_eq!(here.claim_key(key, asked).await, Ok(answered.clone()));
    assert_eq!(there.claim_key(key, asked).await, Ok(Claimed::Fresh), "another tenant's key is another");
    there.release_key(key).await.expect("released");
    assert_eq!(there.claim_key(key, asked).await, Ok(Claimed::Fresh), "it may be asked again");
    here.release_key(key).await.expect("nothing");
    assert_eq!(here.claim_key(key, asked).await, Ok(answered), "what was answered stays");
    opened.clock.set(NOW + DAY);
    assert_eq!(here.claim_key(key, asked).await, Ok(Claimed::Fresh), "a day later it is forgotten");
    opened.clock.set(NOW + 2 * DAY);
    opened.store.installation().forget_idempotency_keys().await.expect("deleted");
    assert_eq!(there.claim_key(key, [9; 32]).await, Ok(Claimed::Fresh));
}

// req: S2-CFG-1
async fn integrations_are_sealed_and_of_one_tenant(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let mut twilio = Integration { updated_at: NOW, ..Integration::default() };
    twilio.settings.insert("account_sid".into(), "AC1".into());
    twilio.secrets.insert("auth_token".into(), Secret::new("secret"));
    for _ in 0..2 {
        here.set_integration(IntegrationKind::Twilio, &twilio).await.expect("set");
    }
    assert_eq!(here.integration(IntegrationKind::Twilio).await, Ok(Some(twilio)));
    assert_eq!(there.integration(IntegrationKind::Twilio).await, Ok(None));
    assert_eq!(here.integration(IntegrationKind::Vapi).await, Ok(None));
    here.delete_integration(IntegrationKind::Twilio).await.expect("deleted");
    assert_eq!(here.delete_integration(IntegrationKind::Twilio).await, Err(StoreError::NotFound("integration")));
}

// req: S3-TPL-1
async fn templates_keep_to_the_latest_word_of_their_provider(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let components = vec![Component::Footer { text: "x".into() }];
    let template = Template { name: "a".into(), category: Category::Utility, language: "en".into(), components };
    let status = TemplateStatus::Pending;
    let registered = Registered { id: "77".into(), status, reason: None, template: template.clone() };
    let at = Some((f.home.channel, registered.clone()));
    let kept = here.create_template(template.clone(), at.clone()).await.expect("made");
    assert_eq!((kept.status, &kept.template), (status, &template));
    assert_eq!(here.create_template(template.clone(), at).await, Err(StoreError::Conflict("name")));
    let told = |status, at: i64| TemplateUpdate { id: "77".into(), status, reason: None, at: Timestamp(at) };
    there.template_told(told(TemplateStatus::Disabled, 99)).await.expect("nobody's");
    for (word, at, becomes) in [
        (TemplateStatus::Approved, 20, TemplateStatus::Approved),
        (TemplateStatus::Rejected, 10, TemplateStatus::Approved),
        (TemplateStatus::Paused, 30, TemplateStatus::Paused),
    ] {
        here.template_told(told(word, at)).await.expect("told");
        assert_eq!(here.template(kept.id).await.expect("read").status, becomes);
    }
    here.create_template(template, None).await.expect("ours beside the provider's");
    let named = here.templates_named(f.home.channel, "a").await.expect("read");
    assert_eq!(named.iter().map(|k| k.channel.is_some()).collect::<Vec<_>>(), [true, false]);
    let done = here.synchronise_templates(f.home.channel, Vec::new()).await.expect("synchronised");
    assert_eq!((done.missing, here.template(kept.id).await.expect("read").status), (1, TemplateStatus::Deleted));
}

async fn two_who_change_an_endpoints_secret_both_have_theirs(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let here = opened.store.tenant(f.home.tenant);
    let every = ["*".to_owned()];
    let stale =
        here.create_webhook_endpoint("https://a.example", &every, true, Secret::new("one")).await.expect("made");
    let rotate = |secret| here.rotate_webhook_secret(stale.id, Secret::new(secret), DAY);
    let (two, three) = futures::future::join(rotate("two"), rotate("three")).await;
    two.and(three).expect("rotated");
    let changed = here.update_webhook_endpoint(&stale).await.expect("changed");
    let mut secrets: Vec<&str> = changed.secrets.iter().map(|s| s.secret.expose()).collect();
    secrets.sort_unstable();
    assert_eq!(secrets, ["one", "three", "two"], "who read it before brings no old secrets back");
    let replaced = here.rotate_webhook_secret(stale.id, Secret::new("four"), Duration::ZERO).await.expect("replaced");
    let now = opened.store.tenant(f.home.tenant).webhook_endpoint(replaced.id).await.expect("read");
    assert!(now.secrets.iter().all(|s| s.until.is_none_or(|until| until <= NOW + DAY)));
    assert_eq!(now.secrets[0].secret.expose(), "four");
}

async fn uses_of_a_tool_are_counted_once_for_each_call(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (f.home.tenant, f.abroad.tenant);
    let limits = ToolLimits { per_minute: Some(2), per_day: Some(3), ..ToolLimits::default() };
    let count = async |tenant, tool: &str, key: &str| {
        let (tool, key) = (tool.to_owned(), key.to_owned());
        let used = ToolUse { tenant, tool, key, limits, of_agent: None, amount_micros: 0 };
        opened.store.count(used).await.expect("counted")
    };
    for key in ["a", "a", "b", "b"] {
        assert_eq!(count(here, "shop__find", key).await, None, "{key}");
    }
    assert_eq!(count(here, "shop__find", "c").await, Some(Exceeded::PerMinute(2)));
    assert_eq!(count(here, "shop__find", "a").await, None, "which was counted");
    assert_eq!((count(here, "shop__buy", "d").await, count(there, "shop__find", "a").await), (None, None));
    opened.clock.advance(Duration::from_secs(61));
    assert_eq!(count(here, "shop__find", "c").await, None, "what was refused was not counted");
    assert_eq!(count(here, "shop__find", "e").await, Some(Exceeded::PerDay(3)));
    opened.clock.advance(DAY + DAY);
    opened.store.installation().forget_tool_uses().await.expect("forgotten");
    assert_eq!(count(here, "shop__find", "e").await, None);
}

async fn what_an_agent_uses_and_moves_is_counted_beside_what_all_do(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, one, other) = (f.home.tenant, f.home.agent, f.abroad.agent);
    let count = async |agent, key: &str, (per_day, amount): (Option<u32>, u64)| {
        let money = Some(MoneyLimit { per_day_micros: 10_000_000, amount: Amount::Own });
        let limits = AgentLimits { per_minute: None, per_day, money };
        let of_agent = Some(OfAgent { agent, limits });
        let (tool, key) = ("bank__pay".to_owned(), key.to_owned());
        let used = ToolUse {
            tenant: here,
            tool,
            key,
            limits: ToolLimits::default(),
            of_agent,
            amount_micros: amount * 1_000_000,
        };
        opened.store.count(used).await.expect("counted")
    };
    for key in ["a", "a", "b"] {
        assert_eq!(count(one, key, (None, 4)).await, None, "{key}");
    }
    let too_much = Some(Exceeded::Money { most: 10_000_000, moved: 8_000_000 });
    assert_eq!(count(one, "c", (None, 3)).await, too_much);
    assert_eq!(count(one, "b", (None, 4)).await, None, "which was counted");
    assert_eq!(count(other, "d", (None, 10)).await, None, "another agent has its own");
    assert_eq!(count(one, "e", (Some(2), 0)).await, Some(Exceeded::PerDay(2)));
    assert_eq!(count(one, "f", (None, 2)).await, None, "what was refused was not counted");
    opened.clock.advance(DAY);
    assert_eq!(count(one, "g", (None, 10)).await, None);
}

async fn nobody_passes_a_limit_together(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let again = match on {
        Kind::Sqlite => opened.store.clone(),
        Kind::Postgres => common::open_at(opened.database.clone(), 9).await.0,
    };
    let count = async |store: &Store, n: usize| {
        let limits = AgentLimits { per_day: Some(5), ..AgentLimits::default() };
        let of_agent = Some(OfAgent { agent: f.home.agent, limits });
        let (tool, key) = ("bank__pay".to_owned(), format!("key-{n}"));
        let limits = ToolLimits { per_day: Some(7), ..ToolLimits::default() };
        let of_agent = of_agent.filter(|_| !n.is_multiple_of(3));
        let used = ToolUse { tenant: f.home.tenant, tool, key, limits, of_agent, amount_micros: 0 };
        store.count(used).await.expect("counted").is_none()
    };
    let all = (0_usize..60).map(|n| count(if n.is_multiple_of(2) { &opened.store } else { &again }, n));
    let through = futures::future::join_all(all).await;
    let (of_one, all) = (
        through.iter().enumerate().filter(|(n, let_through)| !n.is_multiple_of(3) && **let_through).count(),
        through.iter().filter(|let_through| **let_through).count(),
    );
    assert!(all == 7 && of_one <= 5, "{all} of 7, {of_one} of 5");
}

async fn a_server_of_tools_is_its_tenants_and_its_headers_are_sealed(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let settings = ToolServerSettings {
        name: "shop".into(),
        url: "https://shop.example/mcp".into(),
        speaks: Speaks::Mcp,
        headers: [("authorization".to_owned(), Secret::new("Bearer naïve"))].into(),
        query: BTreeMap::new(),
        enabled: true,
        trusted: false,
        rules: [(
            "pay".to_owned(),
            ToolRule { enabled: false, effect: None, limits: ToolLimits::default(), undo: None },
        )]
        .into(),
    };
    let made = here.create_tool_server(&settings).await.expect("made");
    assert_eq!((&made.settings, made.asked_at), (&settings, None));
    assert_eq!(here.create_tool_server(&settings).await, Err(StoreError::Conflict("tool server")));
    let theirs = there.create_tool_server(&settings).await.expect("another tenant's is another");
    assert_eq!(there.tool_server(made.id).await, Err(StoreError::NotFound("tool server")));
    assert_eq!(there.delete_tool_server(made.id).await, Err(StoreError::NotFound("tool server")));

    let offered = OfferedTool {
        name: "pay".into(),
        description: "é".into(),
        parameters: "{}".into(),
        effect: EffectClass::Unsafe,
    };
    here.tool_server_told(&made, std::slice::from_ref(&offered)).await.expect("told");
    let moved = ToolServerSettings { url: "https://other.example/mcp".into(), ..settings.clone() };
    let now = here.update_tool_server(made.id, &moved).await.expect("changed");
    assert_eq!((&now.settings, now.tools.as_slice(), now.asked_at), (&moved, &[offered][..], Some(NOW)));
    here.tool_server_told(&made, &[]).await.expect("nothing");
    assert_eq!(here.tool_server(made.id).await.expect("read").tools.len(), 1, "another address said that");

    let find = Operation {
        name: "find".into(),
        description: "Finds".into(),
        parameters: "{}".into(),
        method: Method::Get,
        path: "/é".into(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: None,
        effect: EffectClass::Read,
        pick: None,
        success: vec![200],
        key_header: None,
        lookup: None,
    };
    let http = ToolServerSettings {
        speaks: Speaks::Http(vec![find.clone()]),
        query: [("key".to_owned(), Secret::new("hush"))].into(),
        ..settings
    };
    let now = here.update_tool_server(made.id, &http).await.expect("changed");
    assert_eq!((&now.settings, &now.tools), (&http, &vec![find.offered()]), "what was declared is what it offers");

    here.delete_tool_server(made.id).await.expect("deleted");
    let left = there.tool_servers(PageRequest::default()).await.expect("read");
    assert_eq!((left.total, left.items[0].id), (1, theirs.id));
    assert_eq!(here.tool_servers(PageRequest::default()).await.expect("read").total, 0);
}

on_both! {
    a_server_of_tools_is_its_tenants_and_its_headers_are_sealed
    uses_of_a_tool_are_counted_once_for_each_call
    what_an_agent_uses_and_moves_is_counted_beside_what_all_do
    nobody_passes_a_limit_together
    what_is_kept_no_longer_goes_and_nothing_else
    what_is_over_goes_so_long_after_its_end_and_the_rest_stays
    a_key_is_claimed_once_and_its_answer_is_the_callers_alone
    integrations_are_sealed_and_of_one_tenant
    templates_keep_to_the_latest_word_of_their_provider
    two_who_change_an_endpoints_secret_both_have_theirs
}
