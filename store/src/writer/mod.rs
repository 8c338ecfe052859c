//! The one writer: owns the only write connection and commits everything that is queued in one transaction, because
//! an fsync is what a commit costs, however much is in it. Callers are answered after that fsync.

mod append;
mod batch;
mod commits;
mod job;

pub(crate) use append::{LogRow, bind as bind_log_row};
pub(crate) use job::{Told, Write};

use self::{
    append::Append,
    batch::Batch,
    commits::Commit,
    job::{Job, Waiting},
};
use crate::{error::db, ports::Prepared};
use colloquy_domain::ports::StoreError;
use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::io;
use tokio::sync::{mpsc, oneshot, watch};

/// Writes that may wait; more callers wait for room.
const QUEUE: usize = 1024;
/// Writes in one transaction.
const BATCH: usize = 256;

/// Why a write was not done.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// Its precondition does not hold, and nothing was written yet.
    Clean(StoreError),
    /// Something may have been written before.
    Dirty(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Dirty(error)
    }
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        Self::Dirty(db(error))
    }
}

enum Request {
    Append(Append),
    Commit(Box<Commit>),
    Write(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// Hands writes to the writer; cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Request>,
    log_end: watch::Receiver<u64>,
}

impl Writer {
    /// Starts the writer. `log_end` is the last offset in the log.
    ///
    /// It has a thread of its own: each of a batch's many statements comes back from the connection's thread, and on
    /// the shared runtime every one of them would wait behind all other tasks, the longer the more there is to do.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(conn: SqliteConnection, options: SqliteConnectOptions, log_end: u64) -> io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (ends, log_end) = watch::channel(log_end);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = Loop { conn, options, requests, ends };
        std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || runtime.block_on(work.run()))?;
        Ok(Self { queue, log_end })
    }

    pub(crate) async fn write<W: Write>(&self, write: W) -> Result<W::Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Write(Box::new(Waiting::new(write, reply)))).await?;
        answer.await.map_err(|_| closed())?
    }

    pub(crate) async fn append(&self, rows: Vec<LogRow>) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Append(Append::new(rows, reply))).await?;
        answer.await.map_err(|_| closed())?
    }

    pub(crate) async fn commit(&self, prepared: Prepared) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Request::Commit(Box::new(Commit::new(prepared, reply)))).await?;
        answer.await.map_err(|_| closed())?
    }

    /// The last offset of the log that is durable; changes wake whoever watches.
    pub(crate) fn log_end(&self) -> watch::Receiver<u64> {
        self.log_end.clone()
    }

    /// Writes what is queued and gives the connection back. Later writes are refused.
    pub(crate) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.send(Request::Close(reply)).await.is_ok() {
            let _ = answer.await;
        }
    }

    async fn send(&self, request: Request) -> Result<(), StoreError> {
        self.queue.send(request).await.map_err(|_| closed())
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

struct Loop {
    conn: SqliteConnection,
    options: SqliteConnectOptions,
    requests: mpsc::Receiver<Request>,
    ends: watch::Sender<u64>,
}

impl Loop {
    async fn run(mut self) {
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = self.requests.recv().await
        {
            let mut batch = Batch::default();
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Append(append) => batch.appends.push(append),
                    Request::Commit(commit) => batch.commits.push(*commit),
                    Request::Write(job) => batch.jobs.push(job),
                    Request::Close(reply) => {
                        closing = Some(reply);
                        self.requests.close();
                    }
                }
                // After a close, what was queued before it is still written.
                next = if batch.len() < BATCH || closing.is_some() { self.requests.try_recv().ok() } else { None };
            }
            self.commit(batch).await;
        }
        if let Err(error) = self.conn.close().await {
            tracing::warn!(error = %error, "the write connection did not close cleanly");
        }
        if let Some(reply) = closing {
            let _ = reply.send(());
        }
    }

    /// Commits the batch together; if that fails, each write on its own, so that one cannot spoil the others.
    async fn commit(&mut self, mut batch: Batch) {
        if batch.len() == 0 {
            return;
        }
        let Err(failed) = batch.attempt(&mut self.conn).await else {
            return self.answer(batch);
        };
        self.reset(&failed.error).await;
        if !failed.begun || batch.len() == 1 {
            batch.refuse(&failed.error);
            return self.answer(batch);
        }
        tracing::debug!(writes = batch.len(), error = %failed.error, "batch rolled back; running its writes alone");
        for mut alone in batch.split() {
            if let Err(failed) = alone.attempt(&mut self.conn).await {
                self.reset(&failed.error).await;
                alone.refuse(&failed.error);
            }
            self.answer(alone);
        }
    }

    fn answer(&self, batch: Batch) {
        if let Some(end) = batch.log_end() {
            self.ends.send_if_modified(|last| {
                let grew = end > *last;
                *last = end.max(*last);
                grew
            });
        }
        batch.answer();
    }

    /// Ends a failed transaction; SQLite may already have done so itself, and then says so.
    async fn reset(&mut self, error: &StoreError) {
        let _ = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
        if !error.is_retry() || self.conn.ping().await.is_ok() {
            return;
        }
        match self.options.connect().await {
            Ok(conn) => self.conn = conn,
            Err(error) => tracing::error!(error = %error, "the write connection is lost and cannot be opened anew"),
        }
    }
}
