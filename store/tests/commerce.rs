//! Reservations, orders and their flows, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    channel::Secret,
    commerce::{
        FlowRecord, MenuItemDetails, OrderLine, OrderStatus, ReservationDetails, ReservationStatus,
        flow::{Answer, Effect, End, Flow, FlowKind, Input, Step, decide, evolve},
        settings::{Entered, Provider},
    },
    ids::{ConversationId, MenuItemId, WebhookEndpointId},
    ports::{Ids, Proof, StoreError},
    testkit::SeqIds,
    time::Timestamp,
};
use colloquy_store::{NewOrder, NewReservation, PageRequest, Store, TenantStore};
use common::{Kind, NOW};
use std::{collections::BTreeMap, time::Duration};

const LEASE: Duration = Duration::from_secs(30);

fn table(key: Option<&str>) -> NewReservation {
    NewReservation {
        key: key.map(str::to_owned),
        conversation: None,
        details: ReservationDetails {
            name: "Ada".into(),
            phone: "+33612345678".into(),
            party: 4,
            date: "2026-05-01".into(),
            time: "19:30".into(),
            notes: String::new(),
        },
        zone: "UTC".into(),
        starts_at: Timestamp(1_777_663_800_000),
        ends_at: Timestamp(1_777_671_000_000),
    }
}

fn soups(key: Option<&str>) -> NewOrder {
    let item = MenuItemId::new(SeqIds::new(9).uuid());
    NewOrder {
        key: key.map(str::to_owned),
        conversation: None,
        turn: Some(3),
        lines: vec![OrderLine { item, name: "Soup".into(), quantity: 2, price: 650 }],
        amount: 1_300,
        currency: "eur".into(),
        name: "Ada".into(),
        phone: "+33612345678".into(),
        notes: String::new(),
    }
}

async fn two(on: Kind) -> (common::Opened, TenantStore, TenantStore) {
    let opened = common::open(on).await;
    let here = common::new_tenant(&opened.store, "here").await;
    let there = common::new_tenant(&opened.store, "there").await;
    let (here, there) = (opened.store.tenant(here), opened.store.tenant(there));
    (opened, here, there)
}

async fn endpoint(rows: &TenantStore) -> WebhookEndpointId {
    let secret = Secret::new("whsec_c2VjcmV0");
    rows.create_webhook_endpoint("https://example.com", &["*".to_owned()], true, secret).await.expect("made").id
}

/// One step, with its answer.
async fn step(rows: &TenantStore, record: FlowRecord, answer: Answer, proof: Proof) -> FlowRecord {
    let apply = |record: FlowRecord, input: Input| {
        let decision = decide(&record.flow, input, NOW);
        (FlowRecord { flow: decision.events.iter().fold(record.flow.clone(), evolve), ..record }, decision.effect)
    };
    let (record, effect) = apply(record, Input::Take);
    let record = rows.save_flow(&record, LEASE, None).await.expect("the intent");
    let (Effect::Act(step) | Effect::Look(step)) = effect.expect("a call");
    let (record, _) = apply(record, Input::Answer(answer));
    rows.save_flow(&record, LEASE, Some((step, proof))).await.expect("the outcome")
}

async fn leased(store: &Store) -> Option<FlowRecord> {
    store.installation().lease_flow(LEASE).await.expect("asked")
}

