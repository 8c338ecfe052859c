use colloquy_domain::{
    placement::Lane,
    ports::{Offset, StoreError},
};
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering},
};

/// What this process knows of a lane, shared by its writer and its reader.
#[derive(Debug)]
pub(super) struct LaneState {
    pub lane: Lane,
    pub stream: String,
    pub subject: String,
    /// The highest offset that was acknowledged to us or that we have handed out.
    seen: AtomicU64,
    /// Up to here (inclusive) we have trimmed.
    trimmed: AtomicU64,
    /// What the lane was found to have lost; it stays so for as long as this process lives.
    regressed: OnceLock<String>,
}

impl LaneState {
    pub const fn new(lane: Lane, stream: String, subject: String) -> Self {
        let (seen, trimmed) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { lane, stream, subject, seen, trimmed, regressed: OnceLock::new() }
    }

    pub fn seen(&self) -> Offset {
        self.seen.load(Ordering::Acquire)
    }

    pub fn saw(&self, offset: Offset) {
        self.seen.fetch_max(offset, Ordering::AcqRel);
    }

    pub fn trimmed(&self) -> Offset {
        self.trimmed.load(Ordering::Acquire)
    }

    pub fn trim(&self, to: Offset) {
        self.trimmed.fetch_max(to, Ordering::AcqRel);
    }

    /// The lane lost something that it had promised to keep. Logged once.
    pub fn regress(&self, what: &str) -> StoreError {
        let told = self.regressed.get_or_init(|| {
            let told = format!(
                "the log's stream {} {what}: NATS lost what it had acknowledged (an older copy was restored, the stream was \
                 made anew, or power failed on a server without sync_interval: always). Restore the stream's storage, or \
                 accept the loss: stop all nodes and run `colloquy reset-log`",
                self.stream
            );
            tracing::error!(nats.stream = self.stream, log.lane = self.lane.0, "{told}");
            told
        });
        StoreError::Broken(told.clone())
    }

    /// # Errors
    /// What the lane was found to have lost.
    pub fn whole(&self) -> Result<(), StoreError> {
        self.regressed.get().map_or(Ok(()), |told| Err(StoreError::Broken(told.clone())))
    }
}
