//! What nodes tell each other, over a network that loses, delays and reorders.

use super::{Seam, Wire};
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
pub struct Switchboard(Mutex<Vec<Member>>);

#[derive(Clone)]
struct Member {
    id: NodeId,
    handle: NodeHandle,
    gate: Gate,
    wire: Wire,
}

impl Switchboard {
    pub fn join(&self, id: NodeId, handle: NodeHandle, seam: &Seam) {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.retain(|m| !m.gate.is_dead());
        nodes.push(Member { id, handle, gate: seam.gate.clone(), wire: seam.wire.clone() });
    }

    pub fn leave(&self, id: NodeId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|m| m.id != id);
    }

    fn others(&self, me: Option<NodeId>) -> Vec<Member> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().filter(|m| Some(m.id) != me).cloned().collect()
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
        if seam.is_cut_off() {
            return;
        }
        let way = fault.map_or(WAY, |f| f.lasts);
        for Member { handle, gate, wire, .. } in seam.core.board.others(seam.id) {
            let (signal, core) = (signal.clone(), std::sync::Arc::clone(&seam.core));
            tokio::spawn(async move {
                tokio::time::sleep(way).await;
                if wire.is_cut(core.clock.elapsed()) {
                    return;
                }
                gate.pass().await;
                handle.receive(signal).await;
            });
        }
    }

    fn is_up(&self) -> bool {
        !self.0.is_cut_off()
    }
}
