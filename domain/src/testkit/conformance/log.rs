use crate::{
    placement::{Lane, lane_of},
    ports::{InboxStore, IngressLog, LogEntry, NewEntry},
    testkit::{Fixture, take_in_all},
    time::Timestamp,
};
use std::time::Duration;

/// `inbox` is where the log's cursors lie: the same store, or the one that a log of its own works for.
///
/// # Panics
/// Where the log does not do what the port says.
pub async fn ingress_log_conformance<L: IngressLog, S: InboxStore>(log: &L, inbox: &S, f: &Fixture) {
    entries_come_back_in_order(log, f).await;
    it_is_read_in_two_places_by_turns(log, f).await;
    repeated_entries_are_kept(log, f).await;
    a_peer_stays_in_its_lane(log, f).await;
    waiting_ends_when_there_is_something(log, f).await;
    trimming_spares_what_is_new_or_not_moved(log, inbox, f).await;
}

fn lane<L: IngressLog>(log: &L, entry: &NewEntry) -> Lane {
    lane_of(entry.channel, &entry.inbound.peer.address, log.lanes())
}

async fn rest<L: IngressLog>(log: &L, lane: Lane, after: u64) -> Vec<LogEntry> {
    log.read(lane, after, 1000).await.expect("read")
}

async fn end<L: IngressLog>(log: &L, lane: Lane) -> u64 {
    rest(log, lane, 0).await.last().map_or(0, |e| e.offset)
}

async fn entries_come_back_in_order<L: IngressLog>(log: &L, f: &Fixture) {
    let entries: Vec<_> = (0..150).map(|n| f.home.text("order", &format!("order-{n}"), "x", f.now)).collect();
    let lane = lane(log, &entries[0]);
    let start = end(log, lane).await;
    log.append(Vec::new()).await.expect("nothing to append is no error");
    for batch in entries.chunks(70) {
        log.append(batch.to_vec()).await.expect("append");
    }
    let read = rest(log, lane, start).await;
    assert_eq!(read.iter().map(|e| e.entry.clone()).collect::<Vec<_>>(), entries);
    assert!(read.windows(2).all(|w| w[0].offset < w[1].offset), "offsets grow");
    let piece = log.read(lane, read[9].offset, 5).await.expect("read");
    assert_eq!(piece, read[10..15], "a read goes on after its cursor and stops at its limit");
    assert!(log.behind(lane, start).await.expect("behind") > 0);
    assert_eq!(log.behind(lane, read[149].offset).await, Ok(0));
}

/// As a mover does that passed over a tenant's backlog.
async fn it_is_read_in_two_places_by_turns<L: IngressLog>(log: &L, f: &Fixture) {
    let entries: Vec<_> = (0..300).map(|n| f.home.text("turns", &format!("turns-{n}"), "x", f.now)).collect();
    let lane = lane(log, &entries[0]);
    let start = end(log, lane).await;
    for batch in entries.chunks(7) {
        log.append(batch.to_vec()).await.expect("append");
    }
    let (mut ahead, mut behind) = (rest(log, lane, start).await[99].offset, start);
    let (mut from_ahead, mut from_behind) = (Vec::new(), Vec::new());
    while from_behind.len() < 300 {
        for (place, found) in [(&mut ahead, &mut from_ahead), (&mut behind, &mut from_behind)] {
            let read = log.read(lane, *place, 20).await.expect("read");
            *place = read.last().map_or(*place, |e| e.offset);
            found.extend(read.into_iter().map(|e| e.entry));
        }
    }
    assert_eq!((from_ahead, from_behind), (entries[100..].to_vec(), entries));
}

async fn repeated_entries_are_kept<L: IngressLog>(log: &L, f: &Fixture) {
    let entry = f.home.text("repeated", "same", "x", f.now);
    let lane = lane(log, &entry);
    let start = end(log, lane).await;
    log.append(vec![entry.clone(), entry.clone()]).await.expect("append");
    log.append(vec![entry]).await.expect("append");
    assert_eq!(rest(log, lane, start).await.len(), 3);
}

async fn a_peer_stays_in_its_lane<L: IngressLog>(log: &L, f: &Fixture) {
    let lanes: Vec<Lane> = (0..log.lanes()).map(Lane).collect();
    let mut starts = Vec::new();
    for lane in &lanes {
        starts.push(end(log, *lane).await);
    }
    let entries: Vec<NewEntry> =
        (0..60).map(|n| f.home.text(&format!("lane-{}", n % 20), &format!("lane-{n}"), "x", f.now)).collect();
    log.append(entries.clone()).await.expect("append");
    for (lane_, start) in lanes.into_iter().zip(starts) {
        let read: Vec<NewEntry> = rest(log, lane_, start).await.into_iter().map(|e| e.entry).collect();
        let expected: Vec<NewEntry> = entries.iter().filter(|e| lane(log, e) == lane_).cloned().collect();
        assert_eq!(read, expected, "all of the lane's peers, in order, and nobody else's");
    }
}

async fn waiting_ends_when_there_is_something<L: IngressLog>(log: &L, f: &Fixture) {
    let entry = f.home.text("wait", "wait", "x", f.now);
    let lane = lane(log, &entry);
    log.append(vec![entry]).await.expect("append");
    // There is an entry after this one: comes back at once.
    log.wait(lane, end(log, lane).await - 1).await;
}

async fn trimming_spares_what_is_new_or_not_moved<L: IngressLog, S: InboxStore>(log: &L, inbox: &S, f: &Fixture) {
    let later = f.now + Duration::from_secs(60);
    let text = |id: &str, at| f.home.text("trim", id, "x", at);
    let lane = lane(log, &text("", f.now));
    let moved = async || inbox.cursor(lane).await.expect("cursor");
    take_in_all(log, inbox).await;
    log.append(vec![text("trim-old", f.now)]).await.expect("append");
    log.append(vec![text("trim-new", later)]).await.expect("append");
    take_in_all(log, inbox).await;
    log.append(vec![text("trim-unmoved", f.now)]).await.expect("append");
    let far = Timestamp(i64::MAX);
    log.trim(lane, moved().await, later).await.expect("trim");
    let ids = |entries: Vec<LogEntry>| -> Vec<String> {
        entries.into_iter().map(|e| e.entry.inbound.provider_message_id).collect()
    };
    assert_eq!(ids(rest(log, lane, 0).await), ["trim-new", "trim-unmoved"], "by time of arrival");
    assert_eq!(log.trim(lane, moved().await, far).await, Ok(1), "never beyond the cursor");
    assert_eq!(ids(rest(log, lane, 0).await), ["trim-unmoved"]);
    let last = end(log, lane).await;
    take_in_all(log, inbox).await;
    assert_eq!(log.trim(lane, last, far).await, Ok(1));
    log.append(vec![text("after", f.now)]).await.expect("append");
    assert!(end(log, lane).await > last, "an offset is never given twice");
}
