//! Collects what callers want appended to a lane, so that many share one message (and one fsync of the server).

use super::{frame, publish::Publisher};
use bytes::Bytes;
use colloquy_domain::ports::StoreError;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::timeout,
};

/// Callers that may wait.
const QUEUE: usize = 4096;
/// What may wait altogether, in KiB.
const QUEUE_KIB: u32 = 32 * 1024;
/// One lane's way in.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
    /// How long a caller waits altogether.
    patience: Duration,
}

#[derive(Debug)]
struct Request {
    entries: Vec<Bytes>,
    bytes: usize,
    told: oneshot::Sender<Result<(), StoreError>>,
    /// Given back when the request is done.
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the lane's batcher; it ends when the writer is dropped and everything queued was tried.
    pub fn start(publisher: Publisher) -> Self {
        // A caller's entries wait for one batch before their own, at most.
        let patience = publisher.patience * 2;
        let (queue, requests) = mpsc::channel(QUEUE);
        tokio::spawn(work(requests, publisher));
        Self { queue, room: Arc::new(Semaphore::new(QUEUE_KIB as usize)), patience }
    }

    /// Appends the entries (of [`frame::entry`]) and returns once they are acknowledged.
    pub async fn append(&self, entries: Vec<Bytes>) -> Result<(), StoreError> {
        let bytes: usize = entries.iter().map(Bytes::len).sum();
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
        let crowded = || StoreError::Unavailable("log: too much waits for NATS already".to_owned());
        let room = self.room.clone().try_acquire_many_owned(kib).map_err(|_| crowded())?;
        let (told, answer) = oneshot::channel();
        self.queue.try_send(Request { entries, bytes, told, _room: room }).map_err(|_| crowded())?;
        match timeout(self.patience, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(StoreError::Unavailable("log: closed".to_owned())),
            Err(_) => Err(StoreError::Unavailable("log: NATS does not answer".to_owned())),
        }
    }
}

async fn work(mut requests: mpsc::Receiver<Request>, mut publisher: Publisher) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(request) => request,
            None => match requests.recv().await {
                Some(request) => request,
                None => return,
            },
        };
        let mut batch = vec![first];
        next = gather(&mut requests, &mut batch);
        // Whoever does not wait any more was told an error.
        batch.retain(|r| !r.told.is_closed());
        let entries: Vec<Bytes> = batch.iter().flat_map(|r| r.entries.iter().cloned()).collect();
        if entries.is_empty() {
            continue;
        }
        let result = publisher.publish(&entries).await;
        for request in batch {
            // Who has left was told an error, and the entry is written: it will come again, and the inbox drops it.
            let _ = request.told.send(result.clone());
        }
    }
}

/// Adds what waits, as long as it fits into one message; returns what does not fit any more.
fn gather(requests: &mut mpsc::Receiver<Request>, batch: &mut Vec<Request>) -> Option<Request> {
    let mut entries: usize = batch.iter().map(|r| r.entries.len()).sum();
    let mut bytes: usize = batch.iter().map(|r| r.bytes).sum();
    while let Ok(request) = requests.try_recv() {
        entries += request.entries.len();
        bytes += request.bytes;
        if entries > frame::ENTRIES || bytes > frame::BYTES {
            return Some(request);
        }
        batch.push(request);
    }
    None
}
