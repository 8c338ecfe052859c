//! Who does it: this node, or another one. Everything that wakes, hints or commands goes through here.

use crate::{
    agents, channels, ingestion,
    node::Shared,
    placement,
    router::{self, Command},
};
use colloquy_domain::{
    ids::ChannelId,
    placement::NodeId,
    ports::{InboxHint, PlacementStore, Relay, Signal},
};
use std::sync::Arc;

/// The other nodes, and this one's place among them.
#[derive(Clone)]
pub struct Cluster {
    pub node: NodeId,
    /// What people know this node by.
    pub name: String,
    pub placement: Arc<dyn PlacementStore>,
    pub relay: Arc<dyn Relay>,
}

impl Shared {
    /// Tells the other nodes, if there can be any.
    pub fn tell_others(&self, signal: Signal) {
        if let Some(cluster) = &self.ports.cluster {
            cluster.relay.tell(signal);
        }
    }

    /// There is something new in these inboxes.
    pub fn look(&self, hints: Vec<InboxHint>) {
        let (ours, others): (Vec<_>, Vec<_>) = hints.into_iter().partition(|h| self.runs(h));
        if !ours.is_empty() {
            self.router.tell(router::Msg::Hints(ours));
        }
        if !others.is_empty() {
            self.tell_others(Signal::Look(others));
        }
    }

    /// Whether there was somebody to tell.
    pub fn command(&self, hint: InboxHint, command: Command) -> bool {
        if self.runs(&hint) {
            return self.router.tell(router::Msg::Command(hint, command));
        }
        self.tell_others(match command {
            Command::TakeOver { reason } => Signal::TakeOver { hint, reason },
            Command::GiveBack => Signal::GiveBack(hint),
            Command::Interrupt { turn, heard } => Signal::Interrupt { hint, turn, heard },
        });
        self.ports.cluster.is_some()
    }

    /// The conversation's state was written without its actor, which would find out at its next commit: it begins again.
    pub fn renew(&self, hint: InboxHint) {
        if self.runs(&hint) {
            self.router.tell(router::Msg::Renew(hint));
        } else {
            self.tell_others(Signal::Renew(hint));
        }
    }

    /// There is something to send for the account.
    pub fn wake_channel(&self, channel: ChannelId) {
        if self.ports.ownership.owns(channel) {
            self.channels.tell(channels::Msg::Wake(channel));
        } else {
            self.tell_others(Signal::WakeChannel(channel));
        }
    }

    /// What another node told: done if it is this node's to do, ignored otherwise. Notices and counts are not the
    /// actors' concern.
    pub async fn receive(&self, signal: Signal) {
        match signal {
            Signal::Look(mut hints) => {
                hints.retain(|h| self.runs(h));
                if !hints.is_empty() {
                    self.router.tell(router::Msg::Hints(hints));
                }
            }
            Signal::TakeOver { hint, reason } if self.runs(&hint) => {
                self.router.tell(router::Msg::Command(hint, Command::TakeOver { reason }));
            }
            Signal::GiveBack(hint) if self.runs(&hint) => {
                self.router.tell(router::Msg::Command(hint, Command::GiveBack));
            }
            Signal::Interrupt { hint, turn, heard } if self.runs(&hint) => {
                self.router.tell(router::Msg::Command(hint, Command::Interrupt { turn, heard }));
            }
            Signal::Renew(hint) if self.runs(&hint) => {
                self.router.tell(router::Msg::Renew(hint));
            }
            Signal::WakeChannel(channel) if self.ports.ownership.owns(channel) => {
                self.channels.tell(channels::Msg::Wake(channel));
            }
            Signal::ChannelChanged(channel) => {
                self.ports.channels.changed(channel);
                self.channels.tell(channels::Msg::Changed(channel));
            }
            Signal::AgentChanged(tenant, agent) => {
                self.agents.refresh(tenant, agent).await;
                self.agents.tell(agents::Msg::ProfileChanged(tenant, agent));
            }
            Signal::WakeIngestion => {
                self.ingestion.tell(ingestion::Msg::Wake);
            }
            Signal::Released => {
                self.placement.tell(placement::Msg::Beat);
            }
            Signal::TakeOver { .. }
            | Signal::GiveBack(_)
            | Signal::Interrupt { .. }
            | Signal::WakeChannel(_)
            | Signal::Counted(_)
            | Signal::Renew(_)
            | Signal::Notice(_) => {}
        }
    }

    fn runs(&self, hint: &InboxHint) -> bool {
        self.ports.ownership.owns(hint.conversation)
    }
}
