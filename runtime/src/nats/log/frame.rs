//! The JSON of one message in a lane's stream: the entries of one batch.
//!
//! A batch is one message because that makes it all or nothing on every server, and one fsync: a server that fsyncs before
//! it acknowledges does so for each message, also for those of its own atomic batches (2.14).

use bytes::Bytes;
use colloquy_domain::{
    ids::{ChannelId, TenantId},
    ports::{NewEntry, StoreError},
    time::Timestamp,
};
use colloquy_store::records::InboundRecord;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Entries of one message at most.
pub(super) const ENTRIES: usize = 1000;
/// Bytes of one message at most, unless a single entry is larger.
pub(super) const BYTES: usize = 256 * 1024;
const BEGIN: &[u8] = br#"{"v":1,"entries":["#;
const END: &[u8] = b"]}";
/// What a message with one entry has beside the entry.
pub(super) const AROUND: usize = BEGIN.len() + END.len();
const VERSION: u16 = 1;

/// Each entry is read by itself: what one cannot be read as does not hide the others.
#[derive(Debug, Deserialize)]
struct FrameRecord<'a> {
    v: u16,
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

#[derive(Debug, Serialize, Deserialize)]
struct EntryRecord {
    tenant: TenantId,
    channel: ChannelId,
    /// Milliseconds since 1970.
    received_at: i64,
    inbound: InboundRecord,
}

/// Stands for an entry that lies aside.
#[derive(Debug, Serialize, Deserialize)]
struct AsideRecord {
    received_at: i64,
    /// The numbers of the messages that hold it.
    parts: Vec<u64>,
}

/// What an entry of a frame is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Whole(Box<NewEntry>),
    /// It lies in these messages.
    Aside(Vec<u64>),
}

/// Of an entry whose message does not matter.
#[derive(Debug, Deserialize)]
struct Arrival {
    received_at: i64,
}

/// One entry, to be put into a frame.
pub(super) fn entry(entry: NewEntry) -> Result<Bytes, StoreError> {
    let record = EntryRecord {
        tenant: entry.tenant,
        channel: entry.channel,
        received_at: entry.received_at.millis(),
        inbound: entry.inbound.into(),
    };
    let json = serde_json::to_vec(&record);
    json.map(Bytes::from).map_err(|e| StoreError::Broken(format!("a log entry cannot be written: {e}")))
}

/// What stands in a frame for an entry that lies in these messages.
pub(super) fn aside(received_at: Timestamp, parts: &[u64]) -> Result<Bytes, StoreError> {
    let json = serde_json::to_vec(&AsideRecord { received_at: received_at.millis(), parts: parts.to_vec() });
    json.map(Bytes::from).map_err(|e| StoreError::Broken(format!("a log entry cannot be written: {e}")))
}

/// The entries in as few frames as may be, each of up to `bytes` (or one entry).
pub(super) fn frames(entries: &[Bytes], bytes: usize) -> Vec<(Bytes, usize)> {
    let mut frames = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut size = AROUND;
        let fit = rest.iter().take(ENTRIES).take_while(|entry| {
            size += entry.len() + 1;
            size <= bytes
        });
        let (now, later) = rest.split_at(fit.count().max(1));
        let mut frame = Vec::with_capacity(AROUND + now.iter().map(|e| e.len() + 1).sum::<usize>());
        frame.extend_from_slice(BEGIN);
        for (n, entry) in now.iter().enumerate() {
            if n > 0 {
                frame.push(b',');
            }
            frame.extend_from_slice(entry);
        }
        frame.extend_from_slice(END);
        frames.push((frame.into(), now.len()));
        rest = later;
    }
    frames
}

/// The entries in order.
pub(super) fn read(frame: &[u8]) -> Result<Vec<Result<Content, StoreError>>, StoreError> {
    let content = |json: &RawValue| match serde_json::from_str::<AsideRecord>(json.get()) {
        Ok(aside) => Ok(Content::Aside(aside.parts)),
        Err(_) => read_entry(json.get().as_bytes()).map(|entry| Content::Whole(Box::new(entry))),
    };
    Ok(parsed(frame)?.entries.into_iter().map(content).collect())
}

/// One entry of [`entry`].
pub(super) fn read_entry(json: &[u8]) -> Result<NewEntry, StoreError> {
    let record: EntryRecord = serde_json::from_slice(json).map_err(|_| unreadable("entry"))?;
    if record.inbound.v != InboundRecord::VERSION {
        return Err(unreadable("entry: unknown version"));
    }
    Ok(NewEntry {
        tenant: record.tenant,
        channel: record.channel,
        received_at: Timestamp(record.received_at),
        inbound: record.inbound.into(),
    })
}

