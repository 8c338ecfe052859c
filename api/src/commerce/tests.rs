//! Flows over the real store, with stand-ins that count what was really done, killed at every place.

mod stand_in;

use super::{Commerce, ask::Asked, run::LEASE};
use colloquy_domain::{
    channel::Secret,
    commerce::{
        MenuItemDetails, OrderDetails, OrderStatus, ReservationDetails, ReservationStatus,
        flow::{Flow, FlowKind, Step},
        settings::{Entered, Provider},
    },
    ids::{OrderId, TenantId},
    ports::StoreError,
    testkit::{ManualClock, SeqIds},
    time::Timestamp,
};
use colloquy_store::{SecretKey, Store, StoreOptions};
use stand_in::{Fate, StandIn};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tempfile::TempDir;
use uuid::Uuid;

/// 2026-01-01T00:00:00Z.
const NOW: Timestamp = Timestamp(1_767_225_600_000);

struct World {
    commerce: Arc<Commerce>,
    services: Arc<StandIn>,
    clock: Arc<ManualClock>,
    tenant: TenantId,
    _folder: TempDir,
}

impl World {
    async fn new(fates: Vec<Fate>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NOW));
        let options = StoreOptions {
            clock: clock.clone(),
            ids: Arc::new(SeqIds::default()),
            secret_key: SecretKey::from_bytes([7; 32]),
            placement: None,
        };
        let store = Store::open(folder.path().join("colloquy.db"), options).await.unwrap();
        let tenant = store.installation().create_tenant("here", "Here").await.unwrap().id;
        let rows = store.tenant(tenant);
        let key = Secret::new("sk_test_1");
        let stripe = Entered { secrets: BTreeMap::from([("secretKey".to_owned(), key)]), ..Entered::default() };
        rows.set_commerce_settings(Provider::Stripe, &stripe).await.unwrap();
        let soup = MenuItemDetails { name: "Soup".into(), price: 650, available: true, ..MenuItemDetails::default() };
        rows.create_menu_item(soup).await.unwrap();
        let secret = Secret::new("whsec_c2VjcmV0");
        rows.create_webhook_endpoint("https://example.com", &["*".to_owned()], true, secret).await.unwrap();
        let services = Arc::new(StandIn::new(fates));
        let commerce = Arc::new(Commerce::new(store, services.clone(), clock.clone()));
        Self { commerce, services, clock, tenant, _folder: folder }
    }

    /// Kinds of the events that are to be told.
    async fn events(&self) -> Vec<String> {
        let rows = self.commerce.store.tenant(self.tenant);
        let endpoint = rows.webhook_endpoints(Default::default()).await.unwrap().items.remove(0);
        let mut kinds: Vec<String> =
            rows.due_deliveries(endpoint.id, 100).await.unwrap().into_iter().map(|d| d.event.kind).collect();
        kinds.sort();
        kinds
    }

    fn count(&self, kind: &str, events: &[String]) -> usize {
        events.iter().filter(|k| *k == kind).count()
    }

    /// Nodes come, take up what waits, and die where the fates say, until nothing waits.
    async fn live(&self) {
        for _ in 0..200 {
            // Whoever died has lost what it had, and what is to be tried later is due.
            self.clock.set(self.commerce.clock.now() + LEASE.max(Duration::from_secs(61)));
            let Some(record) = self.commerce.store.installation().lease_flow(LEASE).await.unwrap() else { return };
            tokio::select! {
                done = self.commerce.carry_out(record) => drop(done),
                () = self.services.killed() => {}
            }
        }
        panic!("it never ends");
    }

    /// Asks, and is killed with the node if the fates say so.
    async fn ask<T>(&self, asked: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = asked => Some(done),
            () = self.services.killed() => None,
        }
    }
}

fn table() -> ReservationDetails {
    ReservationDetails {
        name: "Ada".into(),
        phone: "+33 6 12 34 56 78".into(),
        party: 4,
        date: "2026-05-01".into(),
        time: "19:30".into(),
        notes: String::new(),
    }
}

