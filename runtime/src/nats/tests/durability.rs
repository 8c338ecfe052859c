//! What the log promises when servers die, and how it says that a server broke its promise.

use super::{Random, account, connected, ids_of, lanes, open, rest, server::NatsServer, text, wait::until};
use crate::nats::{JetStreamLog, LogOptions};
use async_nats::jetstream;
use colloquy_domain::{
    placement::{Lane, lane_of},
    ports::{IngressLog, StoreError},
};
use futures::StreamExt;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Quick to say that nobody answers.
fn impatient(count: u8) -> LogOptions {
    LogOptions { append_timeout: Duration::from_millis(500), ..lanes(count) }
}

/// Callers that append one entry after the other for as long as they may; returns what was acknowledged.
async fn under_load(log: Arc<JetStreamLog>, mut disturb: impl AsyncFnMut(&AtomicU64)) -> BTreeSet<String> {
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let callers: Vec<_> = (0..24)
        .map(|caller| {
            let (log, stop, acknowledged) = (log.clone(), stop.clone(), acknowledged.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                for n in 0.. {
                    if stop.load(Ordering::Acquire) {
                        break;
                    }
                    let id = format!("{caller}-{n}");
                    if log.append(vec![text(&format!("peer-{caller}"), &id)]).await.is_ok() {
                        acknowledged.fetch_add(1, Ordering::AcqRel);
                        mine.push(id);
                    }
                }
                mine
            })
        })
        .collect();
    disturb(&acknowledged).await;
    stop.store(true, Ordering::Release);
    let mut all = BTreeSet::new();
    for caller in callers {
        all.extend(caller.await.expect("a caller"));
    }
    all
}

/// Waits until so many more entries were acknowledged.
async fn more(acknowledged: &AtomicU64, count: u64) {
    let goal = acknowledged.load(Ordering::Acquire) + count;
    until("more acknowledged entries", async || (acknowledged.load(Ordering::Acquire) >= goal).then_some(())).await;
}

async fn survives_kills(mut server: NatsServer) {
    let log = Arc::new(open(&server, &impatient(2)).await);
    let acknowledged = under_load(log.clone(), async |acknowledged| {
        for _ in 0..3 {
            more(acknowledged, 100).await;
            server.kill().await;
            server.restart().await;
        }
        more(acknowledged, 100).await;
    })
    .await;
    // A reader that was there all the time, and one that begins now.
    let fresh = open(&server, &impatient(2)).await;
    assert_eq!(fresh.log_id(), log.log_id());
    for log in [log.as_ref(), &fresh] {
        let mut kept = BTreeSet::new();
        for lane in 0..2 {
            let ids = ids_of(&rest(log, lane, 0).await);
            for caller in 0..24 {
                let prefix = format!("{caller}-");
                let numbers: Vec<u64> = ids
                    .iter()
                    .filter_map(|id| id.strip_prefix(&prefix))
                    .map(|n| n.parse().expect("a number"))
                    .collect();
                assert!(numbers.is_sorted(), "lane {lane}, caller {caller}: {numbers:?}");
            }
            kept.extend(ids);
        }
        let lost: Vec<_> = acknowledged.difference(&kept).collect();
        assert!(lost.is_empty(), "of {} acknowledged entries these are lost: {lost:?}", acknowledged.len());
    }
}

// req: S1-DB-1
#[tokio::test]
async fn everything_acknowledged_survives_kills_of_the_server() {
    survives_kills(NatsServer::start().await).await;
}

#[tokio::test]
async fn everything_acknowledged_survives_kills_of_an_old_server() {
    // It does not fsync before it acknowledges, but a killed process loses nothing that is in its files.
    let Some(server) = NatsServer::start_older().await else { return };
    survives_kills(server).await;
}

#[tokio::test]
async fn without_a_server_appends_are_refused_and_reads_go_on_afterwards() {
    let mut server = NatsServer::start().await;
    let log = open(&server, &impatient(1)).await;
    log.append(vec![text("p", "a"), text("p", "b")]).await.expect("append");
    let first = log.read(Lane(0), 0, 1).await.expect("read");
    server.kill().await;
    let refused = log.append(vec![text("p", "c")]).await.expect_err("nobody is there");
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused}");
    server.restart().await;
    until("an append", async || log.append(vec![text("p", "d")]).await.ok()).await;
    let ids = ids_of(&rest(&log, 0, first[0].offset).await);
    assert_eq!(ids.first().map(String::as_str), Some("b"));
    assert_eq!(ids.last().map(String::as_str), Some("d"));
}

