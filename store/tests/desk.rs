//! What people do with conversations and contacts, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    conversation::{Conversation, Ctx, Input, JournalRow, JournalWhat, Written, decide, project},
    failure::Failure,
    ids::ChannelId,
    message::Peer,
    model::{Completion, Usage},
    ports::{ConversationStore, OutboxStore, StoreError},
    standing::{AccountNotice, Gravity, Standing},
    testkit::{answer, empty_commit, receive},
    time::Timestamp,
    tool::{ToolCall, ToolResult},
};
use colloquy_store::{
    ChannelHealth, Consent, ContactDetails, ContactFilter, ConversationFilter, MessageFilter, PageRequest, Refused,
    Start,
};
use common::{Kind, NOW};
use uuid::Uuid;

// req: S1-CNV-1
async fn a_turn_that_was_computed_before_a_person_spoke_is_refused(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let loaded = receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let computed = answer(&loaded, "an answer", &f.ids, NOW);
    let rows = opened.store.tenant(f.home.tenant);
    let profile = f.home.profile();
    let words = Written {
        text: "I am here".into(),
        rich: None,
        author: None,
        template: None,
        planned: false,
        last_inbound_at: NOW,
    };
    let state = Conversation::restore(loaded.key.clone(), loaded.snapshot.clone());
    let decision = decide(&state, Input::Wrote(words), &Ctx { now: NOW, profile: &profile, own: profile.id });
    let (_, act) = project(state, &decision.events, loaded.version, NOW, &f.ids);
    rows.commit_act(act.clone().expect("something durable")).await.expect("written");
    assert_eq!(opened.store.commit(computed).await, Err(StoreError::Stale), "the stale turn cannot speak");
    assert_eq!(rows.commit_act(act.expect("the same")).await, Err(StoreError::Stale), "nor is an act done twice");
    let shown = rows.conversation(loaded.key.id).await.expect("shown");
    assert!(shown.with_operator);
    let said =
        rows.all_messages(MessageFilter { outbound: Some(true), ..MessageFilter::default() }, PageRequest::default());
    let said = said.await.expect("listed").items;
    assert_eq!(said.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["I am here"]);
    let abroad = opened.store.tenant(f.abroad.tenant);
    assert_eq!(abroad.message(said[0].id).await.map(|_| ()), Err(StoreError::NotFound("message")));
}

// req: S3-CNV-1
async fn conversations_are_found_by_what_the_team_says_of_them(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let one = receive(&opened.store, &f.home, "15550001", &[("m1", "hello"), ("m2", "there")], NOW).await.key.id;
    let two = receive(&opened.store, &f.home, "15550002", &[("m3", "hello")], NOW).await.key.id;
    let rows = opened.store.tenant(f.home.tenant);
    let reader = Uuid::from_u128(9);
    rows.tag_conversation(one, &["vip".into(), "50%_off".into()]).await.expect("tagged");
    rows.close_conversation(two, true).await.expect("closed");
    rows.mark_read(one, reader).await.expect("read");
    rows.mark_read(one, reader).await.expect("read twice");
    let found = async |filter: ConversationFilter| {
        let page = rows.conversations(&filter, reader, PageRequest::default()).await.expect("listed");
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|c| (c.id, c.unread)).collect::<Vec<_>>()
    };
    let any = ConversationFilter::default;
    assert_eq!(found(any()).await.len(), 2);
    assert_eq!(found(ConversationFilter { closed: Some(true), ..any() }).await, [(two, 1)]);
    assert_eq!(found(ConversationFilter { closed: Some(false), ..any() }).await, [(one, 0)]);
    assert_eq!(found(ConversationFilter { search: Some("+1 555-0002".into()), ..any() }).await, [(two, 1)]);
    assert_eq!(found(ConversationFilter { search: Some("5550_01".into()), ..any() }).await, [], "no wildcards");
    assert_eq!(found(ConversationFilter { tag: Some("50%_off".into()), ..any() }).await, [(one, 0)]);
    assert_eq!(found(ConversationFilter { tag: Some("vi".into()), ..any() }).await, []);
    opened.clock.set(colloquy_domain::time::Timestamp(NOW.millis() + 5));
    receive(&opened.store, &f.home, "15550002", &[("m4", "again")], colloquy_domain::time::Timestamp(NOW.millis() + 9))
        .await;
    assert_eq!(found(ConversationFilter { closed: Some(true), ..any() }).await, [], "what comes opens it again");
    let begun = Start { channel: f.home.channel, peer: Peer { address: "15550003".into(), name: None }, phone: None };
    let started = rows.start_conversation(begun.clone()).await.expect("begun");
    assert_eq!(rows.start_conversation(begun).await, Err(StoreError::Conflict("conversation")));
    assert_eq!(found(ConversationFilter { search: Some("15550003".into()), ..any() }).await, [(started, 0)]);
}

