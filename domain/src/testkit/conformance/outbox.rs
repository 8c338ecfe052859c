use super::{beginnings, held};
use crate::{
    channel::{DeliveryStatus, StatusUpdate},
    failure::Failure,
    ids::OutboxId,
    ports::{ConversationStore, InboxStore, IngressLog, OutboxItem, OutboxStore, Settlement, StoreError},
    testkit::{Account, Fixture, answer, receive, say},
    time::Timestamp,
};
use std::time::Duration;

/// # Panics
/// Where the outbox does not do what the port says.
pub async fn outbox_store_conformance<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    a_peer_gets_its_replies_in_order(store, f).await;
    what_is_tried_again_keeps_its_place(store, f).await;
    a_crash_leaves_uncertain_replies(store, f).await;
    beginnings::an_answer_has_one_beginning(store, f).await;
    beginnings::a_reply_takes_the_place_of_its_beginning(store, f).await;
    held::what_is_held_goes_first_when_its_person_writes(store, f).await;
    held::who_wrote_meanwhile_is_answered(store, f).await;
    held::what_is_held_comes_back_in_the_end(store, f).await;
    results_of_what_is_not_being_sent_change_nothing(store, f).await;
    statuses_only_move_forward(store, f).await;
    watermarks_move_what_was_sent_before(store, f).await;
    tenants_are_apart(store, f).await;
}

/// Puts replies for a peer into the outbox.
pub(super) async fn replies<S>(store: &S, f: &Fixture, account: &Account, peer: &str, texts: &[&str]) -> Vec<OutboxId>
where
    S: IngressLog + InboxStore + ConversationStore,
{
    let loaded = receive(store, account, peer, &[(&format!("in-{peer}"), "x")], f.now).await;
    let mut commit = answer(&loaded, texts[0], &f.ids, f.now);
    for text in &texts[1..] {
        say(&mut commit, &loaded, text, &f.ids);
    }
    let ids = commit.outbox.iter().map(|o| o.id).collect();
    store.commit(commit).await.expect("commit");
    ids
}

pub(super) async fn claim<S: OutboxStore>(store: &S, account: &Account, now: Timestamp) -> Vec<OutboxItem> {
    store.claim(account.tenant, account.channel, now, 10).await.expect("claim")
}

fn sent(item: &OutboxItem, name: &str, at: Timestamp) -> Settlement {
    Settlement::Sent { tenant: item.tenant, id: item.id, provider_message_id: Some(name.to_owned()), at }
}

/// Claims one reply and has it sent.
async fn send<S: OutboxStore>(store: &S, account: &Account, name: &str, now: Timestamp) -> OutboxItem {
    let items = claim(store, account, now).await;
    assert_eq!(items.len(), 1);
    store.settle(vec![sent(&items[0], name, now)]).await.expect("settle");
    items[0].clone()
}

fn weather() -> Failure {
    Failure::retry("test.weather", "try again")
}

async fn a_peer_gets_its_replies_in_order<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let a = replies(store, f, &f.home, "order-a", &["a1", "a2"]).await;
    let b = replies(store, f, &f.home, "order-b", &["b1"]).await;
    assert_eq!(store.next_due(f.home.tenant, f.home.channel).await, Ok(Some(f.now)));
    let early = Timestamp(f.now.0 - 1);
    assert_eq!(claim(store, &f.home, early).await, [], "not before its time");
    let first = claim(store, &f.home, f.now).await;
    assert_eq!(first.iter().map(|i| i.id).collect::<Vec<_>>(), [a[0], b[0]], "the first of each peer");
    assert_eq!((first[0].text.as_str(), first[0].attempts, first[0].parts_sent), ("a1", 0, 0));
    assert_eq!(first[0].peer.address, "order-a");
    assert_eq!(claim(store, &f.home, f.now).await, [], "nothing is claimed twice");
    assert_eq!(store.next_due(f.home.tenant, f.home.channel).await, Ok(None), "what waits, waits for the first");
    store.settle(vec![sent(&first[0], "oa1", f.now), sent(&first[1], "ob1", f.now)]).await.expect("settle");
    let waits = async |item: &OutboxItem| store.waits(item.tenant, item.conversation).await;
    assert_eq!((waits(&first[0]).await, waits(&first[1]).await), (Ok(true), Ok(false)));
    let second = claim(store, &f.home, f.now).await;
    assert_eq!(second.iter().map(|i| i.id).collect::<Vec<_>>(), [a[1]]);
    assert_eq!(waits(&second[0]).await, Ok(true), "on its way is not there yet");
    store.settle(vec![sent(&second[0], "oa2", f.now)]).await.expect("settle");
    assert_eq!(waits(&second[0]).await, Ok(false));
    assert_eq!(store.next_due(f.home.tenant, f.home.channel).await, Ok(None));
}

