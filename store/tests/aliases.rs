//! People with two addresses are one contact, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    channel::{AddressChange, AddressTie},
    ids::{ContactId, ConversationId},
    testkit::{Fixture, receive},
    time::Timestamp,
};
use colloquy_store::{Alias, ContactFilter, PageRequest, Store};
use common::{Kind, NOW};

const NUMBER: &str = "33611111111";
const ALIAS: &str = "FR.1349";

fn tie(at: Timestamp) -> AddressTie {
    AddressTie { address: NUMBER.into(), alias: ALIAS.into(), at }
}

async fn writes(store: &Store, f: &Fixture, from: &str, id: &str) -> (ConversationId, ContactId) {
    let conversation = receive(store, &f.home, from, &[(id, "hello")], NOW).await.key.id;
    (conversation, store.tenant(f.home.tenant).conversation(conversation).await.expect("shown").contact)
}

async fn contacts(store: &Store, f: &Fixture) -> u64 {
    let page = store.tenant(f.home.tenant).contacts(&ContactFilter::default(), PageRequest::default()).await;
    page.expect("listed").total
}

fn reached(address: &str, kept_there: bool) -> Option<Alias> {
    Some(Alias { address: address.into(), kept_there })
}

async fn who_was_known_by_the_alias_alone_is_the_same_person(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let rows = store.tenant(f.home.tenant);
    let (conversation, contact) = writes(store, &f, ALIAS, "m1").await;
    assert_eq!(rows.of_alias(f.home.channel, ALIAS).await, Ok(None));
    let moved = rows.tie_address(f.home.channel, &tie(NOW)).await.expect("tied").expect("moved");
    assert_eq!((moved.contact, moved.merged, moved.conversations), (contact, None, vec![conversation]));
    assert_eq!(rows.of_alias(f.home.channel, ALIAS).await, Ok(reached(NUMBER, false)));
    assert_eq!(writes(store, &f, NUMBER, "m2").await, (conversation, contact));
    assert_eq!(rows.tie_address(f.home.channel, &tie(NOW)).await, Ok(None), "told again");
    assert_eq!(contacts(store, &f).await, 1);

    let abroad = store.tenant(f.abroad.tenant);
    assert_eq!(abroad.of_alias(f.home.channel, ALIAS).await, Ok(None), "nobody else's");
    rows.erase_contact(contact).await.expect("erased");
    assert_eq!(rows.of_alias(f.home.channel, ALIAS).await, Ok(None), "it goes with them");
}

async fn two_first_messages_that_came_at_once_become_one_persons(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let rows = store.tenant(f.home.tenant);
    // Tied before the message from the alias, which was on its way, was moved.
    assert_eq!(rows.tie_address(f.home.channel, &tie(NOW)).await, Ok(None));
    let (there, contact) = writes(store, &f, NUMBER, "m1").await;
    let (stray, other) = writes(store, &f, ALIAS, "m2").await;
    assert_ne!(contact, other);
    assert_eq!(rows.of_alias(f.home.channel, ALIAS).await, Ok(reached(NUMBER, true)));
    let moved = rows.tie_address(f.home.channel, &tie(NOW)).await.expect("tied").expect("moved");
    assert_eq!((moved.contact, moved.merged, moved.conversations), (contact, Some(other), vec![stray]));
    assert_eq!(rows.of_alias(f.home.channel, ALIAS).await, Ok(reached(NUMBER, false)));
    assert_eq!(contacts(store, &f).await, 1);
    assert_eq!(writes(store, &f, NUMBER, "m3").await, (there, contact), "the one at the number goes on");
}

async fn aliases_follow_their_person_and_older_words_change_nothing(on: Kind) {
    let opened = common::open(on).await;
    let (store, f) = (&opened.store, common::fixture(&opened.store).await);
    let rows = store.tenant(f.home.tenant);
    let channel = f.home.channel;
    writes(store, &f, NUMBER, "m1").await;
    let told = Timestamp(NOW.millis() + 5_000);
    rows.tie_address(channel, &tie(told)).await.expect("tied");
    let older = AddressTie { address: "33699999999".into(), ..tie(NOW) };
    assert_eq!(rows.tie_address(channel, &older).await, Ok(None));
    assert_eq!(rows.of_alias(channel, ALIAS).await, Ok(reached(NUMBER, false)));

    let change = |from: &str, to: &str, at| AddressChange { from: from.into(), to: to.into(), at };
    rows.move_address(channel, &change(NUMBER, "33622222222", told)).await.expect("moved");
    assert_eq!(rows.of_alias(channel, ALIAS).await, Ok(reached("33622222222", false)));
    rows.move_address(channel, &change(ALIAS, "FR.77", NOW)).await.expect("an older word");
    assert_eq!(rows.of_alias(channel, "FR.77").await, Ok(None));
    rows.move_address(channel, &change(ALIAS, "FR.77", told)).await.expect("renamed");
    assert_eq!(rows.of_alias(channel, "FR.77").await, Ok(reached("33622222222", false)));
    assert_eq!(rows.of_alias(channel, ALIAS).await, Ok(None));
}

on_both! {
    who_was_known_by_the_alias_alone_is_the_same_person
    two_first_messages_that_came_at_once_become_one_persons
    aliases_follow_their_person_and_older_words_change_nothing
}
