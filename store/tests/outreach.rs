//! What people agreed to, and what is planned for them, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    channel::{ChannelKind, Secret},
    ids::{ContactId, PlannedId},
    message::Content,
    outreach::{Audience, BroadcastState, PlannedState, Prices, Purpose, Words},
    ports::{IngressLog, OutboxStore, StoreError},
    testkit::{Fixture, answer, receive},
    time::Timestamp,
};
use colloquy_store::{
    Consent, ContactDetails, NewBroadcast, NewConsent, NewPlanned, PageRequest, PutOut, Recipient, Store,
};
use common::{Kind, NOW};
use std::time::Duration;

const LATER: Timestamp = Timestamp(NOW.0 + 60_000);

fn hello() -> Words {
    Words::Text { text: "hello".into() }
}

fn agreed() -> NewConsent {
    NewConsent { kind: None, purpose: Purpose::Marketing, source: "form".into(), given_at: NOW }
}

/// Somebody who wrote.
async fn person(store: &Store, f: &Fixture, peer: &str) -> ContactId {
    let id = receive(store, &f.home, peer, &[(peer, "hello")], NOW).await.key.id;
    store.tenant(f.home.tenant).conversation(id).await.expect("shown").contact
}

/// What a planned message would become.
async fn put(
    store: &Store,
    f: &Fixture,
    id: PlannedId,
    peer: &str,
    purpose: Option<Purpose>,
) -> Result<(), StoreError> {
    let rows = store.tenant(f.home.tenant);
    let conversation = rows.conversation_with(f.home.channel, peer).await.expect("read").expect("there");
    let loaded = rows.load(conversation).await.expect("loaded");
    let commit = answer(&loaded, "planned", &f.ids, NOW);
    rows.put_out(PutOut { id, commit, kind: ChannelKind::of("telegram"), purpose }).await
}

async fn outbox(store: &Store, f: &Fixture) -> usize {
    store.claim(f.home.tenant, f.home.channel, LATER, 50).await.expect("claimed").len()
}

async fn a_planned_message_goes_out_once_and_nobody_elses_is_seen(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (rows, abroad) = (store.tenant(f.home.tenant), store.tenant(f.abroad.tenant));
    let contact = person(store, &f, "one").await;
    let new = NewPlanned { contact, channel: Some(f.home.channel), words: hello(), due_at: LATER };
    let planned = rows.plan_message(new.clone()).await.expect("planned");
    assert_eq!(abroad.plan_message(new.clone()).await, Err(StoreError::NotFound("contact")));
    assert_eq!(abroad.planned(planned.id).await, Err(StoreError::NotFound("scheduled message")));
    assert_eq!(store.installation().tenants_with_outreach_due().await, Ok(Vec::new()), "its time has not come");
    opened.clock.set(LATER);
    assert_eq!(store.installation().tenants_with_outreach_due().await, Ok(vec![f.home.tenant]));
    assert_eq!(rows.due_planned(10).await.expect("due"), std::slice::from_ref(&planned));
    assert_eq!(abroad.due_planned(10).await.expect("none"), []);

    put(store, &f, planned.id, "one", None).await.expect("sent");
    assert_eq!(put(store, &f, planned.id, "one", None).await, Err(StoreError::Conflict("state")), "once");
    assert_eq!(rows.cancel_planned(planned.id).await, Err(StoreError::Conflict("state")));
    let shown = rows.planned(planned.id).await.expect("shown");
    assert_eq!((shown.state, shown.delivery.as_deref()), (PlannedState::Sent, Some("queued")));
    assert!(shown.message.is_some() && shown.settled_at == Some(LATER), "{shown:?}");
    assert_eq!(outbox(store, &f).await, 1);

    let second = rows.plan_message(new.clone()).await.expect("planned");
    let cancelled = rows.cancel_planned(second.id).await.expect("cancelled");
    assert_eq!(cancelled.state, PlannedState::Cancelled);
    assert_eq!(put(store, &f, second.id, "one", None).await, Err(StoreError::Conflict("state")));
    let kinds = ["scheduled_message.failed".to_owned()];
    let hook =
        rows.create_webhook_endpoint("https://a.example", &kinds, true, Secret::new("s")).await.expect("made").id;
    let third = rows.plan_message(new).await.expect("planned");
    assert!(rows.settle_planned(third.id, PlannedState::Failed, "NO_ADDRESS").await.expect("settled"));
    assert!(!rows.settle_planned(third.id, PlannedState::Failed, "NO_ADDRESS").await.expect("once"));
    let told = rows.due_deliveries(hook, 10).await.expect("told");
    let event = &told[0].event;
    assert_eq!((told.len(), event.planned, event.detail.as_deref()), (1, Some(third.id), Some("NO_ADDRESS")));
    let states = [PlannedState::Failed, PlannedState::Cancelled, PlannedState::Sent];
    let all = rows.all_planned(None, PageRequest::default()).await.expect("listed");
    assert_eq!(all.items.iter().map(|p| p.state).collect::<Vec<_>>(), states);
    let failed = rows.all_planned(Some(PlannedState::Failed), PageRequest::default()).await.expect("listed");
    assert_eq!((failed.total, failed.items[0].id), (1, third.id));

    rows.erase_contact(contact).await.expect("erased");
    assert_eq!(rows.all_planned(None, PageRequest::default()).await.expect("listed").total, 0);
}