fn soups() -> OrderDetails {
    OrderDetails {
        lines: vec![("soup".into(), 2)],
        name: "Ada".into(),
        phone: "+33612345678".into(),
        notes: String::new(),
    }
}

fn keyed() -> Asked {
    Asked { key: Some("once".into()), ..Asked::default() }
}

/// All fates of the first calls: each alone, and each two after one another.
fn fates() -> Vec<Vec<Fate>> {
    let all = Fate::ALL;
    let mut fates: Vec<Vec<Fate>> = vec![Vec::new()];
    for place in 0..5 {
        for first in all {
            let alone: Vec<Fate> = std::iter::repeat_n(Fate::Good, place).chain([first]).collect();
            fates.extend(all.iter().map(|second| [alone.clone(), vec![*second]].concat()));
            fates.push(alone);
        }
    }
    fates
}

// req: S0-FLOW-2
#[tokio::test]
async fn a_reservation_is_entered_once_wherever_the_node_dies() {
    for fates in fates() {
        let world = World::new(fates.clone()).await;
        let (commerce, tenant) = (&world.commerce, world.tenant);
        world.ask(commerce.make_reservation(tenant, keyed(), table())).await;
        world.live().await;
        // Whoever got no answer asks again.
        let made = commerce.make_reservation(tenant, keyed(), table()).await.unwrap();
        let events = world.events().await;
        assert_eq!(made.status, ReservationStatus::Confirmed, "{fates:?}");
        assert_eq!(world.services.done(Step::AddToCalendar), 1, "{fates:?}");
        assert_eq!(world.services.done(Step::AddToSheet), 1, "{fates:?}");
        assert_eq!(events, ["reservation.created"], "{fates:?}");
        assert_eq!(made.calendar_link.as_deref(), Some("made:add_to_calendar"), "{fates:?}");

        world.ask(commerce.undo_reservation(tenant, made.id)).await;
        world.live().await;
        let now = commerce.undo_reservation(tenant, made.id).await.unwrap();
        assert_eq!(now.status, ReservationStatus::Cancelled, "{fates:?}");
        assert_eq!(world.services.done(Step::RemoveFromCalendar), 1, "{fates:?}");
        assert_eq!(world.services.done(Step::AddToSheet), 2, "{fates:?}");
        assert_eq!(world.events().await, ["reservation.cancelled", "reservation.created"], "{fates:?}");
    }
}

// req: S0-FLOW-3
// req: S0-ORD-1
// req: S0-ORD-2
#[tokio::test]
async fn an_order_is_charged_once_wherever_the_node_dies() {
    for fates in fates() {
        let world = World::new(fates.clone()).await;
        let (commerce, tenant) = (&world.commerce, world.tenant);
        world.ask(commerce.make_order(tenant, keyed(), soups())).await;
        world.live().await;
        let made = commerce.make_order(tenant, keyed(), soups()).await.unwrap();
        assert_eq!((made.status, made.amount), (OrderStatus::RequiresConfirmation, 1_300), "{fates:?}");
        assert_eq!(world.services.done(Step::ConfirmPayment), 0, "nothing is charged unasked: {fates:?}");
        world.ask(commerce.pay(tenant, made.id, Some("pm_card".into()))).await;
        world.live().await;
        let paid = commerce.pay(tenant, made.id, Some("pm_card".into())).await.unwrap();
        assert_eq!(paid.status, OrderStatus::Paid, "{fates:?}");
        for step in [Step::CreatePayment, Step::ConfirmPayment, Step::AddToSheet] {
            assert_eq!(world.services.done(step), 1, "{step:?} {fates:?}");
        }
        assert_eq!(world.events().await, ["order.paid"], "{fates:?}");
        assert_eq!(paid.payment_secret.as_ref().map(Secret::expose), Some("secret:create_payment"), "{fates:?}");
    }
}

