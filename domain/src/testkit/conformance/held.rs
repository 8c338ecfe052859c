//! Replies that wait for their person.

use super::outbox::{claim, replies};
use crate::{
    fallback::{LONGEST, StandIn},
    ids::{MessageId, OutboxId},
    model::Speaker,
    ports::{ConversationStore, Ids, InboxStore, IngressLog, OutboxItem, OutboxStore, Settlement, TakenIn},
    template::TemplateCall,
    testkit::{Account, Fixture, answer},
    time::Timestamp,
};
use std::time::Duration;

fn stand_in(f: &Fixture) -> StandIn {
    let template = TemplateCall {
        name: "answer".into(),
        language: "en".into(),
        header: None,
        body: Vec::new(),
        buttons: Vec::new(),
    };
    let (id, message) = (OutboxId::new(f.ids.uuid()), MessageId::new(f.ids.uuid()));
    StandIn { id, message, text: "We have an answer.".into(), template }
}

fn held(item: &OutboxItem, at: Timestamp, stand_in: Option<StandIn>) -> Settlement {
    Settlement::Held { tenant: item.tenant, id: item.id, until: at + LONGEST, at, stand_in }
}

fn sent(item: &OutboxItem, at: Timestamp) -> Settlement {
    Settlement::Sent { tenant: item.tenant, id: item.id, provider_message_id: Some(format!("{}", item.id)), at }
}

/// The person writes; what is moved brings this about.
async fn writes<S>(store: &S, account: &Account, peer: &str, id: &str, at: Timestamp) -> TakenIn
where
    S: IngressLog + InboxStore,
{
    store.append(vec![account.text(peer, id, "Hello?", at)]).await.expect("append");
    let mut all = TakenIn::default();
    for lane in (0..store.lanes()).map(crate::placement::Lane) {
        let from = store.cursor(lane).await.expect("cursor");
        let entries = store.read(lane, from, 100).await.expect("read");
        let Some(to) = entries.last().map(|e| e.offset) else { continue };
        let taken = store.take_in(lane, from, to, entries).await.expect("taken in");
        all.hints.extend(taken.hints);
        all.released.extend(taken.released);
    }
    all
}

pub(super) async fn what_is_held_goes_first_when_its_person_writes<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let ids = replies(store, f, &f.home, "held", &["1", "2"]).await;
    let (late, instead) = (f.now + Duration::from_secs(90_000), stand_in(f));
    let first = claim(store, &f.home, late).await.remove(0);
    let known = store.closed(first.tenant, first.conversation).await.expect("closed");
    assert!(!known.prompted && !known.opted_out && known.agent == f.home.agent, "{known:?}");
    store.settle(vec![held(&first, late, Some(instead.clone()))]).await.expect("held");
    assert!(store.closed(first.tenant, first.conversation).await.expect("closed").prompted);
    // Nothing waits behind what is held: the next one is looked at by itself, and nothing goes out in its place again.
    let second = claim(store, &f.home, late).await.remove(0);
    assert_eq!((second.id, second.held_until), (ids[1], None));
    store.settle(vec![held(&second, late, Some(stand_in(f)))]).await.expect("held");
    let told = claim(store, &f.home, late).await;
    let [told] = told.as_slice() else { panic!("one message in the place of both: {told:?}") };
    assert_eq!((told.id, told.message, &told.text), (instead.id, instead.message, &instead.text));
    assert_eq!(told.template.as_ref(), Some(&instead.template));
    store.settle(vec![sent(told, late)]).await.expect("sent");
    assert_eq!(store.next_due(f.home.tenant, f.home.channel).await, Ok(Some(late + LONGEST)));
    let said = store.history(first.tenant, first.conversation, u64::MAX, 10).await.expect("history");
    let ours: Vec<&str> = said.iter().filter(|l| l.speaker == Speaker::Agent).map(|l| l.text.as_str()).collect();
    assert_eq!(ours, ["1", "2", "We have an answer."], "told once");

    let again = late + Duration::from_secs(5);
    let taken = writes(store, &f.home, "held", "held-again", again).await;
    assert_eq!((taken.hints.len(), taken.released), (1, vec![f.home.channel]));
    let loaded = store.load(first.tenant, first.conversation).await.expect("load");
    store.commit(answer(&loaded, "3", &f.ids, again)).await.expect("commit");
    for (n, text) in ["1", "2", "3"].into_iter().enumerate() {
        let next = claim(store, &f.home, again).await;
        let [next] = next.as_slice() else { panic!("one after the other: {next:?}") };
        assert_eq!((next.text.as_str(), next.held_until, next.attempts), (text, None, 0));
        assert!(n == 2 || next.last_inbound_at == again, "the window is open");
        store.settle(vec![sent(next, again)]).await.expect("sent");
    }
    assert!(!store.closed(first.tenant, first.conversation).await.expect("closed").prompted);
    let quiet = writes(store, &f.home, "held", "held-quiet", again).await;
    assert_eq!(quiet.released, [], "nothing waited");
}

pub(super) async fn who_wrote_meanwhile_is_answered<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    replies(store, f, &f.home, "meanwhile", &["1"]).await;
    let item = claim(store, &f.home, f.now).await.remove(0);
    let wrote = f.now + Duration::from_secs(1);
    assert_eq!(writes(store, &f.home, "meanwhile", "in-between", wrote).await.released, []);
    store.settle(vec![held(&item, wrote, Some(stand_in(f)))]).await.expect("settled");
    let now = claim(store, &f.home, wrote).await;
    let [now] = now.as_slice() else { panic!("it is due, and nothing else is: {now:?}") };
    assert_eq!((now.id, now.held_until, now.last_inbound_at), (item.id, None, wrote));
    store.settle(vec![sent(now, wrote)]).await.expect("sent");
}

pub(super) async fn what_is_held_comes_back_in_the_end<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    replies(store, f, &f.home, "never", &["1"]).await;
    let item = claim(store, &f.home, f.now).await.remove(0);
    store.settle(vec![held(&item, f.now, None)]).await.expect("held");
    assert_eq!(claim(store, &f.home, f.now).await, []);
    // A second word about it changes nothing.
    store.settle(vec![held(&item, f.now, Some(stand_in(f)))]).await.expect("ignored");
    assert_eq!(claim(store, &f.home, f.now).await, []);
    let end = f.now + LONGEST;
    let back = claim(store, &f.home, end).await;
    let [back] = back.as_slice() else { panic!("it comes back: {back:?}") };
    assert_eq!((back.id, back.held_until), (item.id, Some(end)));
    store.settle(vec![sent(back, end)]).await.expect("settled");
}
