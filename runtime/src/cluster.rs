//! This node among the others: the log that all share, and what they tell each other.

use crate::{
    config::Config,
    machine::MachineClock,
    nats::{Connection, JetStreamLog, NatsRelay, RelayInbox},
};
use anyhow::bail;
use colloquy_actors::node::NodeHandle;
use colloquy_api::{Hub, Limits};
use colloquy_domain::{
    placement::{LEASE, NodeId},
    ports::{Announcer, Clock as _, Ids, Notice, Relay, Signal, StoreError},
};
use colloquy_store::Store;
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};

/// Other nodes hear what this one counted.
const TELL_COUNTS_EVERY: Duration = Duration::from_millis(500);

/// What nodes share besides the databases, opened.
pub struct Others {
    pub log: Arc<JetStreamLog>,
    pub relay: Arc<NatsRelay>,
    pub inbox: RelayInbox,
}

impl Others {
    /// `None` where no NATS is configured.
    ///
    /// # Errors
    /// NATS cannot be reached, or its log is not the one that this database's cursors belong to.
    pub async fn open(config: &Config, node: NodeId, ids: &dyn Ids, store: &Store) -> anyhow::Result<Option<Self>> {
        let Some(options) = config.nats() else { return Ok(None) };
        let connection = Connection::connect(&options).await?;
        let log = config.log_options();
        let (relay, inbox) = NatsRelay::start(connection.clone(), &log.prefix, node).await?;
        let log = JetStreamLog::open(connection, &log, ids).await?;
        let kept = store.installation().log_of_cursors(log.log_id()).await?;
        if kept != log.log_id() {
            bail!(
                "the log in NATS is not the one that this database has been reading (that was {kept}, this is {}): name the \
                 right servers and prefix, or restore the streams. If they are lost, stop all nodes and run \
                 `colloquy reset-log`",
                log.log_id()
            );
        }
        Ok(Some(Self { log: Arc::new(log), relay: Arc::new(relay), inbox }))
    }
}

/// The names of the nodes that are alive, by the database's clock. Whoever asks does not become one.
///
/// # Errors
/// The store's.
pub async fn alive(store: &Store) -> Result<Vec<String>, StoreError> {
    let nodes = store.installation().nodes().await?;
    Ok(nodes.into_iter().filter(|n| n.silent < LEASE).map(|n| n.name).collect())
}

/// Does what the other nodes tell, and tells them what is counted here, until the task is aborted.
pub fn listen(others: Others, node: NodeHandle, hub: Arc<Hub>, limits: Arc<Limits>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Others { inbox, relay, .. } = others;
        let (sender, mut signals) = mpsc::unbounded_channel();
        // One after the other, in the order in which they came.
        let doing = async {
            while let Some(signal) = signals.recv().await {
                node.receive(signal).await;
            }
        };
        let heard = limits.clone();
        let hearing = inbox.run(move |signal| match signal {
            Signal::Notice(notice) => hub.announce(notice),
            Signal::Counted(counts) => heard.heard(counts, MachineClock.now()),
            // An error: the node has ended.
            other => _ = sender.send(other),
        });
        tokio::join!(doing, hearing, tell_counts(relay, limits));
    })
}

/// Requests are counted over all nodes, a moment late.
async fn tell_counts(relay: Arc<NatsRelay>, limits: Arc<Limits>) {
    loop {
        tokio::time::sleep(TELL_COUNTS_EVERY).await;
        let counts = limits.untold();
        if !counts.is_empty() {
            relay.tell(Signal::Counted(counts));
        }
    }
}

/// Announces to clients of this node and of all others.
pub struct Everywhere {
    pub hub: Arc<Hub>,
    pub relay: Arc<dyn Relay>,
}

impl Announcer for Everywhere {
    fn announce(&self, notice: Notice) {
        self.relay.tell(Signal::Notice(notice.clone()));
        self.hub.announce(notice);
    }
}
