//! How fast the accounts of this node may send, for whoever sends beside their deliveries.

use colloquy_domain::{channel::Pacing, ids::ChannelId, pacing::Pacer, time::Timestamp};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// The pacers of the accounts that are delivered for here.
#[derive(Default)]
pub struct Paces(Mutex<BTreeMap<ChannelId, Weak<Mutex<Pacer>>>>);

impl Paces {
    /// A new one for an account that begins to be delivered for; it is known for as long as its account keeps it.
    pub(crate) fn open(&self, channel: ChannelId, pacing: Pacing) -> Arc<Mutex<Pacer>> {
        let pacer = Arc::new(Mutex::new(Pacer::new(pacing)));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, pacer| pacer.strong_count() > 0);
        known.insert(channel, Arc::downgrade(&pacer));
        pacer
    }

    /// See [`Pacer::spare`]. Where another node delivers for the account, what its driver takes by itself has to do.
    pub(crate) fn spare(&self, channel: ChannelId, peer: &str, now: Timestamp) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&channel).and_then(Weak::upgrade);
        known.is_none_or(|pacer| pacer.lock().unwrap_or_else(PoisonError::into_inner).spare(peer, now))
    }
}