// req: S0-RES-1
// req: S1-AUTH-3
async fn what_is_asked_for_twice_is_made_once_and_nobody_else_sees_it(on: Kind) {
    let (_opened, here, there) = two(on).await;
    let (made, begun) = here.create_reservation(table(Some("k")), LEASE).await.expect("made");
    assert!(begun.is_some());
    let (again, begun) = here.create_reservation(table(Some("k")), LEASE).await.expect("found");
    assert_eq!((again.id, begun), (made.id, None));
    let (other, begun) = there.create_reservation(table(Some("k")), LEASE).await.expect("made");
    assert!(other.id != made.id && begun.is_some(), "another tenant's key");
    assert_eq!(there.reservation(made.id).await, Err(StoreError::NotFound("reservation")));
    assert_eq!(there.open_flow(made.id.uuid()).await, Ok(None));
    let page = here.reservations(None, PageRequest::default()).await.expect("read");
    assert_eq!((page.items, page.total), (vec![made.clone()], 1));
    let day = |from: i64, to: i64| Some((Timestamp(from), Timestamp(to)));
    let (starts, page) = (made.starts_at.millis(), PageRequest::default());
    assert_eq!(here.reservations(day(starts, starts + 1), page).await.expect("read").total, 1);
    assert_eq!(here.reservations(day(starts + 1, starts + 2), page).await.expect("read").total, 0);
    let (order, _) = here.create_order(soups(Some("k")), LEASE).await.expect("made");
    let (again, begun) = here.create_order(soups(Some("k")), LEASE).await.expect("found");
    assert_eq!((again, begun), (order.clone(), None));
    assert_eq!(there.order(order.id).await, Err(StoreError::NotFound("order")));
}

// req: S0-FLOW-2
// req: S0-EVT-1
async fn a_flow_tells_how_it_ended_in_the_commit_that_ends_it(on: Kind) {
    let (_opened, here, _) = two(on).await;
    let endpoint = endpoint(&here).await;
    let kinds = async || {
        let due = here.due_deliveries(endpoint, 50).await.expect("read");
        due.into_iter().map(|d| d.event).collect::<Vec<_>>()
    };
    let (made, begun) = here.create_reservation(table(None), LEASE).await.expect("made");
    let link = Proof { reference: Some("https://calendar/1".into()), secret: None };
    let record = step(&here, begun.expect("begun"), Answer::Happened, link).await;
    assert!(kinds().await.is_empty(), "it is not over");
    assert_eq!(here.reservation(made.id).await.expect("read").status, ReservationStatus::Pending);
    let record = step(&here, record, Answer::Refused { code: "google.forbidden".into() }, Proof::default()).await;
    assert_eq!(record.flow.end, Some(End::Done));
    let now = here.reservation(made.id).await.expect("read");
    assert_eq!((now.status, now.cause.as_deref()), (ReservationStatus::Confirmed, Some("google.forbidden")));
    assert_eq!(now.calendar_link.as_deref(), Some("https://calendar/1"));
    let mut told = kinds().await;
    told.sort_by(|a, b| a.kind.cmp(&b.kind));
    assert_eq!(told.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(), ["error.occurred", "reservation.created"]);
    assert_eq!(told[0].detail.as_deref(), Some("google.forbidden"));
    let told = told[1].reservation.as_ref().expect("what it is about");
    assert_eq!((told.id, told.party, told.status.as_str()), (made.id, 4, "CONFIRMED"));

    let (made, begun) = here.create_order(soups(None), LEASE).await.expect("made");
    let proof = Proof { reference: Some("pi_1".into()), secret: Some(Secret::new("pi_1_secret")) };
    step(&here, begun.expect("begun"), Answer::Happened, proof).await;
    let order = here.order_by_payment("pi_1").await.expect("found");
    assert_eq!((order.id, order.status), (made.id, OrderStatus::RequiresConfirmation));
    assert_eq!(order.payment_secret, Some(Secret::new("pi_1_secret")));
    let pay = |n: u64| Flow::new(FlowKind::Pay, NOW + Duration::from_millis(n));
    let begun = here.begin_flow(made.id.uuid(), None, Some("pm_1".into()), pay(0), LEASE).await.expect("begun");
    let second = here.begin_flow(made.id.uuid(), None, None, pay(1), LEASE).await;
    assert!(matches!(second, Err(StoreError::Conflict(_))), "one thing at a time: {second:?}");
    let record = step(&here, begun, Answer::Happened, Proof::default()).await;
    assert_eq!(here.order(made.id).await.expect("read").status, OrderStatus::Paid);
    step(&here, record, Answer::Happened, Proof::default()).await;
    let told = kinds().await;
    let paid: Vec<_> = told.iter().filter(|e| e.kind == "order.paid").collect();
    assert_eq!((paid.len(), paid[0].order.as_ref().map(|o| o.amount)), (1, Some(1_300)));
    let third = here.begin_flow(made.id.uuid(), None, None, pay(2), LEASE).await;
    assert!(matches!(third, Err(StoreError::Conflict(_))), "it is paid: {third:?}");
}

