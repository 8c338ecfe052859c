//! Tool calls that wait for a person's word, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    approval::{ApprovalChange, CallPlace, NewApproval, Outcome, Ruling, Undoing, Verdict},
    channel::Secret,
    ids::{ApprovalId, TenantId, UserId, WebhookEndpointId},
    ports::{ConversationStore, Ids, Loaded, StoreError},
    testkit::{Account, Fixture, answer, empty_commit, held, receive},
    tool::Undo,
};
use colloquy_store::{Actor, ApprovalFilter, ApprovalStatus, PageRequest, Retention, Store};
use common::{Kind, NOW};
use std::time::Duration;

const PLACE: CallPlace = CallPlace { turn: 1, step: 0, index: 0 };
const DENIED: Verdict = Verdict::Denied { reason: None };

/// Somebody asks, and the agent's call is held.
async fn asked(store: &Store, f: &Fixture, account: &Account, peer: &str) -> (Loaded, NewApproval) {
    let loaded = receive(store, account, peer, &[(peer, "refund me")], NOW).await;
    let mut commit = answer(&loaded, "a colleague looks at it", &f.ids, NOW);
    let asked = held(PLACE, &f.ids);
    commit.approvals = vec![ApprovalChange::Asked(asked.clone())];
    store.commit(commit).await.expect("asked");
    (store.load(loaded.key.tenant, loaded.key.id).await.expect("loaded"), asked)
}

async fn endpoint(store: &Store, tenant: TenantId) -> WebhookEndpointId {
    let kinds = ["tool.approval_requested", "tool.approval_overdue", "tool.approval_decided", "tool.undo_ordered"];
    let kinds = kinds.map(str::to_owned);
    let rows = store.tenant(tenant);
    rows.create_webhook_endpoint("https://a.example", &kinds, true, Secret::new("one")).await.expect("made").id
}

async fn told(store: &Store, tenant: TenantId, endpoint: WebhookEndpointId) -> Vec<(String, Option<ApprovalId>)> {
    let due = store.tenant(tenant).due_deliveries(endpoint, 50).await.expect("read");
    due.into_iter().map(|d| (d.event.kind, d.event.approval)).collect()
}

async fn a_decision_is_made_once_and_taken_up_once(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (tenant, hook) = (f.home.tenant, endpoint(&opened.store, f.home.tenant).await);
    let (loaded, approval) = asked(store, &f, &f.home, "one").await;
    let rows = store.tenant(tenant);
    let shown = rows.approval(approval.id).await.expect("shown");
    assert_eq!(
        (shown.place, &shown.call, &shown.key, &shown.why),
        (PLACE, &approval.call, &approval.key, &approval.why)
    );
    assert_eq!((shown.status, shown.requested_at, shown.decided), (ApprovalStatus::Pending, NOW, None));

    let who = Actor::User(UserId::new(f.ids.uuid()));
    opened.clock.set(NOW + Duration::from_secs(60));
    let decided = rows.decide_approval(approval.id, who, Verdict::Approved).await.expect("decided");
    assert_eq!(decided.decided, Some((who, NOW + Duration::from_secs(60))));
    for verdict in [Verdict::Approved, DENIED] {
        assert_eq!(rows.decide_approval(approval.id, who, verdict).await, Err(StoreError::Conflict("decision")));
    }
    let (key, call) = (approval.key.clone(), approval.call.clone());
    let ruling = Ruling { place: PLACE, key, call, verdict: Verdict::Approved, last_inbound_at: NOW };
    let now = store.load(tenant, loaded.key.id).await.expect("loaded");
    assert_eq!((&now.rulings, store.rulings(tenant, loaded.key.id).await), (&vec![ruling.clone()], Ok(vec![ruling])));
    let unfinished = async || store.unfinished(None, 100).await.expect("read").contains(&(tenant, loaded.key.id));
    assert!(unfinished().await, "a crash changes nothing of it");

    let mut commit = empty_commit(&now, NOW);
    commit.approvals = vec![ApprovalChange::Taken { place: PLACE, turn: Some(2) }];
    store.commit(commit.clone()).await.expect("taken");
    commit.expected_version += 1;
    assert_eq!(store.commit(commit.clone()).await, Err(StoreError::Conflict("approval")), "by one turn");
    assert_eq!(store.rulings(tenant, loaded.key.id).await, Ok(Vec::new()));
    assert!(unfinished().await, "its turn is to be finished");
    let outcome = Outcome::Uncertain("tool.maybe_started".into());
    commit.approvals = vec![ApprovalChange::Settled { place: PLACE, outcome }, ApprovalChange::Ended { place: PLACE }];
    store.commit(commit).await.expect("settled");
    assert!(!unfinished().await);
    let shown = rows.approval(approval.id).await.expect("shown");
    assert_eq!(shown.outcome, Some(("uncertain".to_owned(), Some("tool.maybe_started".to_owned()))));
    assert_eq!(shown.turn, Some(2));
    let kinds = ["tool.approval_requested", "tool.approval_decided"].map(|k| (k.to_owned(), Some(approval.id)));
    assert_eq!(told(store, tenant, hook).await, kinds);
}