// req: S0-FLOW-3
// req: S0-PAY-1
#[tokio::test]
async fn an_order_is_refunded_once_wherever_the_node_dies() {
    for fates in fates() {
        // It is made and paid before anything happens.
        let world = World::new([vec![Fate::Good; 3], fates.clone()].concat()).await;
        let (commerce, tenant) = (&world.commerce, world.tenant);
        let made = commerce.make_order(tenant, keyed(), soups()).await.unwrap();
        let early = commerce.refund(tenant, made.id).await.unwrap_err();
        assert!(matches!(early, super::Refusal::NotNow("ORDER_NOT_REFUNDABLE", _)), "nothing was paid: {early:?}");
        commerce.pay(tenant, made.id, None).await.unwrap();
        world.ask(commerce.refund(tenant, made.id)).await;
        world.live().await;
        let back = commerce.refund(tenant, made.id).await.unwrap();
        assert_eq!((back.status, &back.payment), (OrderStatus::Refunded, &made.payment), "{fates:?}");
        assert_eq!(world.services.done(Step::RefundPayment), 1, "{fates:?}");
        assert_eq!(world.services.done(Step::ConfirmPayment), 1, "{fates:?}");
        assert_eq!(world.services.done(Step::AddToSheet), 2, "{fates:?}");
        assert_eq!(world.events().await, ["order.paid", "order.refunded"], "{fates:?}");
    }
}

// req: S0-FLOW-3
// req: S0-EVT-1
#[tokio::test]
async fn a_refund_that_nobody_can_tell_of_is_uncertain_until_it_can_be_seen() {
    let world = World::new([vec![Fate::Good; 3], vec![Fate::LostDone]].concat()).await;
    let (commerce, tenant) = (&world.commerce, world.tenant);
    let made = commerce.make_order(tenant, keyed(), soups()).await.unwrap();
    commerce.pay(tenant, made.id, None).await.unwrap();
    world.services.blind(true);
    assert_eq!(commerce.refund(tenant, made.id).await.unwrap().status, OrderStatus::Uncertain);
    world.live().await;
    let asked = commerce.refund(tenant, made.id).await.unwrap();
    assert_eq!((asked.status, world.services.called(Step::RefundPayment)), (OrderStatus::Uncertain, 1));
    assert_eq!(world.events().await, ["error.occurred", "order.paid"], "told once");
    world.services.blind(false);
    commerce.look_again(tenant, made.id.uuid()).await.unwrap();
    world.live().await;
    let now = commerce.store.tenant(tenant).order(made.id).await.unwrap();
    assert_eq!((now.status, now.cause), (OrderStatus::Refunded, None));
    assert_eq!((world.services.done(Step::RefundPayment), world.services.called(Step::RefundPayment)), (1, 1));
    assert_eq!(world.events().await, ["error.occurred", "order.paid", "order.refunded"]);
}

// req: S0-PAY-1
// req: S2-WHK-4
#[tokio::test]
async fn what_the_provider_tells_of_refunds_is_looked_at_and_never_refunds_anything() {
    let world = World::new(Vec::new()).await;
    let (commerce, tenant) = (&world.commerce, world.tenant);
    let made = commerce.make_order(tenant, keyed(), soups()).await.unwrap();
    commerce.pay(tenant, made.id, None).await.unwrap();
    let told = async |failed: bool| {
        let order = commerce.store.tenant(tenant).order(made.id).await.unwrap();
        commerce.refund_ended(tenant, &order, failed).await.unwrap();
        world.live().await;
        commerce.store.tenant(tenant).order(made.id).await.unwrap()
    };
    let now = told(false).await;
    assert_eq!((now.status, now.cause.as_deref()), (OrderStatus::Paid, Some("x.not_refunded")), "a part, or nothing");
    assert_eq!(world.events().await, ["order.paid"], "no failure of anything");
    world.services.elsewhere(Step::RefundPayment);
    for _ in 0..2 {
        assert_eq!(told(false).await.status, OrderStatus::Refunded);
    }
    assert_eq!(told(true).await.status, OrderStatus::Refunded, "another one failed, not this");
    assert_eq!(world.events().await, ["order.paid", "order.refunded"]);
    world.services.fails(Step::RefundPayment);
    assert_eq!(told(true).await.status, OrderStatus::Paid, "it did not go back after all");
    assert_eq!(world.events().await, ["error.occurred", "order.paid", "order.refunded"]);
    assert_eq!(world.services.called(Step::RefundPayment), 0);
}

