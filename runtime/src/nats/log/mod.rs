//! The ingress log on JetStream.

mod aside;
mod fault;
mod frame;
mod identity;
mod lane;
mod offset;
mod publish;
mod reader;
mod streams;
mod trim;
mod writer;

use super::{Connection, NatsError};
use async_nats::jetstream::{Context, ContextBuilder};
use async_trait::async_trait;
use bytes::Bytes;
use colloquy_domain::{
    placement::{Lane, lane_of},
    ports::{Cursor, Ids, IngressLog, LogEntry, NewEntry, StoreError},
    time::Timestamp,
};
use futures::future::join_all;
use lane::LaneState;
use publish::Publisher;
use reader::Reader;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::sleep};
use uuid::Uuid;
use writer::Writer;

pub(in crate::nats) use identity::Identity;

/// The longest that [`IngressLog::wait`] waits.
const WAIT: Duration = Duration::from_secs(1);
/// What a message needs beside its payload: the subject and a batch's headers.
const ENVELOPE: usize = 512;

/// The log's place in NATS, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// Begins the names of all streams and subjects: letters, digits, `-` and `_`. One for each installation.
    pub prefix: String,
    /// 1 to 255; fixed when the log is made.
    pub lanes: u8,
    /// Copies of each lane in a cluster of NATS servers: 1 to 5, and 3 to survive one of them.
    pub replicas: usize,
    /// The most that a lane may hold; then it refuses. `None`: whatever the server allows.
    pub max_bytes: Option<u64>,
    /// How long NATS may take for a batch.
    pub append_timeout: Duration,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            prefix: "colloquy".to_owned(),
            lanes: 8,
            replicas: 1,
            max_bytes: None,
            append_timeout: Duration::from_secs(5),
        }
    }
}

impl LogOptions {
    pub(super) fn stream(&self, lane: u8) -> String {
        format!("{}_log_{lane}", self.prefix)
    }

    fn subject(&self, lane: u8) -> String {
        format!("{}.log.{lane}", self.prefix)
    }

    fn check(&self) -> Result<(), NatsError> {
        super::options::checked_prefix(&self.prefix)?;
        if self.lanes == 0 {
            return Err(NatsError::Setting("a log has at least one lane".to_owned()));
        }
        if !(1..=5).contains(&self.replicas) {
            return Err(NatsError::Setting(format!("{} replicas: NATS keeps 1 to 5", self.replicas)));
        }
        Ok(())
    }
}

/// The ingress log on JetStream: each lane is a file stream of its own, which refuses when it is full and forgets nothing
/// by itself.
///
/// **Durable.** An append returns after the servers have acknowledged it. A server that runs with `sync_interval: always`
/// fsyncs before it acknowledges; one that does not, writes to its files and fsyncs later (after two minutes unless
/// configured), so that a loss of power on all replicas can lose acknowledged entries. The log notices that and becomes
/// [`StoreError::Broken`] rather than going on as if nothing had been there.
///
/// **Batches.** What callers append at the same time becomes one message of the lane's stream, so that it shares one
/// acknowledgement and one fsync; an offset is the message's number and the place in it.
///
/// **All or none.** The entries of one append in one lane are one message, too (up to 1000 entries and 256 KiB). Larger ones
/// are an atomic batch of messages where the servers have them (2.12 and later), otherwise messages one after the other.
/// There, and across lanes, an append that fails may have written some of its entries: the caller is told the error, the
/// provider delivers again, and the inbox drops what it knows. So it may after an error of which nobody knows whether the
/// server acted before it went silent. A single entry that is larger than the server's messages may be (`max_payload`) lies in
/// parts beside the log. The entries of one append never change their order within a lane.
pub struct JetStreamLog {
    id: Uuid,
    js: Context,
    connection: Connection,
    /// How long NATS may take for a batch.
    patience: Duration,
    lanes: Vec<OpenLane>,
}

struct OpenLane {
    state: Arc<LaneState>,
    writer: Writer,
    reader: Mutex<Reader>,
}

