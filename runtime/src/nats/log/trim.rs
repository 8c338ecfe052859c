//! Forgetting what was moved and is old.

use super::{
    aside, fault, frame,
    offset::{last_of, message_of, offset},
};
use async_nats::jetstream::{
    Context,
    stream::{RawMessageErrorKind, Stream},
};
use colloquy_domain::{
    ports::{Cursor, Offset, StoreError},
    time::Timestamp,
};

/// Forgets messages whose entries lie up to `cursor` and were received before `before`; returns how many, and up to which
/// offset.
///
/// Messages lie in the order in which they arrived, so the end of the old ones is found by halving. Clocks of nodes differ a
/// little, so that around this end a message may be kept, or forgotten, by as much; never one after the cursor.
pub(super) async fn trim(
    js: &Context,
    stream: &str,
    cursor: Cursor,
    before: Timestamp,
) -> Result<(u64, Offset), StoreError> {
    let stream = js.get_stream(stream).await.map_err(|e| fault::unavailable(&e))?;
    let state = &stream.cached_info().state;
    if state.messages == 0 {
        return Ok((0, 0));
    }
    // Everything before `old` may go, nothing from `kept` on.
    let (mut old, mut kept) = (state.first_sequence, message_of(cursor).min(state.last_sequence) + 1);
    while old < kept {
        let middle = old + (kept - old) / 2;
        if is_old(&stream, middle, cursor, before).await? { old = middle + 1 } else { kept = middle }
    }
    if old == state.first_sequence {
        return Ok((0, 0));
    }
    let purged = stream.purge().sequence(old).await.map_err(|e| fault::unavailable(&e))?;
    Ok((purged.purged, last_of(old - 1)))
}

async fn is_old(stream: &Stream, number: u64, cursor: Cursor, before: Timestamp) -> Result<bool, StoreError> {
    match stream.get_raw_message(number).await {
        Ok(message) => {
            if let Some(received) = aside::received_at(&message) {
                // The entry that it belongs to lies behind it.
                return Ok(offset(number, 0) <= cursor && received < before);
            }
            let (entries, received) = frame::arrivals(&message.payload)?;
            Ok(offset(number, entries.saturating_sub(1)) <= cursor && received < before)
        }
        // Somebody deleted it by hand.
        Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => Ok(true),
        Err(e) => Err(fault::unavailable(&e)),
    }
}
