//! A node's way to the log and to the other nodes, which are on one network.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Until which age of the world the way is cut, in milliseconds. Clones are the same way.
#[derive(Debug, Clone, Default)]
pub struct Wire(Arc<AtomicU64>);

impl Wire {
    pub fn cut_until(&self, age: Duration) {
        self.0.fetch_max(millis(age), Ordering::Relaxed);
    }

    #[must_use]
    pub fn is_cut(&self, age: Duration) -> bool {
        millis(age) < self.0.load(Ordering::Relaxed)
    }
}

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