async fn whoever_opts_out_withdraws_everything_and_is_not_written_to(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let rows = store.tenant(f.home.tenant);
    let contact = person(store, &f, "one").await;
    let plan = || rows.plan_message(NewPlanned { contact, channel: None, words: hello(), due_at: NOW });
    let (first, second, third) =
        (plan().await.expect("there").id, plan().await.expect("there").id, plan().await.expect("there").id);
    let marketing = Some(Purpose::Marketing);
    assert_eq!(put(store, &f, first, "one", marketing).await, Err(StoreError::Conflict("state")), "nobody agreed");
    let elsewhere = NewConsent { kind: Some(ChannelKind::of("whatsapp")), ..agreed() };
    rows.add_consent(contact, elsewhere).await.expect("kept");
    assert_eq!(put(store, &f, first, "one", marketing).await, Err(StoreError::Conflict("state")), "not here");
    let here = rows.add_consent(contact, agreed()).await.expect("kept");
    assert!(
        here.covers(Purpose::Marketing, &ChannelKind::of("line"))
            && !here.covers(Purpose::Service, &ChannelKind::of("line"))
    );
    put(store, &f, first, "one", marketing).await.expect("sent");
    assert_eq!(rows.consented(Purpose::Marketing, None, 10).await.expect("listed"), [contact]);
    assert_eq!(rows.consented(Purpose::Marketing, Some(contact), 10).await.expect("listed"), []);
    let abroad = store.tenant(f.abroad.tenant);
    assert_eq!(abroad.consented(Purpose::Marketing, None, 10).await.expect("listed"), []);
    assert_eq!(abroad.consents(contact).await.expect("listed"), []);
    assert_eq!(abroad.add_consent(contact, agreed()).await, Err(StoreError::NotFound("contact")));
    let wrong = abroad.withdraw_consent(contact, here.id, "x".into()).await;
    assert_eq!(wrong, Err(StoreError::NotFound("consent")));

    // They say so themselves, on the channel.
    let mut entry = f.home.text("one", "stop", "", LATER);
    entry.inbound.content = Content::Signal { signal: Content::OPT_OUT.into() };
    store.append(vec![entry]).await.expect("append");
    receive(store, &f.home, "two", &[("later", "hello")], LATER).await;
    assert_eq!(rows.contact(contact).await.expect("shown").details.consent, Consent::Withdrawn);
    let ended: Vec<_> = rows.consents(contact).await.expect("listed").into_iter().map(|c| c.withdrawn).collect();
    assert!(ended.iter().all(|w| w.as_ref().is_some_and(|(_, how)| how == "opt_out")), "{ended:?}");
    assert_eq!(
        put(store, &f, second, "one", None).await,
        Err(StoreError::Conflict("state")),
        "not even a service message"
    );
    // Writing again gives nothing back.
    let details = ContactDetails { consent: Consent::Granted, ..rows.contact(contact).await.expect("there").details };
    rows.update_contact(contact, details).await.expect("changed");
    assert_eq!(put(store, &f, second, "one", marketing).await, Err(StoreError::Conflict("state")));
    put(store, &f, third, "one", None).await.expect("sent");
}

