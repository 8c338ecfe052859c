//! What nodes tell each other, over core NATS: fast, and nothing of it has to arrive.

mod counts;
mod notice;
#[cfg(test)]
mod samples;
mod wire;

use super::{Connection, NatsError, error::chain, limited::Limited, options::checked_prefix};
use async_nats::Subscriber;
use colloquy_domain::{
    placement::NodeId,
    ports::{Relay, Signal},
};
use futures::StreamExt;
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use wire::Received;

/// Signals that may wait to be sent.
const QUEUE: usize = 4096;
/// For the server's first answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Tells all other nodes of the installation. What cannot be sent at once is dropped and counted in the log.
#[derive(Debug, Clone)]
pub struct NatsRelay {
    connection: Connection,
    queue: mpsc::Sender<Signal>,
    dropped: Arc<Limited>,
}

/// What other nodes tell us.
#[derive(Debug)]
pub struct RelayInbox {
    node: NodeId,
    subscriber: Subscriber,
}

impl NatsRelay {
    /// Starts to send, and to listen: what others tell from now on comes out of the inbox. `prefix` as the log's.
    ///
    /// # Errors
    /// [`NatsError`] if the server cannot be reached, or does not let us.
    pub async fn start(connection: Connection, prefix: &str, node: NodeId) -> Result<(Self, RelayInbox), NatsError> {
        checked_prefix(prefix)?;
        let subject = format!("{prefix}.signal");
        let failed = |cause: String| NatsError::Connect { servers: connection.hosts().to_owned(), cause };
        let mut subscriber = connection.client().subscribe(subject.clone()).await.map_err(|e| failed(chain(&e)))?;
        let hello = wire::hello(node).map_err(|e| failed(e.to_string()))?;
        connection.client().publish(subject.clone(), hello.into()).await.map_err(|e| failed(chain(&e)))?;
        // Our own word comes back when the server knows of the subscription, and if it lets us both speak and listen.
        timeout(PATIENCE, heard_itself(&mut subscriber, node))
            .await
            .map_err(|_| failed(format!("the server does not let us publish and subscribe to {subject}")))?;
        let (queue, signals) = mpsc::channel(QUEUE);
        let dropped = Arc::new(Limited::default());
        tokio::spawn(send(signals, connection.clone(), subject, node, dropped.clone()));
        Ok((Self { connection, queue, dropped }, RelayInbox { node, subscriber }))
    }
}

impl Relay for NatsRelay {
    fn tell(&self, signal: Signal) {
        if self.queue.try_send(signal).is_err() {
            count(&self.dropped);
        }
    }

    fn is_up(&self) -> bool {
        self.connection.is_up()
    }
}

async fn heard_itself(subscriber: &mut Subscriber, node: NodeId) {
    while let Some(message) = subscriber.next().await {
        if wire::read(node, &message.payload) == Received::Own {
            return;
        }
    }
}

fn count(dropped: &Limited) {
    if let Some(times) = dropped.one_more() {
        tracing::warn!(relay.dropped = times, "signals to other nodes are dropped: NATS cannot take them");
    }
}

/// Ends when the last relay is gone.
async fn send(
    mut signals: mpsc::Receiver<Signal>,
    connection: Connection,
    subject: String,
    node: NodeId,
    dropped: Arc<Limited>,
) {
    while let Some(signal) = signals.recv().await {
        for message in wire::write(node, signal) {
            // What waited for the connection would be old news when it is back.
            let sent = match message {
                Ok(payload) if connection.is_up() => {
                    connection.client().publish(subject.clone(), payload.into()).await.is_ok()
                }
                _ => false,
            };
            if !sent {
                count(&dropped);
            }
        }
    }
}

impl RelayInbox {
    /// Hands on what other nodes tell, for as long as the process lives. Comes back only when the connection is closed for
    /// good.
    pub async fn run(mut self, on_signal: impl Fn(Signal) + Send) {
        while let Some(message) = self.subscriber.next().await {
            match wire::read(self.node, &message.payload) {
                Received::Signal(signal) => on_signal(signal),
                Received::Own => {}
                Received::Ignored(why) => tracing::debug!(relay.ignored = why, "a signal that is not understood"),
            }
        }
    }
}