// req: S3-CON-1
async fn one_contact_has_many_identities_and_can_be_taken_apart_and_erased(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let one = receive(&opened.store, &f.home, "15550001", &[("m1", "hello")], NOW).await;
    let two = receive(&opened.store, &f.pull, "visitor", &[("m2", "hello")], NOW).await;
    opened.store.commit(answer(&one, "yes", &f.ids, NOW)).await.expect("committed");
    let rows = opened.store.tenant(f.home.tenant);
    let contact = async |id| rows.conversation(id).await.expect("shown").contact;
    let (ann, visitor) = (contact(one.key.id).await, contact(two.key.id).await);
    let phone = Some("+15550001".to_owned());
    let mut details = ContactDetails { phone: phone.clone(), tags: vec!["vip".into()], ..ContactDetails::default() };
    rows.update_contact(ann, details.clone()).await.expect("updated");
    details.phone = None;
    details.consent = Consent::Withdrawn;
    rows.update_contact(visitor, ContactDetails { tags: vec!["new".into()], ..details }).await.expect("updated");
    let again = ContactDetails { phone, ..ContactDetails::default() };
    assert_eq!(rows.create_contact(again.clone()).await.map(|_| ()), Err(StoreError::Conflict("phoneNumber")));
    assert_eq!(rows.import_contacts(vec![again]).await, Ok(vec![false]), "the same row again is the same contact");

    let merged = rows.merge_contacts(ann, visitor).await.expect("merged");
    assert_eq!((merged.identities.len(), merged.details.tags.join(" ")), (2, "vip new".to_owned()));
    assert_eq!(merged.details.consent, Consent::Withdrawn, "whoever wants to be left alone is");
    assert_eq!(contact(two.key.id).await, ann);
    let visiting = ContactFilter { search: Some("visit".into()), ..ContactFilter::default() };
    let found = rows.contacts(&visiting, PageRequest::default());
    assert_eq!(found.await.expect("listed").items.iter().map(|c| c.id).collect::<Vec<_>>(), [ann]);
    assert_eq!(rows.delete_contact(ann).await, Err(StoreError::Conflict("identities")));

    let apart = rows.split_contact(ann, f.pull.channel, "visitor", Some("Bo".into())).await.expect("split");
    assert_eq!((contact(two.key.id).await, apart.identities.len()), (apart.id, 1));
    let only = rows.split_contact(ann, f.home.channel, "15550001", None).await;
    assert_eq!(only.map(|_| ()), Err(StoreError::Conflict("address")));

    assert_eq!(rows.erase_contact(ann).await, Ok(vec![one.key.id]));
    assert_eq!(rows.contact(ann).await.map(|_| ()), Err(StoreError::NotFound("contact")));
    assert_eq!(rows.load(one.key.id).await.map(|_| ()), Err(StoreError::NotFound("conversation")));
    let left = rows.all_messages(MessageFilter::default(), PageRequest::default()).await.expect("listed");
    assert!(left.items.iter().all(|m| m.conversation == two.key.id) && left.total == 1, "{left:?}");
    let again = receive(&opened.store, &f.home, "15550001", &[("m9", "me again")], NOW).await;
    assert_ne!(again.key.id, one.key.id, "they are new to us");
}