async fn a_broadcast_reaches_each_person_once_through_pauses_and_merges(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let rows = store.tenant(f.home.tenant);
    let (one, two, three) =
        (person(store, &f, "one").await, person(store, &f, "two").await, person(store, &f, "three").await);
    let stranger = rows
        .create_contact(ContactDetails { name: Some("Zoé".into()), ..ContactDetails::default() })
        .await
        .expect("there")
        .id;
    let new = NewBroadcast {
        channel: f.home.channel,
        name: "news".into(),
        words: hello(),
        audience: Audience::Listed,
        per_minute: 60,
    };
    let to = |contact| Recipient { contact, words: None };
    let nobody = ContactId::new(uuid::Uuid::from_u128(1));
    let made = rows.create_broadcast(new.clone(), vec![to(one), to(nobody)]).await;
    assert_eq!(made, Err(StoreError::NotFound("contact")));
    assert_eq!(rows.broadcasts(PageRequest::default()).await.expect("listed").total, 0, "all of it or nothing");
    let people = vec![to(one), to(two), to(three), to(stranger)];
    let draft = rows.create_broadcast(new, people).await.expect("made");
    assert_eq!(rows.due_broadcasts(10).await.expect("none"), [], "a draft waits for somebody");
    let first = rows.next_of(draft.id, 10).await.expect("listed")[0].clone();
    assert_eq!(put(store, &f, first.id, "one", None).await, Err(StoreError::Conflict("state")), "it does not run");

    let running = rows.move_broadcast(&draft, BroadcastState::Running, NOW).await.expect("moved");
    assert_eq!(rows.move_broadcast(&draft, BroadcastState::Running, NOW).await, Err(StoreError::Stale));
    assert_eq!((running.started_at, rows.due_broadcasts(10).await.expect("due").len()), (Some(NOW), 1));
    rows.gather(draft.id, vec![one, stranger], Some(stranger), true).await.expect("gathered");
    assert!(!rows.finish_broadcast(draft.id).await.expect("looked"), "they wait");
    put(store, &f, first.id, "one", None).await.expect("sent");
    let paused = rows.move_broadcast(&running, BroadcastState::Paused, NOW).await.expect("paused");
    let second = rows.next_of(draft.id, 10).await.expect("listed")[0].clone();
    assert_eq!(put(store, &f, second.id, "two", None).await, Err(StoreError::Conflict("state")), "it is paused");
    assert_eq!(rows.due_broadcasts(10).await.expect("none"), []);

    // Two turn out to be one, who was written to already; and another is somebody whom nobody had written to.
    rows.merge_contacts(two, one).await.expect("merged");
    rows.merge_contacts(three, stranger).await.expect("merged");
    let left = rows.next_of(draft.id, 10).await.expect("listed");
    assert_eq!(left.iter().map(|p| p.contact).collect::<Vec<_>>(), [three]);
    rows.look_again(draft.id, LATER, None).await.expect("written");
    let running = rows.move_broadcast(&paused, BroadcastState::Running, NOW).await.expect("resumed");
    rows.settle_planned(left[0].id, PlannedState::Skipped, "OPTED_OUT").await.expect("settled");
    assert_eq!(rows.delete_broadcast(running.id).await, Err(StoreError::Conflict("state")));
    assert!(rows.finish_broadcast(draft.id).await.expect("ended"));
    let done = rows.broadcast(draft.id).await.expect("shown");
    assert_eq!((done.state, done.ended_at), (BroadcastState::Done, Some(NOW)));
    let mut counts: Vec<_> = rows
        .progress(draft.id)
        .await
        .expect("counted")
        .into_iter()
        .map(|p| (p.state.name(), p.delivery, p.messages))
        .collect();
    counts.sort();
    assert_eq!(counts, [("sent", Some("queued".to_owned()), 1), ("skipped", None, 1)]);
    let skipped = rows.recipients(draft.id, Some(PlannedState::Skipped), PageRequest::default()).await.expect("listed");
    assert_eq!((skipped.total, skipped.items[0].reason.as_deref()), (1, Some("OPTED_OUT")));
    assert_eq!(store.tenant(f.abroad.tenant).broadcast(draft.id).await, Err(StoreError::NotFound("broadcast")));
    rows.delete_broadcast(draft.id).await.expect("deleted");
    assert_eq!(rows.progress(draft.id).await.expect("nothing"), []);
    assert_eq!(outbox(store, &f).await, 1);
}

