//! Conversations that go from agent to agent, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    agent::Spent,
    channel::Secret,
    ids::AgentId,
    ports::{ConversationStore, Ids},
    testkit::{answer, empty_commit, receive},
};
use colloquy_store::PageRequest;
use common::{Kind, NOW};
use std::time::Duration;

async fn who_has_a_conversation_is_charged_shown_and_told(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (rows, own) = (store.tenant(f.home.tenant), f.home.agent);
    let mut profile = f.home.profile();
    (profile.id, profile.name) = (AgentId::new(f.ids.uuid()), "Billing".to_owned());
    let billing = rows.create_agent(profile, colloquy_store::Actor::System).await.expect("made").profile.id;
    let kinds = ["conversation.handed_off".to_owned()];
    let hook = rows.create_webhook_endpoint("https://a.example", &kinds, true, Secret::new("one")).await;
    let hook = hook.expect("made").id;
    // Triggers write the machine's own time.
    opened.clock.set(NOW + Duration::from_secs(100 * 366 * 86_400));
    let told = async || rows.due_deliveries(hook, 50).await.expect("read").len();
    let loaded = receive(store, &f.home, "one", &[("m1", "my invoice")], NOW).await;
    let id = loaded.key.id;
    let shown = async || {
        let c = rows.conversation(id).await.expect("shown");
        (c.agent, c.agent_name)
    };
    assert_eq!(shown().await.0, own);

    let mut handed = answer(&loaded, "Billing here", &f.ids, NOW);
    handed.snapshot.active = Some(billing);
    handed.journal.iter_mut().for_each(|row| row.agent = Some(billing));
    handed.ledger.iter_mut().for_each(|row| row.agent = Some(billing));
    store.commit(handed).await.expect("handed");
    assert_eq!((shown().await, told().await), ((billing, "Billing".to_owned()), 1));
    let spent = async |agent| store.spent(f.home.tenant, agent, NOW).await.expect("read");
    let day = Spent::day_of(NOW);
    assert_eq!((spent(billing).await, spent(own).await), (Spent { day, micros: 7 }, Spent { day, micros: 0 }));
    let trail = rows.trail(id, None, PageRequest::default()).await.expect("read");
    assert_eq!(trail.items[0].steps[0].agent, Some(billing));

    let loaded = store.load(f.home.tenant, id).await.expect("loaded");
    assert_eq!((loaded.agent, loaded.snapshot.active), (own, Some(billing)));
    store.commit(empty_commit(&loaded, NOW)).await.expect("nothing changes");
    assert_eq!(told().await, 1, "told when it changes");
    let mut back = empty_commit(&store.load(f.home.tenant, id).await.expect("loaded"), NOW);
    back.snapshot.active = None;
    store.commit(back).await.expect("back");
    assert_eq!((shown().await.0, told().await), (own, 2));
}

on_both! {
    who_has_a_conversation_is_charged_shown_and_told
}