impl JetStreamLog {
    /// Opens the log, and makes it at the first time; several nodes may do so at once.
    ///
    /// # Errors
    /// [`NatsError`] if JetStream cannot be used, or what is there is not the log that is configured.
    pub async fn open(connection: Connection, options: &LogOptions, ids: &dyn Ids) -> Result<Self, NatsError> {
        options.check()?;
        let js = ContextBuilder::new()
            .timeout(options.append_timeout)
            .ack_timeout(options.append_timeout)
            .build(connection.client().clone());
        let opened = streams::open(&connection, &js, options, ids).await?;
        let batch_prefix = ids.uuid().simple().to_string();
        let lanes = (0..options.lanes).map(|lane| {
            let state = Arc::new(LaneState::new(Lane(lane), options.stream(lane), options.subject(lane)));
            let publisher = Publisher {
                connection: connection.clone(),
                js: js.clone(),
                lane: state.clone(),
                atomic: opened.atomic,
                patience: options.append_timeout,
                batch_prefix: format!("{batch_prefix}-{lane}"),
                batches: 0,
                last: 0,
            };
            let reader = Reader::new(connection.clone(), js.clone(), opened.log, state.clone());
            OpenLane { state, writer: Writer::start(publisher), reader: Mutex::new(reader) }
        });
        let lanes = lanes.collect();
        tracing::info!(log.id = %opened.log, log.lanes = options.lanes, log.atomic = opened.atomic, "the log is open");
        Ok(Self { id: opened.log, js, connection, patience: options.append_timeout, lanes })
    }

    /// Drawn when the log was made. Cursors belong to the log of one id: with another one they mean nothing.
    #[must_use]
    pub const fn log_id(&self) -> Uuid {
        self.id
    }

    fn lane(&self, lane: Lane) -> Result<&OpenLane, StoreError> {
        let open = self.lanes.get(usize::from(lane.0));
        open.ok_or_else(|| StoreError::Broken(format!("the log has no lane {}", lane.0)))
    }

    /// The entries of each lane, in order. What is larger than a message may be lies aside then.
    async fn by_lane(&self, entries: Vec<NewEntry>) -> Result<Vec<Vec<Bytes>>, StoreError> {
        let limit = self.connection.client().max_payload().saturating_sub(ENVELOPE + frame::AROUND);
        let mut lanes = vec![Vec::new(); self.lanes.len()];
        for entry in entries {
            let lane = usize::from(lane_of(entry.channel, &entry.inbound.peer.address, self.lanes()).0);
            let received_at = entry.received_at;
            let mut entry = frame::entry(entry)?;
            if entry.len() > limit {
                let state = &self.lanes[lane].state;
                // The server gives parts back in a coat that makes them a third larger.
                entry = aside::put(&self.js, state, (&entry, received_at), limit / 2, self.patience).await?;
            }
            lanes[lane].push(entry);
        }
        Ok(lanes)
    }
}

#[async_trait]
impl IngressLog for JetStreamLog {
    fn lanes(&self) -> u8 {
        // Made from a number of this type.
        u8::try_from(self.lanes.len()).unwrap_or(u8::MAX)
    }

    async fn append(&self, entries: Vec<NewEntry>) -> Result<(), StoreError> {
        let by_lane = self.by_lane(entries).await?;
        let lanes = self.lanes.iter().zip(by_lane).filter(|(_, entries)| !entries.is_empty());
        join_all(lanes.map(|(lane, entries)| lane.writer.append(entries))).await.into_iter().collect()
    }

    async fn read(&self, lane: Lane, cursor: Cursor, max: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.lane(lane)?.reader.lock().await.read(cursor, max).await
    }

    /// In batches, each of one entry or more.
    async fn behind(&self, lane: Lane, cursor: Cursor) -> Result<u64, StoreError> {
        let stream = &self.lane(lane)?.state.stream;
        let stream = self.js.get_stream(stream).await.map_err(|e| fault::unavailable(&e))?;
        let state = &stream.cached_info().state;
        Ok(state.last_sequence.saturating_sub(offset::message_of(cursor)).min(state.messages))
    }

    async fn wait(&self, lane: Lane, cursor: Cursor) {
        let waited = match self.lane(lane) {
            Ok(open) => open.reader.lock().await.wait(cursor, WAIT).await,
            Err(error) => Err(error),
        };
        if waited.is_err() {
            // The next read says why; until then the server is not stormed.
            sleep(WAIT).await;
        }
    }

    /// Forgets whole messages: of a batch that the cursor stands in nothing. Counts messages.
    async fn trim(&self, lane: Lane, cursor: Cursor, before: Timestamp) -> Result<u64, StoreError> {
        let state = &self.lane(lane)?.state;
        state.whole()?;
        let (trimmed, to) = trim::trim(&self.js, &state.stream, cursor, before).await?;
        state.trim(to);
        Ok(trimmed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_cannot_be_are_refused() {
        let wrong = |change: fn(&mut LogOptions)| {
            let mut options = LogOptions::default();
            change(&mut options);
            options.check().expect_err("wrong").to_string()
        };
        assert!(wrong(|o| o.lanes = 0).contains("lane"));
        assert!(wrong(|o| o.replicas = 6).contains("replicas"));
        assert!(wrong(|o| o.prefix = "a.b".into()).contains("a.b"));
        assert_eq!(LogOptions::default().check(), Ok(()));
    }
}