async fn what_is_tried_again_keeps_its_place<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let ids = replies(store, f, &f.home, "again", &["1", "2", "3"]).await;
    let later = f.now + Duration::from_secs(30);
    let first = claim(store, &f.home, f.now).await.remove(0);
    let (tenant, id) = (first.tenant, first.id);
    let progress = Settlement::Progress { tenant, id, parts: 1, provider_message_id: Some("again-part".into()) };
    store.settle(vec![progress]).await.expect("progress");
    let again = Settlement::Again { tenant, id, parts: 1, at: later, failure: weather() };
    store.settle(vec![again]).await.expect("again");
    assert_eq!(claim(store, &f.home, f.now).await, [], "those behind it wait with it");
    assert_eq!(store.next_due(tenant, f.home.channel).await, Ok(Some(later)));
    let retried = claim(store, &f.home, later).await.remove(0);
    assert_eq!((retried.id, retried.attempts, retried.parts_sent), (ids[0], 1, 1));
    let failed = Settlement::Failed { tenant, id, failure: weather(), at: later };
    store.settle(vec![failed]).await.expect("failed");
    let next = claim(store, &f.home, later).await.remove(0);
    assert_eq!(next.id, ids[1], "a failed one is out of the way");
    let uncertain = Settlement::Uncertain { tenant, id: next.id, failure: weather(), at: later };
    store.settle(vec![uncertain]).await.expect("uncertain");
    assert_eq!(send(store, &f.home, "again-3", later).await.id, ids[2], "so is an uncertain one");
}

async fn a_crash_leaves_uncertain_replies<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let ids = replies(store, f, &f.home, "crash", &["1", "2"]).await;
    let item = claim(store, &f.home, f.now).await.remove(0);
    assert_eq!(store.recover(f.abroad.tenant, f.home.channel, f.now).await, Ok(0), "not another tenant's");
    assert_eq!(store.recover(f.home.tenant, f.home.channel, f.now).await, Ok(1));
    assert_eq!(store.recover(f.home.tenant, f.home.channel, f.now).await, Ok(0));
    let next = send(store, &f.home, "crash-2", f.now).await;
    assert_eq!(next.id, ids[1], "it is not repeated");
    let update = StatusUpdate { outbox: Some(ids[0]), ..status(None, DeliveryStatus::Delivered, f.now) };
    let changed = store.advance(f.home.tenant, f.home.channel, vec![update]).await;
    assert_eq!(changed, Ok(vec![(item.conversation, item.message, DeliveryStatus::Delivered)]), "a status tells");
}

async fn results_of_what_is_not_being_sent_change_nothing<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    replies(store, f, &f.home, "late", &["1"]).await;
    let item = claim(store, &f.home, f.now).await.remove(0);
    let (tenant, id) = (item.tenant, item.id);
    store.recover(tenant, f.home.channel, f.now).await.expect("recover");
    let late = [
        Settlement::Again { tenant, id, parts: 0, at: f.now, failure: weather() },
        Settlement::Failed { tenant, id, failure: weather(), at: f.now },
        Settlement::Progress { tenant, id, parts: 1, provider_message_id: None },
    ];
    for settlement in late {
        store.settle(vec![settlement]).await.expect("is ignored");
    }
    assert_eq!(claim(store, &f.home, f.now).await, [], "never queued again");
    // That it was sent is news, whenever it comes.
    store.settle(vec![sent(&item, "late-1", f.now)]).await.expect("settle");
    let read = status(Some("late-1"), DeliveryStatus::Sent, f.now);
    let changed = store.advance(tenant, f.home.channel, vec![read]).await;
    assert_eq!(changed, Ok(Vec::new()), "it was sent already");
    let unknown = Settlement::Failed { tenant: f.abroad.tenant, id, failure: weather(), at: f.now };
    assert_eq!(store.settle(vec![unknown]).await, Err(StoreError::NotFound("outbox item")));
}