async fn approvals_are_found_by_conversation_and_status_and_only_by_their_tenant(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (one, first) = asked(store, &f, &f.home, "one").await;
    let (_, second) = asked(store, &f, &f.home, "two").await;
    let (_, theirs) = asked(store, &f, &f.abroad, "three").await;
    let (here, there) = (store.tenant(f.home.tenant), store.tenant(f.abroad.tenant));
    here.decide_approval(first.id, Actor::System, DENIED).await.expect("decided");
    let found = async |conversation, status| {
        let filter = ApprovalFilter { conversation, status };
        let page = here.approvals(filter, PageRequest::default()).await.expect("listed");
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|a| a.id).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None).await, [second.id, first.id], "the newest first");
    assert_eq!(found(None, Some(ApprovalStatus::Pending)).await, [second.id]);
    assert_eq!(found(Some(one.key.id), None).await, [first.id]);
    assert_eq!(found(Some(one.key.id), Some(ApprovalStatus::Pending)).await, []);
    assert_eq!(found(Some(one.key.id), Some(ApprovalStatus::Denied)).await, [first.id]);
    let hidden = StoreError::NotFound("approval");
    assert_eq!(here.approval(theirs.id).await, Err(hidden.clone()));
    assert_eq!(there.decide_approval(second.id, Actor::System, Verdict::Approved).await, Err(hidden));
    let filter = ApprovalFilter { conversation: Some(one.key.id), status: None };
    assert_eq!(there.approvals(filter, PageRequest::default()).await.expect("listed").total, 0);
}

async fn what_a_person_has_undone_is_ordered_once_and_again_only_if_it_failed(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (tenant, hook) = (f.home.tenant, endpoint(&opened.store, f.home.tenant).await);
    let loaded = receive(store, &f.home, "one", &[("one", "a table")], NOW).await;
    store.commit(answer(&loaded, "you have it", &f.ids, NOW)).await.expect("answered");
    let (id, rows) = (loaded.key.id, store.tenant(tenant));
    let undo = Undo { tool: "give_back".into(), arguments: "{}".into(), automatic: false };
    let undoing = Undoing::of(PLACE, &undo, (tenant, id));
    let who = Actor::User(UserId::new(f.ids.uuid()));
    let order = async || rows.order_undo(id, undoing.clone(), who, Some("by mistake".to_owned())).await;
    let ordered = order().await.expect("ordered");
    assert_eq!((ordered.place, &ordered.key, &ordered.call), (PLACE.undoing(), &undoing.key, &undoing.call));
    assert_eq!((ordered.status, ordered.decided), (ApprovalStatus::Approved, Some((who, NOW))));
    assert_eq!((ordered.reason.as_deref(), ordered.outcome), (Some("by mistake"), None));
    assert_eq!(order().await, Err(StoreError::Conflict("undo")), "it is on its way");
    let place = undoing.place;
    for (outcome, again) in
        [(Outcome::Failed("tool.refused".into()), true), (Outcome::Uncertain("tool.timeout".into()), false)]
    {
        let now = store.load(tenant, id).await.expect("loaded");
        assert_eq!(now.rulings.iter().map(|r| r.place).collect::<Vec<_>>(), [place]);
        let mut commit = empty_commit(&now, NOW);
        commit.approvals = vec![ApprovalChange::Taken { place, turn: Some(2) }];
        store.commit(commit.clone()).await.expect("taken");
        assert_eq!(order().await, Err(StoreError::Conflict("undo")), "it is at work");
        commit.expected_version += 1;
        commit.approvals = vec![ApprovalChange::Settled { place, outcome }, ApprovalChange::Ended { place }];
        store.commit(commit).await.expect("settled");
        assert_eq!(order().await.map(|a| a.id), if again { Ok(ordered.id) } else { Err(StoreError::Conflict("undo")) });
    }
    let shown = rows.undoing(id, (1, 1)).await.expect("read");
    assert_eq!(shown.iter().map(|a| a.id).collect::<Vec<_>>(), [ordered.id]);
    assert_eq!(rows.undoing(id, (2, 9)).await, Ok(Vec::new()));
    assert_eq!(store.tenant(f.abroad.tenant).undoing(id, (1, 1)).await, Ok(Vec::new()));
    assert_eq!(told(store, tenant, hook).await, [("tool.undo_ordered".to_owned(), Some(ordered.id))]);
}

async fn what_nobody_decides_is_told_as_overdue_once_and_waits_on(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let hook = endpoint(store, f.home.tenant).await;
    let (_, approval) = asked(store, &f, &f.home, "one").await;
    let patience = Duration::from_secs(900);
    for seconds in [60, 900, 1_800] {
        opened.clock.set(NOW + Duration::from_secs(seconds));
        store.installation().mark_overdue_approvals(patience).await.expect("looked");
    }
    let kinds = ["tool.approval_requested", "tool.approval_overdue"].map(|k| (k.to_owned(), Some(approval.id)));
    assert_eq!(told(store, f.home.tenant, hook).await, kinds);
    let rows = store.tenant(f.home.tenant);
    assert_eq!(rows.approval(approval.id).await.expect("shown").status, ApprovalStatus::Pending);
    rows.decide_approval(approval.id, Actor::System, Verdict::Approved).await.expect("still");
}

async fn what_is_erased_takes_its_approvals_along_and_what_waits_outlives_old_words(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let (_, approval) = asked(store, &f, &f.pull, "one").await;
    let rows = store.tenant(f.home.tenant);
    opened.clock.set(NOW + Duration::from_secs(40 * 86_400));
    let words = Retention { messages: Some(30), ..Retention::default() };
    while rows.sweep(words).await.expect("swept").unfinished {}
    assert!(rows.approval(approval.id).await.is_ok(), "somebody may still decide");
    let all = Retention { conversations: Some(30), ..Retention::default() };
    while rows.sweep(all).await.expect("swept").unfinished {}
    assert_eq!(rows.approval(approval.id).await, Err(StoreError::NotFound("approval")));
}

on_both! {
    a_decision_is_made_once_and_taken_up_once
    approvals_are_found_by_conversation_and_status_and_only_by_their_tenant
    what_a_person_has_undone_is_ordered_once_and_again_only_if_it_failed
    what_nobody_decides_is_told_as_overdue_once_and_waits_on
    what_is_erased_takes_its_approvals_along_and_what_waits_outlives_old_words
}
