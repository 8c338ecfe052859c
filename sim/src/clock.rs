//! Virtual time: the runtime's paused clock, shown as dates.

use colloquy_domain::{ports::Clock, time::Timestamp};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The world's time. Moves when everything in the world waits.
#[derive(Debug)]
pub struct WorldClock {
    start: Timestamp,
    zero: Instant,
}

impl WorldClock {
    /// Begins now, at this date. To be called on the paused runtime.
    #[must_use]
    pub fn starting(start: Timestamp) -> Arc<Self> {
        Arc::new(Self { start, zero: Instant::now() })
    }

    /// Since the world began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.zero.elapsed()
    }

    /// Waits until the world is this old.
    pub async fn until(&self, age: Duration) {
        tokio::time::sleep_until(self.zero + age).await;
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        self.start + self.zero.elapsed()
    }
}

/// What one machine takes for the time.
#[derive(Debug)]
pub struct NodeClock {
    world: Arc<WorldClock>,
    /// Milliseconds that it goes ahead; negative: behind.
    skew: AtomicI64,
}

impl NodeClock {
    #[must_use]
    pub fn of(world: &Arc<WorldClock>) -> Arc<Self> {
        Arc::new(Self { world: Arc::clone(world), skew: AtomicI64::new(0) })
    }

    pub fn skew(&self, millis: i64) {
        self.skew.store(millis, Ordering::Relaxed);
    }
}

impl Clock for NodeClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.world.now().0 + self.skew.load(Ordering::Relaxed))
    }
}