// req: S0-PAY-1
// req: S0-EVT-1
async fn what_was_paid_goes_back_and_is_told_once(on: Kind) {
    let (_opened, here, _) = two(on).await;
    let endpoint = endpoint(&here).await;
    let (made, begun) = here.create_order(soups(None), LEASE).await.expect("made");
    let proof = Proof { reference: Some("pi_1".into()), secret: None };
    step(&here, begun.expect("begun"), Answer::Happened, proof).await;
    let begin = async |flow: Flow| here.begin_flow(made.id.uuid(), None, None, flow, LEASE).await;
    let new = |kind: FlowKind| Flow::new(kind, NOW);
    let unpaid = begin(new(FlowKind::Refund)).await;
    assert!(matches!(unpaid, Err(StoreError::Conflict(_))), "nothing was paid: {unpaid:?}");
    let through = async |flow: Flow, answers: &[Answer]| {
        let mut record = begin(flow).await.expect("begun");
        for answer in answers {
            // What the other side calls a refund is not the payment.
            let proof = Proof { reference: Some("re_1".into()), secret: None };
            record = step(&here, record, answer.clone(), proof).await;
        }
        assert!(record.flow.end.is_some(), "{record:?}");
        let order = here.order(made.id).await.expect("read");
        assert_eq!(order.payment.as_deref(), Some("pi_1"));
        order.status
    };
    let (done, refused) = (|| vec![Answer::Happened; 2], || [Answer::Refused { code: "stripe.no".into() }]);
    assert_eq!(through(new(FlowKind::Pay), &done()).await, OrderStatus::Paid);
    assert_eq!(through(Flow::in_doubt(FlowKind::RefundSeen, NOW), &refused()).await, OrderStatus::Paid);
    assert_eq!(through(new(FlowKind::Refund), &done()).await, OrderStatus::Refunded);
    let twice = begin(new(FlowKind::Refund)).await;
    assert!(matches!(twice, Err(StoreError::Conflict(_))), "it went back: {twice:?}");
    let checked = || Flow::in_doubt(FlowKind::RefundChecked, NOW);
    assert_eq!(through(checked(), &done()[..1]).await, OrderStatus::Refunded);
    assert_eq!(through(checked(), &refused()).await, OrderStatus::Paid, "it bounced");
    assert_eq!(through(Flow::in_doubt(FlowKind::RefundSeen, NOW), &done()).await, OrderStatus::Refunded);
    let due = here.due_deliveries(endpoint, 50).await.expect("read");
    let mut told: Vec<_> = due.iter().map(|d| (d.event.kind.as_str(), d.event.detail.as_deref())).collect();
    told.sort_unstable();
    let expected = [
        ("error.occurred", Some("stripe.no")),
        ("order.paid", None),
        ("order.refunded", None),
        ("order.refunded", None),
    ];
    assert_eq!(told, expected, "that nothing went back is no error");
}

