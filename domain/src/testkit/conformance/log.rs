use crate::{
    ports::{InboxStore, IngressLog, LogEntry},
    testkit::{Fixture, take_in_all},
    time::Timestamp,
};
use std::time::Duration;

/// # Panics
/// Where the log does not do what the port says.
pub async fn ingress_log_conformance<S: IngressLog + InboxStore>(store: &S, f: &Fixture) {
    entries_come_back_in_order(store, f).await;
    repeated_entries_are_kept(store, f).await;
    waiting_ends_when_there_is_something(store, f).await;
    trimming_spares_what_is_new_or_not_moved(store, f).await;
}

async fn rest<S: IngressLog>(store: &S, after: u64) -> Vec<LogEntry> {
    store.read(after, 1000).await.expect("read")
}

async fn end<S: IngressLog>(store: &S) -> u64 {
    rest(store, 0).await.last().map_or(0, |e| e.offset)
}

async fn entries_come_back_in_order<S: IngressLog>(store: &S, f: &Fixture) {
    let start = end(store).await;
    store.append(Vec::new()).await.expect("nothing to append is no error");
    let entries: Vec<_> = (0..150).map(|n| f.home.text("order", &format!("order-{n}"), "x", f.now)).collect();
    for batch in entries.chunks(70) {
        store.append(batch.to_vec()).await.expect("append");
    }
    let read = rest(store, start).await;
    assert_eq!(read.iter().map(|e| e.entry.clone()).collect::<Vec<_>>(), entries);
    assert!(read.windows(2).all(|w| w[0].offset < w[1].offset), "offsets grow");
    let piece = store.read(read[9].offset, 5).await.expect("read");
    assert_eq!(piece, read[10..15], "a read goes on after its cursor and stops at its limit");
}

async fn repeated_entries_are_kept<S: IngressLog>(store: &S, f: &Fixture) {
    let start = end(store).await;
    let entry = f.home.text("repeated", "same", "x", f.now);
    store.append(vec![entry.clone(), entry.clone()]).await.expect("append");
    store.append(vec![entry]).await.expect("append");
    assert_eq!(rest(store, start).await.len(), 3);
}

async fn waiting_ends_when_there_is_something<S: IngressLog>(store: &S, f: &Fixture) {
    store.append(vec![f.home.text("wait", "wait", "x", f.now)]).await.expect("append");
    let end = end(store).await;
    // There is an entry after this one: comes back at once.
    store.wait(end - 1).await;
}

async fn trimming_spares_what_is_new_or_not_moved<S: IngressLog + InboxStore>(store: &S, f: &Fixture) {
    let later = f.now + Duration::from_secs(60);
    take_in_all(store).await;
    store.append(vec![f.home.text("trim", "trim-old", "x", f.now)]).await.expect("append");
    take_in_all(store).await;
    store.append(vec![f.home.text("trim", "trim-new", "x", later)]).await.expect("append");
    take_in_all(store).await;
    store.append(vec![f.home.text("trim", "trim-unmoved", "x", f.now)]).await.expect("append");
    let far = Timestamp(i64::MAX);
    store.trim(u64::MAX, later).await.expect("trim");
    let ids = |entries: Vec<LogEntry>| -> Vec<String> {
        entries.into_iter().map(|e| e.entry.inbound.provider_message_id).collect()
    };
    assert_eq!(ids(rest(store, 0).await), ["trim-new", "trim-unmoved"], "by time of arrival");
    assert_eq!(store.trim(u64::MAX, far).await, Ok(1), "never beyond the cursor");
    assert_eq!(ids(rest(store, 0).await), ["trim-unmoved"]);
    let last = end(store).await;
    take_in_all(store).await;
    assert_eq!(store.trim(last, far).await, Ok(1));
    store.append(vec![f.home.text("trim", "after", "x", f.now)]).await.expect("append");
    assert!(end(store).await > last, "an offset is never given twice");
}
