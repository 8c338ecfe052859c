//! Sessions with avatars, on both databases.

#[macro_use]
mod common;

use colloquy_domain::{
    channel::Secret,
    commerce::{
        flow::Answer,
        settings::{Entered, Provider},
    },
    ids::{ChannelId, VideoSessionId},
    ports::{Ids, StoreError},
    testkit::{SeqIds, receive},
    video::{AvatarAccount, AvatarProvider, EndReason, Input, Join, Video, VideoSession, VideoStatus, decide, evolve},
};
use colloquy_store::{NewVideo, OpenedVideo, PageRequest, TenantStore};
use common::{Kind, NOW};
use std::{collections::BTreeMap, time::Duration};

const LEASE: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(180);

fn new(chat: &str, key: Option<&str>) -> NewVideo {
    let account = AvatarAccount { provider: AvatarProvider::HeyGen, key: Secret::new("key-1"), base_url: None };
    NewVideo {
        key: key.map(str::to_owned),
        channel: ChannelId::new(SeqIds::new(9).uuid()),
        chat: chat.to_owned(),
        video: Video::new(account.provider, Duration::from_secs(600), IDLE, NOW),
        account,
        most: 2,
    }
}

async fn opened(rows: &TenantStore, new: NewVideo) -> VideoSession {
    match rows.open_video(new, LEASE).await.expect("asked") {
        OpenedVideo::New(session) => session,
        other => panic!("not a new one: {other:?}"),
    }
}

async fn put(rows: &TenantStore, session: VideoSession, input: Input) -> VideoSession {
    let events = decide(&session.video, input, NOW).events;
    let video = events.iter().fold(session.video.clone(), evolve);
    rows.save_video(&VideoSession { video, ..session }, Duration::ZERO).await.expect("saved")
}

async fn live(rows: &TenantStore, new: NewVideo) -> VideoSession {
    let session = put(rows, opened(rows, new).await, Input::Reserved(Ok("x-1".into()))).await;
    let mut session = put(rows, session, Input::Started(Ok(None))).await;
    session.access.join = Some(Join { url: "wss://room".into(), token: Secret::new("token") });
    rows.save_video(&session, Duration::ZERO).await.expect("saved")
}

async fn two(on: Kind) -> (common::Opened, TenantStore, TenantStore) {
    let opened = common::open(on).await;
    let here = common::new_tenant(&opened.store, "here").await;
    let there = common::new_tenant(&opened.store, "there").await;
    let (here, there) = (opened.store.tenant(here), opened.store.tenant(there));
    let entered = Entered {
        settings: BTreeMap::from([("provider", "heygen"), ("avatarId", "Anna")].map(|(n, v)| (n.into(), v.into()))),
        secrets: BTreeMap::from([("apiKey".to_owned(), Secret::new("key-1"))]),
    };
    here.set_commerce_settings(Provider::Avatar, &entered).await.expect("set");
    (opened, here, there)
}

// req: S0-VID-1
// req: S1-AUTH-3
async fn one_is_asked_for_once_a_visitor_has_one_and_no_more_run_than_may(on: Kind) {
    let (_opened, here, there) = two(on).await;
    assert_eq!(here.avatar().await.expect("read").expect("complete").most, 3, "unless something else is said");
    let first = opened(&here, new("a", Some("k"))).await;
    let known = OpenedVideo::Known(first.clone());
    assert_eq!(here.open_video(new("other", Some("k")), LEASE).await, Ok(known.clone()), "the same call");
    assert_eq!(here.open_video(new("a", None), LEASE).await, Ok(known), "the same visitor");
    let second = opened(&here, new("b", None)).await;
    assert_eq!(here.open_video(new("c", None), LEASE).await, Ok(OpenedVideo::TooMany));
    opened(&there, new("a", Some("k"))).await;
    assert_eq!(there.video(first.id).await, Err(StoreError::NotFound("video session")));
    assert_eq!(there.videos(PageRequest::default()).await.expect("read").total, 1);
    let ids: Vec<VideoSessionId> =
        here.videos(PageRequest::default()).await.expect("read").items.into_iter().map(|s| s.id).collect();
    assert_eq!(ids, [second.id, first.id], "the newest first");
    put(&here, second, Input::Reserved(Err(Answer::Refused { code: "x".into() }))).await;
    opened(&here, new("c", None)).await;
}

