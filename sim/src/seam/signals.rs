//! What nodes tell each other, over a network that loses, delays and reorders.

use super::Seam;
use crate::{
    fault::{Kind, Site},
    gate::Gate,
};
use colloquy_actors::node::NodeHandle;
use colloquy_domain::{
    placement::NodeId,
    ports::{Relay, Signal},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How long a signal takes.
const WAY: Duration = Duration::from_millis(1);

/// The nodes that can be told.
#[derive(Default)]
pub struct Switchboard(Mutex<Vec<(NodeId, NodeHandle, Gate)>>);

impl Switchboard {
    pub fn join(&self, id: NodeId, handle: NodeHandle, gate: Gate) {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|(_, _, gate)| !gate.is_dead());
        nodes.push((id, handle, gate));
    }

    pub fn leave(&self, id: NodeId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(node, ..)| *node != id);
    }

    fn others(&self, me: Option<NodeId>) -> Vec<(NodeHandle, Gate)> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes
            .iter()
            .filter(|(id, ..)| Some(*id) != me)
            .map(|(_, handle, gate)| (handle.clone(), gate.clone()))
            .collect()
    }
}

/// One node's way to the others.
pub struct Line(pub Seam);

impl Relay for Line {
    fn tell(&self, signal: Signal) {
        let seam = &self.0;
        if !seam.gate.is_open() || matches!(signal, Signal::Notice(_)) {
            return;
        }
        let fault = seam.fault(Site::Signal, &seam.name);
        if fault.is_some_and(|f| f.kind == Kind::Lost) {
            return;
        }
        let way = fault.map_or(WAY, |f| f.lasts);
        for (other, gate) in seam.core.board.others(seam.id) {
            let signal = signal.clone();
            tokio::spawn(async move {
                tokio::time::sleep(way).await;
                gate.pass().await;
                other.receive(signal).await;
            });
        }
    }
}