/// The list still says how long it is, on each page and behind its end.
async fn a_search_finds_so_many_people_and_no_more(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    let rows = opened.store.tenant(f.home.tenant);
    let people = (0..1_010).map(|n| ContactDetails {
        name: Some(format!("Camille {n:04}")),
        tags: vec!["vip".to_owned()],
        ..ContactDetails::default()
    });
    rows.import_contacts(people.collect()).await.expect("imported");
    let found = async |search: &str, page| {
        let filter = ContactFilter { search: Some(search.to_owned()), ..ContactFilter::default() };
        rows.contacts(&filter, PageRequest::new(page, 200)).await.expect("listed")
    };
    let first = found("cam", 1).await;
    assert_eq!((first.total, first.items.len()), (1_000, 200));
    assert_eq!(first.items[0].details.name.as_deref(), Some("Camille 1009"), "the newest first");
    assert_eq!(found("cam", 5).await.items.len(), 200);
    let behind = found("cam", 6).await;
    assert_eq!((behind.total, behind.items.len()), (1_000, 0));
    let tagged = ContactFilter { search: Some("cam".to_owned()), tag: Some("vip".to_owned()), before: None };
    let narrowed = rows.contacts(&tagged, PageRequest::new(6, 200)).await.expect("listed");
    assert_eq!((narrowed.total, narrowed.items.len()), (1_010, 10), "what else narrows a search looks at all of them");
    let before = ContactFilter { search: Some("cam".to_owned()), tag: None, before: Some(first.items[0].id) };
    assert_eq!(rows.contacts(&before, PageRequest::default()).await.expect("listed").total, 1_009, "an export, too");
    let mut all = Vec::new();
    for number in 1..=6 {
        let page = rows.contacts(&ContactFilter::default(), PageRequest::new(number, 200)).await.expect("listed");
        assert_eq!(page.total, 1_011);
        all.extend(page.items.into_iter().map(|c| c.id));
    }
    assert!(all.len() == 1_011 && all.is_sorted_by(|a, b| a > b), "each once, the newest first, from both ends");
    let one = found("camille 0007", 1).await;
    assert_eq!((one.total, one.items.len()), (1, 1));
    let filter = ConversationFilter { search: Some("camille".to_owned()), ..ConversationFilter::default() };
    let none = rows.conversations(&filter, Uuid::nil(), PageRequest::default()).await.expect("listed");
    assert_eq!((none.total, none.items.len()), (0, 0), "none of them wrote");
}

// req: S1-CNV-1
async fn what_an_agent_did_is_kept_turn_by_turn(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let loaded = receive(&opened.store, &f.home, "peer", &[("m1", "book it")], NOW).await;
    let id = loaded.key.id;
    let call = |name: &str| ToolCall { id: name.into(), name: name.into(), arguments: "{}".into() };
    let usage = Usage { prompt_tokens: 7, completion_tokens: 3, cost_micros: 40 };
    let completion =
        Completion { calls: vec![call("book"), call("tell")], usage, text: "One moment.".into(), truncated: false };
    let row = |turn, step, index, what| JournalRow { turn, step, index, agent: None, what };
    let failed = ToolResult::failed(Failure::reject("full", "no table"));
    let mut commit = empty_commit(&loaded, NOW);
    commit.journal = vec![
        row(1, 0, 0, JournalWhat::Completion(completion.clone())),
        row(1, 0, 1, JournalWhat::Settled(failed.clone())),
        row(1, 1, 0, JournalWhat::Completion(Completion::default())),
        row(2, 0, 0, JournalWhat::Completion(Completion::default())),
    ];
    opened.store.commit(commit).await.expect("written");
    let rows = opened.store.tenant(f.home.tenant);
    let all = rows.trail(id, None, PageRequest::default()).await.expect("listed");
    assert_eq!((all.total, all.items.iter().map(|t| t.turn).collect::<Vec<_>>()), (2, vec![2, 1]));
    let first = &all.items[1].steps;
    assert_eq!((first.len(), &first[0].completion), (2, &completion));
    assert_eq!(first[0].results.keys().copied().collect::<Vec<_>>(), [1], "the other one is under way");
    assert_eq!((&first[0].results[&1].result, first[0].results[&1].at), (&failed, NOW));
    let one = rows.trail(id, Some(1), PageRequest::default()).await.expect("listed");
    assert_eq!((one.total, &one.items[0]), (1, &all.items[1]));
    let newest = rows.trail(id, None, PageRequest::new(1, 1)).await.expect("listed");
    assert_eq!((newest.total, newest.items), (2, vec![all.items[0].clone()]));
    let abroad = opened.store.tenant(f.abroad.tenant).trail(id, None, PageRequest::default()).await.expect("listed");
    assert_eq!((abroad.total, abroad.items.len()), (0, 0));
}

