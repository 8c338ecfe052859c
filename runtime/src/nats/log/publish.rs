//! One batch on its way into a lane's stream.

use super::{super::Connection, ENVELOPE, fault, frame, lane::LaneState, offset::offset};
use async_nats::{
    HeaderMap,
    jetstream::{Context, message::PublishMessage},
};
use bytes::Bytes;
use colloquy_domain::ports::StoreError;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Publishes a lane's batches, one after the other.
pub(super) struct Publisher {
    pub connection: Connection,
    pub js: Context,
    pub lane: Arc<LaneState>,
    /// The stream takes atomic batches.
    pub atomic: bool,
    /// For one batch, from the first byte to the last acknowledgement.
    pub patience: Duration,
    /// Begins the ids of our atomic batches; different in each process.
    pub batch_prefix: String,
    pub batches: u64,
    /// The last message that was acknowledged to us.
    pub last: u64,
}

impl Publisher {
    /// Appends the entries in order, and returns once they are acknowledged.
    pub async fn publish(&mut self, entries: &[Bytes]) -> Result<(), StoreError> {
        let Some(link) = self.connection.up(self.patience).await else {
            return Err(StoreError::Unavailable("log: NATS is not connected".to_owned()));
        };
        let (connection, patience) = (self.connection.clone(), self.patience);
        let limit = connection.client().max_payload().saturating_sub(ENVELOPE).min(frame::BYTES);
        let frames = frame::frames(entries, limit);
        let work = async {
            if self.atomic || frames.len() == 1 {
                return self.commit(frames).await;
            }
            // One after the other: it can end early, but never changes the order.
            for frame in frames {
                self.commit(vec![frame]).await?;
            }
            Ok(())
        };
        let ended = tokio::select! {
            done = timeout(patience, work) => done.map_err(|_| "NATS does not answer"),
            () = connection.lost(link.generation) => Err("the connection to NATS was lost"),
        };
        ended.unwrap_or_else(|why| Err(StoreError::Unavailable(format!("log: {why}"))))
    }

    /// All or nothing, by the server's word: one message, or an atomic batch of several.
    async fn commit(&mut self, mut frames: Vec<(Bytes, usize)>) -> Result<(), StoreError> {
        let Some((last, count)) = frames.pop() else { return Ok(()) };
        let subject = &self.lane.subject;
        let mut publish = PublishMessage::build().payload(last);
        if !frames.is_empty() {
            self.batches += 1;
            let id = format!("{}-{}", self.batch_prefix, self.batches);
            let header = |number: usize| {
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Batch-Id", id.as_str());
                headers.insert("Nats-Batch-Sequence", number.to_string());
                headers
            };
            let mut headers = header(frames.len() + 1);
            headers.insert("Nats-Batch-Commit", "1");
            publish = publish.headers(headers);
            for (number, (frame, _)) in (1..).zip(frames) {
                let sent = self.js.client().publish_with_headers(subject.clone(), header(number), frame).await;
                sent.map_err(|e| StoreError::Unavailable(format!("log: {e}")))?;
            }
        }
        let acknowledged = self.js.send_publish(subject.clone(), publish).await.map_err(|e| fault::of_publish(&e))?;
        let message = acknowledged.await.map_err(|e| fault::of_publish(&e))?.sequence;
        if message <= self.last {
            // Batches are acknowledged one after the other: this number was given before, to a message that is gone.
            self.lane.regress(&format!("gave message {message} again after {}", self.last));
        }
        self.last = message;
        self.lane.saw(offset(message, count - 1));
        Ok(())
    }
}