async fn a_cancelled_broadcast_writes_to_nobody_more_and_prices_are_kept(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let rows = store.tenant(f.home.tenant);
    let one = person(store, &f, "one").await;
    let tag = "vip".to_owned();
    let new = NewBroadcast {
        channel: f.home.channel,
        name: "news".into(),
        words: hello(),
        audience: Audience::Tagged { tag },
        per_minute: 60,
    };
    let draft = rows.create_broadcast(new, Vec::new()).await.expect("made");
    let running = rows.move_broadcast(&draft, BroadcastState::Running, NOW).await.expect("moved");
    for _ in 0..2 {
        rows.gather(draft.id, vec![one], Some(one), false).await.expect("gathered, once each");
    }
    assert_eq!(rows.broadcast(draft.id).await.expect("shown").gathered_to, Some(one));
    let waiting = rows.next_of(draft.id, 10).await.expect("listed");
    assert_eq!(waiting.len(), 1);
    rows.move_broadcast(&running, BroadcastState::Cancelled, NOW).await.expect("cancelled");
    assert_eq!(put(store, &f, waiting[0].id, "one", None).await, Err(StoreError::Conflict("state")));
    assert_eq!(rows.progress(draft.id).await.expect("counted")[0].state, PlannedState::Cancelled);

    assert_eq!(rows.prices(f.home.channel).await, Ok(None));
    let prices = Prices { currency: "EUR".into(), micros: [("service".to_owned(), 7)].into() };
    rows.set_prices(f.home.channel, prices.clone()).await.expect("set");
    rows.set_prices(f.home.channel, prices.clone()).await.expect("set again");
    assert_eq!(rows.prices(f.home.channel).await, Ok(Some(prices.clone())));
    let abroad = store.tenant(f.abroad.tenant);
    assert_eq!(abroad.prices(f.home.channel).await, Ok(None));
    assert_eq!(abroad.set_prices(f.home.channel, prices).await, Err(StoreError::NotFound("channel")));
    let loaded = receive(store, &f.home, "one", &[("more", "hello")], NOW + Duration::from_secs(1)).await;
    store.claim(f.home.tenant, f.home.channel, LATER, 1).await.expect("claimed");
    assert_eq!((rows.account_waiting(f.home.channel).await, loaded.key.channel), (Ok(0), f.home.channel));
}

on_both! {
    a_planned_message_goes_out_once_and_nobody_elses_is_seen
    whoever_opts_out_withdraws_everything_and_is_not_written_to
    a_broadcast_reaches_each_person_once_through_pauses_and_merges
    a_cancelled_broadcast_writes_to_nobody_more_and_prices_are_kept
}
