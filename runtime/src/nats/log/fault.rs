//! From JetStream's errors to [`StoreError`]'s verdicts.

use super::super::error::chain;
use async_nats::jetstream::{
    self, ErrorCode,
    context::{PublishError, PublishErrorKind},
};
use colloquy_domain::ports::StoreError;
use std::error::Error as _;

pub(super) fn unavailable(error: &(dyn std::error::Error + 'static)) -> StoreError {
    StoreError::Unavailable(format!("log: {}", chain(error)))
}

pub(super) fn of_publish(error: &PublishError) -> StoreError {
    match error.kind() {
        PublishErrorKind::Other => match error.source().and_then(|s| s.downcast_ref::<jetstream::Error>()) {
            Some(told) => of_jetstream(told),
            None => StoreError::Unavailable(format!("log: {}", chain(error))),
        },
        PublishErrorKind::MaxPayloadExceeded => StoreError::Broken(format!("log: {error}")),
        PublishErrorKind::StreamNotFound => {
            StoreError::Unavailable("log: no stream answers (JetStream is off, or the stream is gone)".to_owned())
        }
        _ => StoreError::Unavailable(format!("log: {error}")),
    }
}

pub(super) fn of_jetstream(told: &jetstream::Error) -> StoreError {
    let text = format!("log: {told}");
    match told.error_code() {
        // With `discard: new` this is how a stream says that a limit is reached; also how it says that storing failed.
        ErrorCode::STREAM_STORE_FAILED if text.contains("exceeded") => StoreError::Full(text),
        ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES => StoreError::Full(text),
        ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM | ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM => {
            StoreError::Broken(text)
        }
        _ => StoreError::Unavailable(text),
    }
}