// req: S0-FLOW-3
// req: S0-EVT-1
#[tokio::test]
async fn a_payment_that_nobody_can_tell_of_is_uncertain_until_it_can_be_seen() {
    let world = World::new(vec![Fate::Good, Fate::LostDone]).await;
    let (commerce, tenant) = (&world.commerce, world.tenant);
    let made = commerce.make_order(tenant, keyed(), soups()).await.unwrap();
    world.services.blind(true);
    let asked = commerce.pay(tenant, made.id, None).await.unwrap();
    assert_eq!((asked.status, asked.cause.as_deref()), (OrderStatus::Uncertain, Some("x.no_answer")));
    world.live().await;
    let now = commerce.store.tenant(tenant).order(made.id).await.unwrap();
    assert_eq!((now.status, now.cause.as_deref()), (OrderStatus::Uncertain, Some("x.blind")));
    assert_eq!(world.count("error.occurred", &world.events().await), 1, "told once");
    let flow = Flow::new(FlowKind::CancelOrder, NOW);
    let refused = commerce.store.tenant(tenant).begin_flow(made.id.uuid(), None, None, flow, LEASE).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict(_)), "nothing else is done with it: {refused}");

    world.services.blind(false);
    commerce.look_again(tenant, made.id.uuid()).await.unwrap();
    world.live().await;
    let now = commerce.store.tenant(tenant).order(made.id).await.unwrap();
    assert_eq!((now.status, now.cause), (OrderStatus::Paid, None));
    assert_eq!(world.services.done(Step::ConfirmPayment), 1);
    assert_eq!(world.count("order.paid", &world.events().await), 1);
}

// req: S0-PAY-1
// req: S2-WHK-4
#[tokio::test]
async fn what_the_provider_tells_again_changes_nothing_and_a_payment_in_the_browser_counts() {
    let world = World::new(Vec::new()).await;
    let (commerce, tenant) = (&world.commerce, world.tenant);
    let made = commerce.make_order(tenant, keyed(), soups()).await.unwrap();
    // Whoever pays did it in their browser.
    world.services.elsewhere(Step::ConfirmPayment);
    for _ in 0..3 {
        commerce.payment_ended(tenant, &made, FlowKind::Pay).await.unwrap();
        world.live().await;
    }
    let now = commerce.store.tenant(tenant).order(made.id).await.unwrap();
    assert_eq!((now.status, world.services.done(Step::ConfirmPayment)), (OrderStatus::Paid, 1));
    assert_eq!(world.services.called(Step::ConfirmPayment), 0, "it was seen, and not asked for");
    assert_eq!((world.services.done(Step::AddToSheet), world.events().await), (1, vec!["order.paid".to_owned()]));
    let unknown = commerce.pay(tenant, OrderId::new(Uuid::from_u128(1)), None).await;
    assert!(unknown.is_err());
}

// req: S0-VAL-1
// req: S0-RES-1
#[tokio::test]
async fn all_that_is_wrong_is_told_at_once() {
    let world = World::new(Vec::new()).await;
    let wrong = ReservationDetails { date: "2025-12-31".into(), phone: "call me".into(), party: 0, ..table() };
    let refused = world.commerce.make_reservation(world.tenant, keyed(), wrong).await.unwrap_err();
    let super::Refusal::Wrong(fields) = refused else { panic!("{refused:?}") };
    assert_eq!(fields.iter().map(|f| f.0).collect::<Vec<_>>(), ["phone", "partySize", "date"]);
    let wrong = OrderDetails { lines: vec![("soup".into(), 1), ("steak".into(), 1)], ..soups() };
    let refused = world.commerce.make_order(world.tenant, keyed(), wrong).await.unwrap_err();
    assert_eq!(refused, super::Refusal::wrong("items", "number 2 is not on the menu now"));
}