// req: S0-FLOW-3
async fn whoever_lost_a_flow_writes_nothing_any_more(on: Kind) {
    let (opened, here, _) = two(on).await;
    let (_, begun) = here.create_reservation(table(None), LEASE).await.expect("made");
    let begun = begun.expect("begun");
    assert_eq!(leased(&opened.store).await, None, "somebody has it");
    opened.clock.set(NOW + LEASE);
    let taken = leased(&opened.store).await.expect("found");
    assert_eq!((taken.id, taken.version), (begun.id, begun.version + 1));
    assert_eq!(leased(&opened.store).await, None);
    assert_eq!(here.save_flow(&begun, LEASE, None).await, Err(StoreError::Stale));
    let later = Flow { due_at: NOW + LEASE * 3, ..taken.flow.clone() };
    here.save_flow(&FlowRecord { flow: later, ..taken }, Duration::ZERO, None).await.expect("saved");
    assert_eq!(leased(&opened.store).await, None, "it is not due");
    opened.clock.set(NOW + LEASE * 3);
    assert!(leased(&opened.store).await.is_some_and(|r| r.flow.step() == Some(Step::AddToCalendar)));
}

// req: S0-SEC-1
async fn settings_the_menu_and_what_was_told_before_are_each_tenants_own(on: Kind) {
    let (_opened, here, there) = two(on).await;
    let entered = Entered {
        settings: BTreeMap::from([("currency".to_owned(), "usd".to_owned())]),
        secrets: BTreeMap::from([("secretKey".to_owned(), Secret::new("sk_1"))]),
    };
    here.set_commerce_settings(Provider::Stripe, &entered).await.expect("set");
    here.set_commerce_settings(Provider::Stripe, &entered).await.expect("set again");
    assert_eq!(here.commerce_settings(Provider::Stripe).await, Ok(Some(entered)));
    let stripe = here.connections().await.expect("read").stripe.expect("complete");
    assert_eq!((stripe.currency.as_str(), stripe.secret_key.expose()), ("usd", "sk_1"));
    assert_eq!(there.commerce_settings(Provider::Stripe).await, Ok(None));
    here.delete_commerce_settings(Provider::Stripe).await.expect("deleted");
    assert_eq!(here.connections().await.expect("read").stripe, None);

    let soup = MenuItemDetails { name: "Soup".into(), price: 650, available: true, ..MenuItemDetails::default() };
    let item = here.create_menu_item(soup.clone()).await.expect("made");
    assert_eq!(here.create_menu_item(soup.clone()).await, Err(StoreError::Conflict("name")));
    there.create_menu_item(soup.clone()).await.expect("another tenant's");
    let dear = MenuItemDetails { price: 700, ..soup };
    assert_eq!(here.update_menu_item(item.id, dear.clone()).await.expect("changed").details, dear);
    assert_eq!(there.delete_menu_item(item.id).await, Err(StoreError::NotFound("menu item")));
    here.delete_menu_item(item.id).await.expect("deleted");
    assert!(here.menu_items(PageRequest::default()).await.expect("read").items.is_empty());

    assert_eq!(here.note_payment_event("evt_1").await, Ok(true));
    assert_eq!(
        (here.note_payment_event("evt_1").await, there.note_payment_event("evt_1").await),
        (Ok(false), Ok(true))
    );
    let endpoint = endpoint(&here).await;
    let conversation = ConversationId::new(SeqIds::new(8).uuid());
    for _ in 0..2 {
        here.ask_for_whatsapp("k", conversation, Some("+33612345678"), "wants a person").await.expect("asked");
    }
    let due = here.due_deliveries(endpoint, 50).await.expect("read");
    assert_eq!((due.len(), due[0].event.kind.as_str()), (1, "whatsapp.fallback"));
    assert_eq!(due[0].event.fallback, Some(("wants a person".into(), Some("+33612345678".into()))));
}

on_both! {
    what_is_asked_for_twice_is_made_once_and_nobody_else_sees_it
    a_flow_tells_how_it_ended_in_the_commit_that_ends_it
    what_was_paid_goes_back_and_is_told_once
    whoever_lost_a_flow_writes_nothing_any_more
    settings_the_menu_and_what_was_told_before_are_each_tenants_own
}
