//! Entries that are larger than a message may be. Such a one lies in parts beside the log: messages under a subject of their
//! own in the lane's stream, acknowledged before the entry that names them is appended. So the log stays one entry after the
//! other, whatever other nodes append in between, and parts are forgotten with what lies around them.

use super::{fault, frame, lane::LaneState};
use async_nats::{
    HeaderMap,
    jetstream::{
        Context,
        message::{PublishMessage, StreamMessage},
        stream::RawMessageErrorKind,
    },
};
use bytes::Bytes;
use colloquy_domain::{ports::StoreError, time::Timestamp};
use std::time::Duration;
use tokio::time::timeout;

/// When the entry was received, in milliseconds since 1970.
const RECEIVED_AT: &str = "Colloquy-Received-At";

/// What a lane's parts are published under.
pub(super) fn subject(lane: &str) -> String {
    format!("{lane}.part")
}

/// Puts the entry's bytes aside, in parts of up to `limit` bytes; returns the entry that stands for it.
pub(super) async fn put(
    js: &Context,
    lane: &LaneState,
    (entry, received_at): (&Bytes, Timestamp),
    limit: usize,
    patience: Duration,
) -> Result<Bytes, StoreError> {
    let mut headers = HeaderMap::new();
    headers.insert(RECEIVED_AT, received_at.millis().to_string());
    let publish = async {
        let mut parts = Vec::new();
        for from in (0..entry.len()).step_by(limit.max(1)) {
            let part = entry.slice(from..entry.len().min(from + limit.max(1)));
            let message = PublishMessage::build().payload(part).headers(headers.clone());
            let sent = js.send_publish(subject(&lane.subject), message).await.map_err(|e| fault::of_publish(&e))?;
            parts.push(sent.await.map_err(|e| fault::of_publish(&e))?.sequence);
        }
        Ok(parts)
    };
    let late = |_| StoreError::Unavailable("log: NATS does not answer".to_owned());
    let parts: Vec<u64> = timeout(patience, publish).await.map_err(late)??;
    frame::aside(received_at, &parts)
}

/// The entry's bytes again.
pub(super) async fn get(js: &Context, lane: &LaneState, parts: &[u64]) -> Result<Vec<u8>, StoreError> {
    let stream = js.get_stream_no_info(&lane.stream).await.map_err(|e| fault::unavailable(&e))?;
    let mut entry = Vec::new();
    for &number in parts {
        match stream.get_raw_message(number).await {
            Ok(part) if received_at(&part).is_some() => entry.extend_from_slice(&part.payload),
            Ok(_) => return Err(lane.regress(&format!("holds something else in message {number} than before"))),
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => {
                return Err(lane.regress(&format!("does not hold message {number} any more")));
            }
            Err(e) => return Err(fault::unavailable(&e)),
        }
    }
    Ok(entry)
}

/// When the entry was received of which this is a part; `None` of any other message.
pub(super) fn received_at(message: &StreamMessage) -> Option<Timestamp> {
    Some(Timestamp(message.headers.get(RECEIVED_AT)?.as_str().parse().ok()?))
}