#[tokio::test]
async fn waiting_readers_hear_of_entries_that_other_nodes_append() {
    let server = NatsServer::start().await;
    let (here, there) = (open(&server, &lanes(1)).await, open(&server, &lanes(1)).await);
    let mut cursor = 0;
    for n in 0..20 {
        let id = n.to_string();
        let read = async {
            loop {
                here.wait(Lane(0), cursor).await;
                let read = here.read(Lane(0), cursor, 10).await.expect("read");
                if !read.is_empty() {
                    return read;
                }
            }
        };
        let (read, appended) = tokio::join!(read, there.append(vec![text("p", &id)]));
        appended.expect("append");
        assert_eq!(ids_of(&read), [id]);
        cursor = read[0].offset;
    }
}

#[tokio::test]
async fn a_reader_may_go_back_and_may_be_interrupted() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    let entries: Vec<_> = (0..600).map(|n| text("p", &n.to_string())).collect();
    for batch in entries.chunks(50) {
        log.append(batch.to_vec()).await.expect("append");
    }
    let all = rest(&log, 0, 0).await;
    assert_eq!(ids_of(&all), (0..600).map(|n| n.to_string()).collect::<Vec<_>>());
    let (third, twentieth) = (all[3].offset, all[20].offset);
    for cursor in [third, twentieth, third, all[599].offset, twentieth] {
        let expected: Vec<_> = all.iter().filter(|e| e.offset > cursor).take(7).cloned().collect();
        assert_eq!(log.read(Lane(0), cursor, 7).await, Ok(expected), "after {cursor}");
    }
    // Given up in the middle of whatever it was doing.
    for micros in [1, 100, 300, 700, 1500] {
        let cursor = all[598].offset;
        let _ = tokio::time::timeout(Duration::from_micros(micros), log.read(Lane(0), third, 500)).await;
        let _ = tokio::time::timeout(Duration::from_micros(micros), log.wait(Lane(0), all[599].offset)).await;
        assert_eq!(ids_of(&log.read(Lane(0), cursor, 10).await.expect("read")), ["599"]);
    }
}

/// A consumer is something that the server keeps for a while.
#[tokio::test]
async fn reading_in_two_places_by_turns_takes_two_consumers() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    for n in 0..200 {
        log.append(vec![text("p", &n.to_string())]).await.expect("append");
    }
    let all = rest(&log, 0, 0).await;
    for n in 0..50 {
        for at in [n, n + 100] {
            let read = log.read(Lane(0), all[at].offset, 3).await.expect("read");
            assert_eq!(read, all[at + 1..at + 4]);
        }
    }
    let stream = jetstream::new(connected(&server).await.client().clone()).get_stream("colloquy_log_0").await;
    let consumers: Vec<_> = stream.expect("there").consumer_names().collect().await;
    assert!(consumers.len() <= 3, "and one of the first read: {}", consumers.len());
}

#[tokio::test]
async fn a_message_that_went_astray_is_fetched_again() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    log.append(vec![text("p", "1")]).await.expect("append");
    let cursor = rest(&log, 0, 0).await[0].offset;
    for id in ["2", "3"] {
        log.append(vec![text("p", id)]).await.expect("append");
    }
    // Delivered by the server to our consumer, and never seen by us: as when a connection breaks.
    let thief = connected(&server).await;
    let js = jetstream::new(thief.client().clone());
    let stream = js.get_stream("colloquy_log_0").await.expect("there");
    let consumers: Vec<_> = stream.consumer_names().collect().await;
    assert_eq!(consumers.len(), 1);
    let consumer = consumers[0].as_ref().expect("a name");
    let request = format!("$JS.API.CONSUMER.MSG.NEXT.colloquy_log_0.{consumer}");
    let inbox = thief.client().new_inbox();
    let mut loot = thief.client().subscribe(inbox.clone()).await.expect("subscribed");
    thief.client().publish_with_reply(request, inbox, "".into()).await.expect("asked");
    assert!(loot.next().await.is_some_and(|m| m.status.is_none()), "it got the message");
    assert_eq!(ids_of(&rest(&log, 0, cursor).await), ["2", "3"]);
}

