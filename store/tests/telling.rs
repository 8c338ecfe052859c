//! Events and their deliveries, on both databases: written with what they tell of, or not at all.

#[macro_use]
mod common;

use colloquy_domain::{
    channel::Secret,
    ids::WebhookEndpointId,
    ports::{ConversationStore, StoreError},
    testkit::{answer, receive},
};
use colloquy_store::{Store, TenantStore};
use common::{Kind, NOW};
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(60);

async fn endpoint(rows: &TenantStore, events: &[&str]) -> WebhookEndpointId {
    let events: Vec<String> = events.iter().map(|e| (*e).to_owned()).collect();
    let secret = Secret::new("whsec_c2VjcmV0");
    rows.create_webhook_endpoint("https://example.com", &events, true, secret).await.expect("made").id
}

async fn kinds(rows: &TenantStore, id: WebhookEndpointId) -> Vec<String> {
    let mut kinds: Vec<String> =
        rows.due_deliveries(id, 50).await.expect("read").into_iter().map(|d| d.event.kind).collect();
    kinds.sort();
    kinds
}

async fn leased(store: &Store) -> Option<WebhookEndpointId> {
    store.installation().lease_webhook_endpoint(LEASE).await.expect("asked").map(|e| e.id)
}

// req: S2-OUT-1
async fn events_come_with_what_they_tell_of(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (here, there) = (opened.store.tenant(f.home.tenant), opened.store.tenant(f.abroad.tenant));
    let (all, some) = (endpoint(&here, &["*"]).await, endpoint(&here, &["conversation.started"]).await);
    let strange = endpoint(&there, &["*"]).await;

    let loaded = receive(&opened.store, &f.pull, "peer", &[("m1", "hello")], NOW).await;
    assert_eq!(kinds(&here, all).await, ["conversation.started", "message.received"]);
    receive(&opened.store, &f.pull, "peer", &[("m1", "hello"), ("m2", "more")], NOW).await;
    assert_eq!(kinds(&here, all).await.len(), 3, "what came twice happened once");
    opened.store.commit(answer(&loaded, "yes", &f.ids, NOW)).await.expect("commit");
    let stale = opened.store.commit(answer(&loaded, "no", &f.ids, NOW)).await;
    assert_eq!(stale, Err(StoreError::Stale));
    let told = ["conversation.started", "message.received", "message.received", "message.sent"];
    assert_eq!(kinds(&here, all).await, told, "what was refused did not happen");
    assert_eq!(kinds(&here, some).await, ["conversation.started"]);
    assert!(kinds(&there, strange).await.is_empty(), "another tenant's");
    assert!(there.due_deliveries(all, 50).await.expect("read").is_empty());
    assert_eq!(there.webhook_endpoint(all).await.map(|e| e.id), Err(StoreError::NotFound("webhook endpoint")));
    let due = here.due_deliveries(all, 50).await.expect("read");
    let received = due.iter().find(|d| d.event.kind == "message.received").expect("told");
    assert_eq!((received.event.text.as_deref(), received.event.peer.as_deref()), (Some("hello"), Some("peer")));
}

// req: S2-OUT-1
async fn one_node_at_a_time_delivers_to_an_endpoint(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let here = opened.store.tenant(f.home.tenant);
    let id = endpoint(&here, &["message.received"]).await;
    assert_eq!(leased(&opened.store).await, None, "nothing is to be told");
    receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    assert_eq!(leased(&opened.store).await, Some(id));
    assert_eq!(leased(&opened.store).await, None, "somebody delivers");
    opened.clock.set(NOW + LEASE);
    assert_eq!(leased(&opened.store).await, Some(id), "whoever did is gone");
    here.release_webhook_endpoint(id).await.expect("released");
    assert_eq!(leased(&opened.store).await, Some(id));
    here.delete_webhook_endpoint(id).await.expect("deleted");
    assert!(here.due_deliveries(id, 50).await.expect("read").is_empty());
}

on_both! {
    events_come_with_what_they_tell_of
    one_node_at_a_time_delivers_to_an_endpoint
}
