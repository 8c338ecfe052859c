//! What the servers give at most: the yardstick of `colloquy bench cluster`. Streams of its own, the log's settings, nothing
//! else around.

use super::{Connection, LogOptions, NatsError, error::chain};
use async_nats::jetstream::{
    self, Context,
    message::PublishMessage,
    stream::{Config, StorageType},
};
use bytes::Bytes;
use futures::TryStreamExt;
use std::time::Duration;
use tokio::{task::JoinSet, time::Instant};

/// Bytes of an entry: those of a short text message.
const ENTRY: usize = 400;
/// Messages on their way to one stream at the same time, where each is acknowledged by itself.
const PIPELINED: usize = 256;

/// Scratch streams, as many as the log has lanes.
pub struct NatsLimits {
    js: Context,
    prefix: String,
    lanes: u8,
}

impl NatsLimits {
    /// Makes the streams; their names begin with the log's prefix.
    ///
    /// # Errors
    /// [`NatsError`] if the account may not make them.
    pub async fn open(connection: &Connection, options: &LogOptions) -> Result<Self, NatsError> {
        let js = jetstream::new(connection.client().clone());
        let limits = Self { js, prefix: options.prefix.clone(), lanes: options.lanes };
        for lane in 0..limits.lanes {
            let name = limits.stream(lane);
            let config = Config {
                name: name.clone(),
                subjects: vec![limits.subject(lane)],
                storage: StorageType::File,
                num_replicas: options.replicas,
                ..Config::default()
            };
            let made = limits.js.create_stream(config).await;
            made.map_err(|e| NatsError::Log(format!("cannot make the scratch stream {name}: {}", chain(&e))))?;
        }
        Ok(limits)
    }

    fn stream(&self, lane: u8) -> String {
        format!("{}_limit_{lane}", self.prefix)
    }

    fn subject(&self, lane: u8) -> String {
        format!("{}.limit.{lane}", self.prefix)
    }

    /// Entries a second, `batch` of them to a message and one message on its way to each stream, as the log does it.
    ///
    /// # Errors
    /// The servers'.
    pub async fn batched(&self, batch: usize, lasting: Duration) -> Result<f64, NatsError> {
        let messages = self.on_each(batch * ENTRY, 1, lasting).await?;
        Ok(messages * batch as f64)
    }

    /// Entries a second, each a message, as many as may be on their way.
    ///
    /// # Errors
    /// The servers'.
    pub async fn pipelined(&self, lasting: Duration) -> Result<f64, NatsError> {
        self.on_each(ENTRY, PIPELINED, lasting).await
    }

    /// Messages a second, all streams together.
    async fn on_each(&self, bytes: usize, together: usize, lasting: Duration) -> Result<f64, NatsError> {
        let (payload, start) = (Bytes::from(vec![b'x'; bytes]), Instant::now());
        let mut running = JoinSet::new();
        for lane in (0..self.lanes).flat_map(|lane| std::iter::repeat_n(lane, together)) {
            let (js, subject, payload) = (self.js.clone(), self.subject(lane), payload.clone());
            running.spawn(async move {
                let mut done = 0_u64;
                while start.elapsed() < lasting {
                    publish(&js, subject.clone(), payload.clone()).await?;
                    done += 1;
                }
                Ok::<_, NatsError>(done)
            });
        }
        let mut messages = 0;
        while let Some(ended) = running.join_next().await {
            messages += ended.map_err(|e| NatsError::Log(e.to_string()))??;
        }
        Ok(messages as f64 / start.elapsed().as_secs_f64())
    }

    /// Messages in the lanes of the log with this prefix.
    ///
    /// # Errors
    /// The servers'.
    pub async fn logged(&self, options: &LogOptions) -> Result<u64, NatsError> {
        let mut messages = 0;
        for lane in 0..options.lanes {
            let name = options.stream(lane);
            let stream =
                self.js.get_stream(&name).await.map_err(|e| NatsError::Log(format!("{name}: {}", chain(&e))))?;
            messages += stream.cached_info().state.last_sequence;
        }
        Ok(messages)
    }
}

async fn publish(js: &Context, subject: String, payload: Bytes) -> Result<(), NatsError> {
    let failed = |e: jetstream::context::PublishError| NatsError::Log(format!("cannot publish: {}", chain(&e)));
    let sent = js.send_publish(subject, PublishMessage::build().payload(payload)).await.map_err(failed)?;
    sent.await.map(|_| ()).map_err(failed)
}

/// Takes away all streams whose names begin so.
///
/// # Errors
/// The servers'.
pub async fn remove_streams(connection: &Connection, prefix: &str) -> Result<(), NatsError> {
    let js = jetstream::new(connection.client().clone());
    let failed = |cause: String| NatsError::Log(format!("cannot take the scratch streams away: {cause}"));
    let names: Vec<String> = js.stream_names().try_collect().await.map_err(|e| failed(chain(&e)))?;
    for name in names.iter().filter(|n| n.starts_with(prefix)) {
        js.delete_stream(name).await.map_err(|e| failed(chain(&e)))?;
    }
    Ok(())
}
