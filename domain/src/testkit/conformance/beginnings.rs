//! First words of answers: what whoever delivers must be able to rely on.

use super::outbox::{claim, replies};
use crate::{
    ids::ConversationId,
    ports::{Beginning, ConversationStore, InboxStore, IngressLog, OutboxStore, Settlement},
    testkit::{Fixture, answer, receive},
    time::Timestamp,
};
use std::time::Duration;

const TURN: u32 = 1;

async fn there<S: OutboxStore>(store: &S, f: &Fixture, conversation: ConversationId) -> Option<Beginning> {
    store.beginning(f.home.tenant, conversation, None).await.expect("read")
}

pub(super) async fn an_answer_has_one_beginning<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    let loaded = receive(store, &f.home, "begun", &[("begun-1", "x")], f.now).await;
    let (tenant, conversation) = (f.home.tenant, loaded.key.id);
    assert_eq!(there(store, f, conversation).await, None);
    assert_eq!(store.begin(tenant, conversation, TURN, f.now).await, Ok(None));
    let sending = Beginning { turn: TURN, message: None, busy: Some(f.now) };
    let later = f.now + Duration::from_secs(1);
    assert_eq!(store.begin(tenant, conversation, TURN, later).await, Ok(Some(sending.clone())), "never beside it");
    assert_eq!(store.begin(tenant, conversation, TURN + 1, later).await, Ok(Some(sending)), "another turn's neither");
    assert_eq!(store.amend(tenant, conversation, TURN, later).await, Ok(false), "nobody knows its name");
    let named = |name: &str| Some(name.to_owned());
    store.amended(tenant, conversation, TURN + 1, named("other")).await.expect("nothing of that turn");
    store.amended(tenant, conversation, TURN, named("m1")).await.expect("named");
    assert_eq!(store.beginning(f.abroad.tenant, conversation, None).await, Ok(None), "not another tenant's");
    let stands = |busy| Some(Beginning { turn: TURN, message: named("m1"), busy });
    assert_eq!(there(store, f, conversation).await, stands(None));
    assert_eq!(store.amend(tenant, conversation, TURN + 1, later).await, Ok(false));
    assert_eq!(store.amend(tenant, conversation, TURN, later).await, Ok(true));
    assert_eq!(store.amend(tenant, conversation, TURN, later).await, Ok(false), "one request at a time");
    assert_eq!(there(store, f, conversation).await, stands(Some(later)));
    store.amended(tenant, conversation, TURN, None).await.expect("taken away");
    assert_eq!(there(store, f, conversation).await, None);
    // So that nothing of it waits for the tests after this one.
    store.commit(answer(&loaded, "answer", &f.ids, f.now)).await.expect("commit");
    let item = claim(store, &f.home, f.now).await.remove(0);
    assert_eq!(store.beginning(tenant, conversation, Some(item.message)).await, Ok(None));
    let sent = Settlement::Sent { tenant, id: item.id, provider_message_id: None, at: f.now };
    store.settle(vec![sent]).await.expect("settle");
}

pub(super) async fn a_reply_takes_the_place_of_its_beginning<S>(store: &S, f: &Fixture)
where
    S: IngressLog + InboxStore + ConversationStore + OutboxStore,
{
    replies(store, f, &f.home, "place", &["1"]).await;
    let item = claim(store, &f.home, f.now).await.remove(0);
    let (tenant, id, conversation) = (item.tenant, item.id, item.conversation);
    // Of another turn: it is not this reply's.
    assert_eq!(store.begin(tenant, conversation, TURN + 1, f.now).await, Ok(None));
    assert_eq!(store.beginning(tenant, conversation, Some(item.message)).await, Ok(None));
    store.settle(vec![Settlement::Replaced { tenant, id }]).await.expect("settle");
    assert!(there(store, f, conversation).await.is_some(), "what is not the reply's stays");
    store.amended(tenant, conversation, TURN + 1, None).await.expect("taken away");
    assert_eq!(store.begin(tenant, conversation, TURN, f.now).await, Ok(None));
    store.amended(tenant, conversation, TURN, Some("place-1".to_owned())).await.expect("named");
    assert!(store.beginning(tenant, conversation, Some(item.message)).await.expect("read").is_some());
    assert_eq!(
        OutboxStore::recover(store, tenant, f.home.channel, f.now).await,
        Ok(0),
        "putting it there may be repeated"
    );
    let again = claim(store, &f.home, f.now).await;
    assert_eq!(again.iter().map(|i| i.id).collect::<Vec<_>>(), [id]);
    let name = Some("place-1".to_owned());
    let done = vec![
        Settlement::Replaced { tenant, id },
        Settlement::Sent { tenant, id, provider_message_id: name, at: Timestamp(f.now.0 + 1) },
    ];
    store.settle(done).await.expect("settle");
    assert_eq!(there(store, f, conversation).await, None);
    assert_eq!(store.waits(tenant, conversation).await, Ok(false));
}
