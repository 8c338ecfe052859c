//! One node's lives: it starts, dies, stands still, ends in an orderly way, and starts anew.

use super::{Core, Door, PUBLIC_URL};
use crate::{
    clock::NodeClock,
    gate::Gate,
    model::Thinks,
    planted::Planted,
    scenario::ToolSpec,
    seam::{
        Careless, Directory, Line, Listener, NodeTransport, Pipeline, Seam, Searches, SimModel, Taken, Way, Wire,
        toolbox,
    },
};
use colloquy_actors::{Cluster, Node, Ports, Settings};
use colloquy_channels::{ChannelOptions, Registry};
use colloquy_domain::{
    failure::Failure,
    placement::{NodeId, Ownership},
    ports::{Ids, Toolbox},
    testkit::SeqIds,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// How long a provider is waited for.
const REQUEST: Duration = Duration::from_secs(15);
/// How long an orderly end may take.
const GRACE: Duration = Duration::from_secs(30);
/// How long it takes until a process that died is there again, in milliseconds.
const BACK: (u64, u64) = (500, 8_000);

/// What a node is told from outside.
pub enum Command {
    Kill(Duration),
    Pause(Duration),
    Restart(Duration),
    Cut(Duration),
    /// Milliseconds ahead, or behind.
    Skew(i64),
}

/// What all nodes are made from.
pub struct Parts {
    pub core: Arc<Core>,
    pub thinks: Thinks,
    pub tools: Vec<ToolSpec>,
    pub clustered: bool,
}

/// Keeps one node alive.
pub struct Keeper {
    pub parts: Arc<Parts>,
    pub name: String,
    /// Tells nodes' ids apart.
    pub number: u16,
    pub commands: mpsc::UnboundedReceiver<Command>,
}

struct Life {
    node: Node,
    seam: Seam,
    clock: Arc<NodeClock>,
}

enum Next {
    Died,
    Ended,
    Told(Option<Command>),
}

impl Keeper {
    pub async fn run(mut self, up: tokio::sync::oneshot::Sender<()>) {
        let mut up = Some(up);
        for life in 0_u16.. {
            let back = match self.start(life).await {
                Ok(life) => {
                    if let Some(up) = up.take() {
                        // The world may have ended meanwhile.
                        let _ = up.send(());
                    }
                    self.live(life).await
                }
                Err(_) => Some(Duration::from_secs(1)),
            };
            let Some(back) = back else { return };
            let drawn = self.parts.core.seed.millis("back", &self.name, life.into(), BACK);
            tokio::time::sleep(back.max(Duration::from_millis(drawn))).await;
        }
    }

    async fn start(&self, life: u16) -> Result<Life, Failure> {
        let core = &self.parts.core;
        let ids = Arc::new(SeqIds::new(1_000 + self.number * 1_000 + life));
        let id = self.parts.clustered.then(|| NodeId(ids.uuid()));
        let ownership = Arc::new(if id.is_some() { Ownership::nothing() } else { Ownership::everything() });
        let (name, gate, taken) = (self.name.as_str().into(), Gate::default(), Taken::default());
        let seam = Seam { core: Arc::clone(core), name, gate, id, ownership, taken, wire: Wire::default() };
        let clock = NodeClock::of(&core.clock);
        let options = ChannelOptions::over(Arc::new(NodeTransport(seam.clone())), REQUEST).reached_at(PUBLIC_URL);
        let drivers = Registry::new(&options);
        let directory = Arc::new(Directory { seam: seam.clone(), drivers: drivers.clone() });
        let store = Arc::new(seam.clone());
        let ports = Ports {
            clock: clock.clone(),
            ids,
            log: store.clone(),
            inbox: store.clone(),
            conversations: store.clone(),
            outbox: store.clone(),
            documents: store,
            agents: directory.clone(),
            channels: directory,
            pipeline: Arc::new(Pipeline(seam.clone())),
            knowledge: Arc::new(Searches(seam.clone())),
            meaning: Arc::new(Searches(seam.clone())),
            model: Arc::new(SimModel { seam: seam.clone(), thinks: self.parts.thinks.clone() }),
            tools: self.tools(&seam),
            announcer: Arc::new(Listener(seam.clone())),
            ownership: Arc::clone(&seam.ownership),
            cluster: id.map(|node| Cluster {
                node,
                name: self.name.clone(),
                placement: Arc::new(Way(seam.clone())),
                relay: Arc::new(Line(seam.clone())),
            }),
        };
        core.note(&self.name, "node", "", "starts");
        let node = Node::start(ports, Settings::default()).await?;
        if let Some(id) = id {
            core.board.join(id, node.handle(), &seam);
        }
        core.doors.open(Door { seam: seam.clone(), handle: node.handle(), drivers });
        Ok(Life { node, seam, clock })
    }

    fn tools(&self, seam: &Seam) -> Arc<dyn Toolbox> {
        let tools = toolbox(seam, &self.parts.tools);
        if seam.core.has(Planted::RestartTools) { Arc::new(Careless(tools)) } else { Arc::new(tools) }
    }

    /// Until it dies; how long it stays away, or `None` if for good.
    async fn live(&mut self, life: Life) -> Option<Duration> {
        let Life { node, seam, clock } = life;
        let mut node = Some(node);
        let core = Arc::clone(&self.parts.core);
        let away = loop {
            let next = tokio::select! {
                biased;
                () = seam.gate.died() => Next::Died,
                () = ended(node.as_mut()) => Next::Ended,
                command = self.commands.recv() => Next::Told(command),
            };
            match next {
                Next::Died | Next::Ended => break Some(Duration::ZERO),
                Next::Told(Some(Command::Kill(away))) => break Some(away),
                Next::Told(Some(Command::Pause(still))) => {
                    seam.stand_still(still);
                }
                Next::Told(Some(Command::Cut(lasts))) => {
                    seam.note("node", "", format!("is cut off for {lasts:?}"));
                    seam.wire.cut_until(core.clock.elapsed() + lasts);
                }
                Next::Told(Some(Command::Skew(millis))) => clock.skew(millis),
                Next::Told(Some(Command::Restart(away))) => {
                    self.end(&seam, node.take()).await;
                    break Some(away);
                }
                Next::Told(None) => break None,
            }
        };
        seam.note("node", "", "is gone");
        core.died();
        seam.gate.kill();
        core.doors.close(&self.name);
        if let Some(id) = seam.id {
            core.board.leave(id);
        }
        if let Some(node) = node {
            node.kill();
        }
        away
    }

    /// As SIGTERM ends it: no more requests, everything let go of, then the tree.
    async fn end(&self, seam: &Seam, node: Option<Node>) {
        seam.note("node", "", "ends");
        self.parts.core.doors.close(&self.name);
        let Some(node) = node else { return };
        let orderly = async {
            node.drain().await;
            node.stop().await;
        };
        tokio::select! {
            biased;
            () = seam.gate.died() => {}
            _ = tokio::time::timeout(GRACE, orderly) => {}
        }
    }
}

async fn ended(node: Option<&mut Node>) {
    match node {
        Some(node) => node.ended().await,
        None => std::future::pending().await,
    }
}