/// How many entries there are, and when the last of them was received.
pub(super) fn arrivals(frame: &[u8]) -> Result<(usize, Timestamp), StoreError> {
    let entries = parsed(frame)?.entries;
    let mut last = Timestamp(i64::MIN);
    for entry in &entries {
        let arrival: Arrival = serde_json::from_str(entry.get()).map_err(|_| unreadable("entry"))?;
        last = last.max(Timestamp(arrival.received_at));
    }
    Ok((entries.len(), last))
}

fn parsed(frame: &[u8]) -> Result<FrameRecord<'_>, StoreError> {
    let record: FrameRecord<'_> = serde_json::from_slice(frame).map_err(|_| unreadable("message"))?;
    if record.v == VERSION { Ok(record) } else { Err(unreadable("message: unknown version")) }
}

/// Names what it is, never what is in it.
fn unreadable(what: &str) -> StoreError {
    StoreError::Broken(format!("unreadable log {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_domain::{
        ports::Ids,
        testkit::{Account, SeqIds},
    };
    use proptest::prelude::*;

    fn text(id: &str, text: &str) -> NewEntry {
        let ids = SeqIds::default();
        let home = Account::new(TenantId::new(ids.uuid()), &ids);
        home.text("33600000001", id, text, Timestamp(1_757_000_000_123))
    }

    #[test]
    fn the_first_shape_stays_readable_and_newer_ones_are_refused() {
        let id = "0197a000-0000-7000-8000-000000000001";
        let entry = format!(
            r#"{{"tenant":"{id}","channel":"{id}","received_at":7,"inbound":{{"v":1,"provider_message_id":"m1",
            "peer":"p","sent_at":5,"content":{{"kind":"text","text":"hidden"}}}}}}"#
        );
        let newer_entry = entry.replace("\"v\":1", "\"v\":2");
        let frame = format!(r#"{{"v":1,"entries":[{newer_entry},{entry}]}}"#);
        let read = super::read(frame.as_bytes()).expect("a frame");
        let refused = read[0].as_ref().expect_err("newer").to_string();
        assert!(refused.contains("version") && !refused.contains("hidden"), "{refused}");
        let Ok(Content::Whole(neighbour)) = &read[1] else { panic!("its neighbour is hidden: {read:?}") };
        assert_eq!(neighbour.received_at, Timestamp(7));
        assert_eq!(arrivals(frame.as_bytes()), Ok((2, Timestamp(7))));
        for unknown in [frame.replacen("\"v\":1", "\"v\":2", 1), "hidden".to_owned()] {
            let read = super::read(unknown.as_bytes());
            assert!(matches!(&read, Err(StoreError::Broken(told)) if !told.contains("hidden")), "{read:?}");
        }
    }

    proptest! {
        #[test]
        fn entries_survive_in_order_and_frames_fit(sizes in prop::collection::vec(0_usize..3000, 0..60), limit in 500_usize..9000) {
            let entries: Vec<NewEntry> =
                sizes.iter().enumerate().map(|(n, size)| text(&format!("m{n}"), &"é".repeat(*size))).collect();
            let json: Vec<Bytes> = entries.iter().cloned().map(|e| entry(e).expect("written")).collect();
            let frames = frames(&json, limit);
            for (frame, count) in &frames {
                prop_assert!(frame.len() <= limit || *count == 1);
                prop_assert_eq!(arrivals(frame).expect("read").0, *count);
            }
            let back: Vec<Content> = frames.iter().flat_map(|(f, _)| read(f).expect("a frame")).map(|e| e.expect("read")).collect();
            prop_assert_eq!(back, entries.into_iter().map(|e| Content::Whole(Box::new(e))).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_lies_aside_is_named_beside_what_does_not() {
        let entries = [entry(text("m", "x")).expect("written"), aside(Timestamp(9), &[3, 4]).expect("written")];
        let frames = frames(&entries, usize::MAX);
        assert_eq!(arrivals(&frames[0].0), Ok((2, Timestamp(1_757_000_000_123))));
        let read = read(&frames[0].0).expect("a frame");
        assert_eq!(read, [Ok(Content::Whole(Box::new(text("m", "x")))), Ok(Content::Aside(vec![3, 4]))]);
    }

    #[test]
    fn a_frame_has_so_many_entries_at_most() {
        let json = vec![entry(text("m", "")).expect("written"); 2100];
        let counts: Vec<usize> = frames(&json, usize::MAX).into_iter().map(|(_, count)| count).collect();
        assert_eq!(counts, [1000, 1000, 100]);
    }
}
