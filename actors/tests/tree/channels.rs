use super::world::{World, until};
use colloquy_domain::{
    channel::{ChannelEvent, DeliveryStatus, Polled, SendError},
    failure::Failure,
    fallback::LONGEST,
    model::Completion,
    ports::{Clock, ConversationStore, OutboxStore, Settlement},
    testkit::{SeqIds, answer, receive},
};
use std::{collections::VecDeque, time::Duration};

fn script(w: &World, results: Vec<Result<(), SendError>>) {
    *w.driver.script.lock().expect("fine") = results.into();
}

fn statuses(w: &World) -> Vec<DeliveryStatus> {
    w.store.outbox().into_iter().map(|s| s.status).collect()
}

// req: S3-JOB-3
#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_tried_again_no_sooner_than_asked() {
    let mut w = World::new();
    let wait = Duration::from_secs(30);
    script(&w, vec![Err(SendError::Refused(Failure::retry_after(wait, "graph.rate", "slow down")))]);
    let node = w.start().await;
    let begin = w.clock.now();
    w.say("ann", "m1", "hello").await;
    until("delivered", || w.sent().len() == 1).await;
    assert!(w.clock.now().since(begin) >= wait);
    assert_eq!(statuses(&w), [DeliveryStatus::Sent]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_final_failure_is_settled_and_the_next_reply_goes() {
    let mut w = World::new();
    script(&w, vec![Err(SendError::Refused(Failure::reject("graph.recipient", "no such user")))]);
    let node = w.start().await;
    w.say("ann", "m1", "one").await;
    until("failed", || statuses(&w) == [DeliveryStatus::Failed]).await;
    w.say("ann", "m2", "two").await;
    until("delivered", || w.sent().len() == 1).await;
    assert_eq!(*w.driver.attempts.lock().expect("fine"), 2);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_may_have_arrived_is_never_repeated() {
    let mut w = World::new();
    script(&w, vec![Err(SendError::Uncertain(Failure::retry("graph.lost", "no answer came")))]);
    let node = w.start().await;
    w.say("ann", "m1", "one").await;
    until("uncertain", || statuses(&w) == [DeliveryStatus::Uncertain]).await;
    tokio::time::sleep(Duration::from_secs(48 * 3600)).await;
    assert_eq!(*w.driver.attempts.lock().expect("fine"), 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn parts_that_were_taken_are_not_sent_again_and_nothing_overtakes() {
    let mut w = World::new();
    let down = || Err(SendError::Refused(Failure::retry("graph.busy", "later")));
    script(&w, vec![Ok(()), down(), down()]);
    w.model = Box::new(|r| {
        let text = format!("{0}-1\n{0}-2\n{0}-3", r.messages.join(""));
        Box::pin(async move { Ok(Completion { text, ..Completion::default() }) })
    });
    let node = w.start().await;
    w.say("ann", "m1", "a").await;
    w.say("ann", "m2", "b").await;
    until("all parts", || w.sent().len() >= 6 || w.store.outbox().len() == 1 && w.sent().len() == 3).await;
    until("all delivered", || statuses(&w).iter().all(|s| *s == DeliveryStatus::Sent)).await;
    let texts: Vec<String> = w.sent().into_iter().map(|(_, t)| t).collect();
    let mut sorted = texts.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(texts, sorted, "in order, none twice");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_person_does_not_write_again_is_given_up_in_the_end() {
    let mut w = World::new();
    let (now, ids, hour) = (w.clock.now(), SeqIds::new(8), Duration::from_secs(3_600));
    let loaded = receive(w.store.as_ref(), &w.account, "ann", &[("m1", "hello")], now).await;
    w.store.commit(answer(&loaded, "too late", &ids, now)).await.expect("commit");
    let item = w.store.claim(w.account.tenant, w.account.channel, now, 1).await.expect("claimed").remove(0);
    let held = Settlement::Held { tenant: item.tenant, id: item.id, until: now + LONGEST, at: now, stand_in: None };
    w.store.settle(vec![held]).await.expect("held");
    let node = w.start().await;
    tokio::time::sleep(LONGEST - hour).await;
    assert_eq!(statuses(&w), [DeliveryStatus::Queued]);
    tokio::time::sleep(2 * hour).await;
    let cause = w.store.outbox().remove(0).cause.map(|cause| cause.code);
    assert_eq!((statuses(&w), cause.as_deref()), (vec![DeliveryStatus::Failed], Some("fallback.expired")));
    assert_eq!(*w.driver.attempts.lock().expect("fine"), 0, "it was never sent");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_account_is_paused_and_heals() {
    let mut w = World::new();
    script(&w, vec![Err(SendError::AccountDown(Failure::fatal("graph.token", "token expired")))]);
    let node = w.start().await;
    let begin = w.clock.now();
    w.say("ann", "m1", "one").await;
    until("delivered", || w.sent().len() == 1).await;
    assert!(w.clock.now().since(begin) >= Duration::from_secs(15), "paused meanwhile");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_pauses_of_a_refused_account_grow_until_a_call_is_served() {
    let mut w = World::new();
    let down = || Err(SendError::AccountDown(Failure::fatal("graph.token", "token expired")));
    script(&w, vec![down(), down(), down(), down(), down(), down(), Ok(()), down()]);
    let node = w.start().await;
    w.say("ann", "m1", "one").await;
    // After 15, 30 and 60 s the reply is not due yet, only after a minute; then after 120, 240 and 480 s.
    tokio::time::sleep(Duration::from_secs(1_000)).await;
    assert_eq!((*w.driver.attempts.lock().expect("fine"), w.sent().len()), (6, 0));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(w.sent().len(), 1);
    let begin = w.clock.now();
    w.say("ann", "m2", "two").await;
    until("delivered", || w.sent().len() == 2).await;
    let second = w.clock.now().since(begin);
    assert!(second < Duration::from_secs(120), "from the beginning again: {second:?}");
    node.stop().await;
}

// req: C-CHN-1
#[tokio::test(start_paused = true)]
async fn polled_messages_are_durable_before_their_cursor_is_used() {
    let mut w = World::new();
    let entry = w.account.text("ann", "u1", "polled", w.clock.now());
    let polled = Polled { events: vec![ChannelEvent::Message(entry.inbound)], cursor: Some("7".into()) };
    *w.driver.polls.lock().expect("fine") = Some(VecDeque::from([polled]));
    let node = w.start().await;
    until("answered", || w.sent().len() == 1).await;
    assert_eq!(*w.driver.cursors.lock().expect("fine"), [None, Some("7".to_owned())]);
    node.stop().await;
}