#[tokio::test]
async fn one_callers_entries_keep_their_order_among_many() {
    let server = NatsServer::start().await;
    let log = Arc::new(open(&server, &lanes(4)).await);
    let callers: Vec<_> = (0..40)
        .map(|caller| {
            let log = log.clone();
            tokio::spawn(async move {
                for n in 0..10 {
                    let batch = (0..3).map(|m| text(&format!("peer-{caller}"), &format!("{caller}-{}", n * 3 + m)));
                    log.append(batch.collect()).await.expect("append");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller");
    }
    for caller in 0..40 {
        let peer = format!("peer-{caller}");
        let lane = lane_of(account().channel, &peer, 4);
        let ids: Vec<String> = ids_of(&rest(&log, lane.0, 0).await);
        let own: Vec<String> = ids.into_iter().filter(|id| id.starts_with(&format!("{caller}-"))).collect();
        assert_eq!(own, (0..30).map(|n| format!("{caller}-{n}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_log_that_ends_before_the_cursor_is_broken() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(2)).await;
    let (lane, peer) = (lane_of(account().channel, "p", 2), "p");
    log.append((0..5).map(|n| text(peer, &n.to_string())).collect()).await.expect("append");
    let cursor = rest(&log, lane.0, 0).await[4].offset;
    let fresh = open(&server, &lanes(2)).await;
    let later = fresh.read(lane, cursor + 5000, 10).await.expect_err("a cursor beyond the end");
    assert!(matches!(&later, StoreError::Broken(told) if told.contains("ends at message 1")), "{later}");

    // A new process on streams that somebody made anew.
    let js = jetstream::new(connected(&server).await.client().clone());
    let stream = js.get_stream(format!("colloquy_log_{}", lane.0)).await.expect("there");
    let config = stream.cached_info().config.clone();
    js.delete_stream(&config.name).await.expect("deleted");
    let missing = JetStreamLog::open(connected(&server).await, &lanes(2), &Random).await.err().expect("refused");
    assert!(missing.to_string().contains(&format!("{} of the log is missing", config.name)), "{missing}");
    js.create_stream(config).await.expect("made anew");
    let reopened = open(&server, &lanes(2)).await;
    reopened.append(vec![text(peer, "new")]).await.expect("append");
    let told = reopened.read(lane, cursor, 10).await.expect_err("what the cursor stands on is gone");
    assert!(
        matches!(&told, StoreError::Broken(t) if t.contains("something else in message 1") && t.contains("sync_interval: always")),
        "{told}"
    );
}

#[tokio::test]
async fn a_log_that_loses_acknowledged_entries_is_noticed_while_it_runs() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    log.append((0..5).map(|n| text("p", &n.to_string())).collect()).await.expect("append");
    let cursor = rest(&log, 0, 0).await[2].offset;
    // The same log by name and id, but without what it held.
    let js = jetstream::new(connected(&server).await.client().clone());
    let config = js.get_stream("colloquy_log_0").await.expect("there").cached_info().config.clone();
    js.delete_stream(&config.name).await.expect("deleted");
    js.create_stream(config).await.expect("made anew");
    // The writer notices it by the offset that it is given.
    log.append(vec![text("p", "next")]).await.expect("the log takes entries");
    let told = log.read(Lane(0), cursor, 10).await.expect_err("it is broken");
    assert!(matches!(&told, StoreError::Broken(t) if t.contains("gave message 1 again after 1")), "{told}");
}

#[tokio::test]
async fn a_reader_notices_that_another_entry_lies_where_it_stood() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    log.append((0..5).map(|n| text("p", &n.to_string())).collect()).await.expect("append");
    let cursor = rest(&log, 0, 0).await[4].offset;
    let js = jetstream::new(connected(&server).await.client().clone());
    let config = js.get_stream("colloquy_log_0").await.expect("there").cached_info().config.clone();
    js.delete_stream(&config.name).await.expect("deleted");
    js.create_stream(config).await.expect("made anew");
    // Another node fills it beyond the cursor before we look again.
    let other = open(&server, &lanes(1)).await;
    other.append((0..9).map(|n| text("p", &format!("other-{n}"))).collect()).await.expect("append");
    let told = log.read(Lane(0), cursor, 10).await.expect_err("four entries would be skipped");
    assert!(matches!(&told, StoreError::Broken(t) if t.contains("something else in message 1")), "{told}");
}

/// A caller's second entry must not overtake its first, not even when the first is refused.
async fn keeps_the_order_of_what_is_refused(server: &NatsServer) {
    let log = open(server, &LogOptions { max_bytes: Some(32 * 1024), ..lanes(1) }).await;
    let large = account().text("p", "large", &"x".repeat(40_000), super::NOW);
    let refused = log.append(vec![large, text("p", "small")]).await.expect_err("refused");
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    assert_eq!(ids_of(&rest(&log, 0, 0).await), Vec::<String>::new());
    log.append(vec![text("p", "fits")]).await.expect("what fits is taken");
}

#[tokio::test]
async fn nothing_overtakes_a_refused_entry() {
    keeps_the_order_of_what_is_refused(&NatsServer::start().await).await;
}

#[tokio::test]
async fn nothing_overtakes_a_refused_entry_without_atomic_batches() {
    let Some(server) = NatsServer::start_older().await else { return };
    keeps_the_order_of_what_is_refused(&server).await;
}

#[tokio::test]
async fn another_log_under_the_same_name_is_not_taken_for_ours() {
    let server = NatsServer::start().await;
    let log = open(&server, &lanes(1)).await;
    let js = jetstream::new(connected(&server).await.client().clone());
    js.delete_stream("colloquy_log_0").await.expect("deleted");
    let other = open(&server, &lanes(1)).await;
    assert_ne!(other.log_id(), log.log_id());
    other.append(vec![text("p", "theirs")]).await.expect("append");
    let told = log.read(Lane(0), 0, 10).await.expect_err("it is not ours");
    assert!(matches!(&told, StoreError::Broken(t) if t.contains("is not part of the log")), "{told}");
}