fn status(name: Option<&str>, status: DeliveryStatus, at: Timestamp) -> StatusUpdate {
    let provider_message_id = name.map(str::to_owned);
    StatusUpdate { provider_message_id, outbox: None, peer: None, status, at, failure: None }
}

async fn statuses_only_move_forward<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    use DeliveryStatus::{Delivered, Failed, Read, Sent};
    replies(store, f, &f.home, "status", &["1"]).await;
    let item = claim(store, &f.home, f.now).await.remove(0);
    let part = Some("part-1".to_owned());
    let progress = Settlement::Progress { tenant: item.tenant, id: item.id, parts: 1, provider_message_id: part };
    store.settle(vec![progress, sent(&item, "part-2", f.now)]).await.expect("settle");
    let advance = async |updates: &[(&str, DeliveryStatus)]| {
        let updates = updates.iter().map(|(name, s)| status(Some(name), *s, f.now)).collect();
        let changed = store.advance(f.home.tenant, f.home.channel, updates).await.expect("advance");
        assert!(changed.iter().all(|(c, m, _)| (*c, *m) == (item.conversation, item.message)));
        changed.into_iter().map(|(_, _, s)| s).collect::<Vec<_>>()
    };
    assert_eq!(advance(&[("nobody", Read), ("part-1", Sent)]).await, [], "unknown names are no error");
    assert_eq!(advance(&[("part-2", Delivered)]).await, [Delivered], "any part names the reply");
    assert_eq!(advance(&[("part-1", Sent), ("part-1", Delivered)]).await, []);
    assert_eq!(advance(&[("part-1", Read), ("part-1", Delivered)]).await, [Read], "out of order in one batch");
    assert_eq!(advance(&[("part-2", Failed)]).await, [Failed]);
    assert_eq!(advance(&[("part-2", Read)]).await, []);
    let foreign = store.advance(f.abroad.tenant, f.home.channel, vec![status(Some("part-1"), Failed, f.now)]).await;
    assert_eq!(foreign, Ok(Vec::new()));
}

async fn watermarks_move_what_was_sent_before<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let [first, second, third] = [0, 10, 20].map(|s| f.now + Duration::from_secs(s));
    replies(store, f, &f.home, "watermark", &["1", "2", "3"]).await;
    let one = send(store, &f.home, "wm-1", first).await;
    let two = send(store, &f.home, "wm-2", second).await;
    let three = send(store, &f.home, "wm-3", third).await;
    let mark = |at, s| StatusUpdate { peer: Some("watermark".into()), ..status(None, s, at) };
    let updates = vec![mark(third, DeliveryStatus::Delivered), mark(second, DeliveryStatus::Read)];
    let changed = store.advance(f.home.tenant, f.home.channel, updates).await.expect("advance");
    let want = [(&one, DeliveryStatus::Read), (&two, DeliveryStatus::Read), (&three, DeliveryStatus::Delivered)];
    assert_eq!(changed, want.map(|(i, s)| (i.conversation, i.message, s)));
    let other = StatusUpdate { peer: Some("somebody".into()), ..mark(third, DeliveryStatus::Read) };
    assert_eq!(store.advance(f.home.tenant, f.home.channel, vec![other]).await, Ok(Vec::new()));
}

async fn tenants_are_apart<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let ids = replies(store, f, &f.abroad, "apart", &["1"]).await;
    let mixed = Account { tenant: f.home.tenant, ..f.abroad };
    assert_eq!(claim(store, &f.home, f.now).await, []);
    assert_eq!(claim(store, &mixed, f.now).await, []);
    assert_eq!(store.next_due(f.home.tenant, f.abroad.channel).await, Ok(None));
    assert_eq!(send(store, &f.abroad, "apart-1", f.now).await.id, ids[0]);
}