// req: C-CHN-1
async fn how_a_channel_stands_is_kept_and_a_stop_holds_its_replies(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let (tenant, channel) = (f.home.tenant, f.home.channel);
    let rows = opened.store.tenant(tenant);
    assert_eq!(rows.channel_health(channel).await, Ok(ChannelHealth::default()));
    let later = |ms| Timestamp(NOW.millis() + ms);
    let stands = async |how, at| opened.store.stands(tenant, channel, how, at).await.expect("written");
    stands(Standing::Refused(Failure::fatal("a", "first")), later(1)).await;
    stands(Standing::Refused(Failure::fatal("b", "second")), later(2)).await;
    for n in [3, 4] {
        stands(Standing::Unreadable { deliveries: n, why: "wrong signature".into() }, later(5)).await;
    }
    let shown = rows.channel_health(channel).await.expect("shown");
    let refused = Refused { since: later(1), code: "b".into(), detail: "second".into() };
    assert_eq!(shown.refused, Some(refused));
    assert_eq!(shown.unreadable.map(|u| u.deliveries), Some(7));
    rows.channel_checked(channel, Some(later(9))).await.expect("checked");
    let shown = rows.channel_health(channel).await.expect("shown");
    assert_eq!((shown.refused, shown.token_expires_at), (None, Some(later(9))));

    let loaded = receive(&opened.store, &f.home, "peer", &[("m1", "hello")], NOW).await;
    opened.store.commit(answer(&loaded, "an answer", &f.ids, NOW)).await.expect("committed");
    let notice = |gravity, at| {
        Standing::Told(AccountNotice { what: "BAN".into(), gravity, detail: String::new(), at: later(at) })
    };
    let due = async || opened.store.next_due(tenant, channel).await.expect("looked");
    assert_eq!(due().await, Some(NOW));
    stands(notice(Gravity::Stop, 20), later(20)).await;
    stands(notice(Gravity::Lifted, 10), later(21)).await;
    assert_eq!(due().await, None, "an older word lifts nothing");
    assert_eq!(opened.store.claim(tenant, channel, later(30), 9).await, Ok(Vec::new()));
    let shown = rows.channel_health(channel).await.expect("shown");
    assert_eq!((shown.stopped_at, shown.notice.map(|n| n.gravity)), (Some(later(20)), Some(Gravity::Stop)));
    stands(notice(Gravity::Good, 30), later(30)).await;
    assert_eq!(due().await, None, "a good word is not the end of a stop");
    stands(notice(Gravity::Lifted, 40), later(40)).await;
    assert_eq!(opened.store.claim(tenant, channel, later(40), 9).await.expect("claimed").len(), 1);
    let abroad = opened.store.tenant(f.abroad.tenant);
    abroad.channel_stands(channel, notice(Gravity::Stop, 50)).await.expect("of no channel of theirs");
    assert_eq!(abroad.channel_health(channel).await, Ok(ChannelHealth::default()));
    assert_eq!(rows.channel_health(channel).await.expect("shown").stopped_at, None);
    let gone = ChannelId::new(Uuid::from_u128(77));
    rows.channel_stands(gone, Standing::Refused(Failure::fatal("a", "b"))).await.expect("of no channel, nothing");
}

on_both! {
    a_search_finds_so_many_people_and_no_more
    a_turn_that_was_computed_before_a_person_spoke_is_refused
    conversations_are_found_by_what_the_team_says_of_them
    how_a_channel_stands_is_kept_and_a_stop_holds_its_replies
    one_contact_has_many_identities_and_can_be_taken_apart_and_erased
    what_an_agent_did_is_kept_turn_by_turn
}