// req: S0-VID-2
// req: S0-SEC-1
async fn whoever_lost_a_session_writes_nothing_and_what_is_over_keeps_no_secret(on: Kind) {
    let (opened, here, _) = two(on).await;
    let session = live(&here, new("a", None)).await;
    assert_eq!(here.video(session.id).await, Ok(session.clone()));
    assert_eq!(here.video_of(session.channel, "a").await, Ok(Some(session.clone())));
    let lease = async || opened.store.installation().lease_video(LEASE).await.expect("asked");
    assert_eq!(lease().await, None, "it is not due");
    assert_eq!(
        (here.claim_spoken_turn(session.id, 2).await, here.claim_spoken_turn(session.id, 2).await),
        (Ok(true), Ok(false))
    );
    assert_eq!(here.claim_spoken_turn(session.id, 1).await, Ok(false), "an older turn");

    opened.clock.set(NOW + IDLE);
    let taken = lease().await.expect("due");
    assert_eq!((taken.id, taken.access.account.as_ref().map(|a| a.key.expose())), (session.id, Some("key-1")));
    assert_eq!(lease().await, None, "somebody has it");
    assert_eq!(here.save_video(&session, LEASE).await, Err(StoreError::Stale));
    let ending = put(&here, taken, Input::End(EndReason::Idle)).await;
    let ended = put(&here, ending, Input::Stopped(Answer::Happened)).await;
    let read = here.video(session.id).await.expect("read");
    assert_eq!((read.video.status, &read.access.account, &read.access.join), (VideoStatus::Ended, &None, &None));
    assert_eq!(read, ended);
    opened.clock.set(NOW + IDLE * 10);
    assert_eq!(lease().await, None, "it is over");
}

// req: S0-EVT-1
async fn what_becomes_of_it_is_told_in_the_commit_that_changes_it(on: Kind) {
    let (_opened, here, _) = two(on).await;
    let secret = Secret::new("whsec_c2VjcmV0");
    let endpoint = here.create_webhook_endpoint("https://example.com", &["*".to_owned()], true, secret).await;
    let endpoint = endpoint.expect("made").id;
    let session = live(&here, new("a", None)).await;
    let ending = put(&here, session, Input::End(EndReason::Asked)).await;
    put(&here, ending, Input::Stopped(Answer::Happened)).await;
    let lost = Answer::Unknown { code: "x.no_answer".into() };
    put(&here, opened(&here, new("b", None)).await, Input::Reserved(Err(lost))).await;
    let told = here.due_deliveries(endpoint, 50).await.expect("read").into_iter().map(|d| d.event);
    let told: Vec<_> = told.map(|e| (e.kind, e.video.expect("its session").status, e.detail)).collect();
    let expected = [
        ("video.started", "ended", None),
        ("video.ended", "ended", None),
        ("error.occurred", "uncertain", Some("x.no_answer")),
    ];
    let expected: Vec<_> = expected.map(|(k, s, d)| (k.to_owned(), s.to_owned(), d.map(str::to_owned))).into();
    assert_eq!(told, expected, "as it is now");
}

// req: S0-VID-2
async fn who_is_erased_leaves_what_runs_to_be_stopped_under_nobodys_name(on: Kind) {
    let opened = common::open(on).await;
    let f = common::fixture(&opened.store).await;
    let rows = opened.store.tenant(f.home.tenant);
    receive(&opened.store, &f.home, "ann", &[("m1", "Hello")], NOW).await;
    receive(&opened.store, &f.home, "bob", &[("m2", "Hello")], NOW).await;
    let of = |chat: &str| NewVideo { channel: f.home.channel, ..new(chat, None) };
    let over = put(&rows, live(&rows, of("ann")).await, Input::End(EndReason::Asked)).await;
    let over = put(&rows, over, Input::Stopped(Answer::Happened)).await;
    let (runs, other) = (live(&rows, of("ann")).await, live(&rows, of("bob")).await);
    let conversation = rows.conversation_with(f.home.channel, "ann").await.expect("read").expect("known");
    let contact = rows.conversation(conversation).await.expect("read").contact;
    rows.erase_contact(contact).await.expect("erased");
    assert_eq!(rows.video(over.id).await, Err(StoreError::NotFound("video session")));
    assert_eq!(rows.video(other.id).await, Ok(other), "somebody else's");
    assert_eq!(rows.save_video(&runs, LEASE).await, Err(StoreError::Stale));
    let due = opened.store.installation().lease_video(LEASE).await.expect("asked").expect("due");
    assert_eq!((due.id, due.chat.as_str(), due.video.status), (runs.id, "", VideoStatus::Ending));
    assert_eq!(due.access, runs.access, "it can be stopped");
}

on_both! {
    one_is_asked_for_once_a_visitor_has_one_and_no_more_run_than_may
    whoever_lost_a_session_writes_nothing_and_what_is_over_keeps_no_secret
    what_becomes_of_it_is_told_in_the_commit_that_changes_it
    who_is_erased_leaves_what_runs_to_be_stopped_under_nobodys_name
}
