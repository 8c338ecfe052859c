//! The one writer: owns the only write connection and commits everything that is queued in one transaction, because
//! an fsync is what a commit costs, however much is in it. Callers are answered after that fsync.
//!
//! On PostgreSQL a connection can be lost. Nothing of a transaction that did not come to its COMMIT is kept, so it is
//! run again; of one whose COMMIT was not answered the database is asked first ([`marks`]). Only where even that cannot
//! be had is a write answered [`StoreError::Unavailable`] that may yet have been made: the log's entries may then be
//! doubled by a repeated webhook (the inbox sorts them out), and a conversation's repeated commit is refused as stale.

mod append;
mod batch;
mod checkpoint;
mod fence;
mod job;
mod line;
mod marks;
mod merged;

pub(crate) use append::{LogRow, bind as bind_log_row};
pub(crate) use fence::{Fence, Fencing, PARTITION_LOCKS};
pub(crate) use job::{Told, Write};
pub(crate) use line::Link;
pub(crate) use merged::Merge;

use self::{
    append::Append,
    batch::{Batch, Stage},
    checkpoint::Checkpoints,
    job::{Job, Waiting},
    line::Line,
    marks::Marks,
    merged::Pending,
};
use crate::{
    db::{Conn, Dialect, Trouble},
    error::store_error,
    ports::{Claim, Claimed, Prepared, Sent, TakeIn},
};
use colloquy_domain::ports::{StoreError, TakenIn};
use std::{io, time::Duration};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

/// Writes that may wait; more callers wait for room.
const QUEUE: usize = 1024;
/// Writes in one transaction.
const BATCH: usize = 256;
/// How long a batch waits for more writes where the one before it had company: on a server, whose other nodes commit as well
/// and share its disk and processors, fewer and fuller transactions cost everybody less than they cost these writes.
const COMPANY: Duration = Duration::from_micros(500);
/// How often a batch is run that the database or a lost connection sends back.
const TRIES: usize = 4;
/// The longest that a transaction may take on a server: longer than it lets one stand idle.
const LONGEST: Duration = Duration::from_secs(10);

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
        Self::Dirty(store_error(error))
    }
}

enum Request {
    Append(Append),
    TakeIn(Pending<TakeIn>),
    Commit(Box<Pending<Prepared>>),
    Claim(Pending<Claim>),
    Sent(Pending<Sent>),
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
    /// Starts the writer. `log_end` is the last offset in the log; `id` is the writer's own.
    ///
    /// It has a thread of its own: each of a batch's many statements comes back from the connection, and on the shared
    /// runtime every one of them would wait behind all other tasks, the longer the more there is to do.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub(crate) fn start(link: Link, conn: Option<Conn>, id: Uuid, fencing: Fencing, log_end: u64) -> io::Result<Self> {
        let (queue, requests) = mpsc::channel(QUEUE);
        let (ends, log_end) = watch::channel(log_end);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let checkpoints = Checkpoints::of(&link);
        let work = Loop { checkpoints, line: Line::new(link, conn), marks: Marks::new(id), fencing, requests, ends };
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

    pub(crate) async fn take_in(&self, entries: TakeIn) -> Result<TakenIn, StoreError> {
        self.merged(entries, Request::TakeIn).await
    }

    pub(crate) async fn commit(&self, prepared: Prepared) -> Result<(), StoreError> {
        self.merged(prepared, |one| Request::Commit(Box::new(one))).await
    }

    pub(crate) async fn claim(&self, claim: Claim) -> Result<Vec<Claimed>, StoreError> {
        self.merged(claim, Request::Claim).await
    }

    pub(crate) async fn sent(&self, sent: Sent) -> Result<(), StoreError> {
        self.merged(sent, Request::Sent).await
    }

    async fn merged<M: Merge>(
        &self,
        write: M,
        request: impl FnOnce(Pending<M>) -> Request,
    ) -> Result<M::Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(request(Pending::new(write, reply))).await?;
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
    line: Line,
    checkpoints: Option<Checkpoints>,
    marks: Marks,
    fencing: Fencing,
    requests: mpsc::Receiver<Request>,
    ends: watch::Sender<u64>,
}

/// Why a batch was not committed.
struct Failed {
    error: StoreError,
    next: Next,
}

/// What may be tried after a batch failed. Nothing of it is durable, except after `GiveUp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The same once more.
    Again,
    /// Each of its writes alone: one of them failed for a reason of its own.
    Alone,
    GiveUp,
}

/// A timer would be no finer than a millisecond.
#[expect(clippy::disallowed_methods, reason = "the thread is the writer's own: nobody else waits on it")]
fn wait_for_company() {
    std::thread::sleep(COMPANY);
}

impl Loop {
    async fn run(mut self) {
        let (mut closing, mut last) = (None, 0);
        while closing.is_none()
            && let Some(first) = self.requests.recv().await
        {
            if last > 1 && self.line.dialect() == Dialect::Postgres {
                wait_for_company();
            }
            let mut batch = Batch::default();
            let mut next = Some(first);
            while let Some(request) = next {
                match request {
                    Request::Append(append) => batch.appends.push(append),
                    Request::TakeIn(entries) => batch.take_ins.push(entries),
                    Request::Commit(commit) => batch.commits.push(*commit),
                    Request::Claim(claim) => batch.claims.push(claim),
                    Request::Sent(sent) => batch.sent.push(sent),
                    Request::Write(job) => batch.jobs.push(job),
                    Request::Close(reply) => {
                        closing = Some(reply);
                        self.requests.close();
                    }
                }
                // After a close, what was queued before it is still written.
                next = if batch.len() < BATCH || closing.is_some() { self.requests.try_recv().ok() } else { None };
            }
            last = batch.len();
            self.commit(batch).await;
            if let (Some(checkpoints), Some(conn)) = (&mut self.checkpoints, self.line.opened_already()) {
                checkpoints.after_commit(conn).await;
            }
        }
        self.end().await;
        if let Some(reply) = closing {
            let _ = reply.send(());
        }
    }

    async fn end(mut self) {
        if self.line.dialect() == Dialect::Postgres
            && let Some(conn) = self.line.opened_already()
        {
            // One that is left behind is removed by and by.
            let _ = conn.script(self.marks.forget()).await;
        }
        if let Some(checkpoints) = self.checkpoints {
            checkpoints.close().await;
        }
        self.line.close().await;
    }

    /// Commits the batch together; if that fails, each write on its own, so that one cannot spoil the others.
    async fn commit(&mut self, mut batch: Batch) {
        if batch.len() == 0 {
            return;
        }
        let Err(failed) = self.written(&mut batch).await else {
            return self.answer(batch);
        };
        if failed.next == Next::GiveUp || batch.len() == 1 {
            batch.refuse(&failed.error);
            return self.answer(batch);
        }
        tracing::debug!(writes = batch.len(), error = %failed.error, "batch rolled back; running its writes alone");
        for mut alone in batch.split() {
            if let Err(failed) = self.written(&mut alone).await {
                alone.refuse(&failed.error);
            }
            self.answer(alone);
        }
    }

    async fn written(&mut self, batch: &mut Batch) -> Result<(), Failed> {
        for _ in 1..TRIES {
            match self.attempt(batch).await {
                Err(failed) if failed.next == Next::Again => {
                    tracing::debug!(writes = batch.len(), error = %failed.error, "batch rolled back; running it again");
                }
                ended => return ended,
            }
        }
        let give_up = |failed: Failed| match failed.next {
            Next::Again => Failed { next: Next::GiveUp, ..failed },
            _ => failed,
        };
        self.attempt(batch).await.map_err(give_up)
    }

    async fn attempt(&mut self, batch: &mut Batch) -> Result<(), Failed> {
        let dialect = self.line.dialect();
        let conn = self.line.ready().await.map_err(|error| Failed { error, next: Next::GiveUp })?;
        let attempt = batch.attempt(conn, &mut self.marks, &self.fencing);
        let (error, trouble) = if dialect == Dialect::Sqlite {
            (attempt.await, None)
        } else {
            // A cut network says nothing by itself.
            match tokio::time::timeout(LONGEST, attempt).await {
                Ok(result) => (result, conn.trouble()),
                Err(_) => {
                    (Err(StoreError::Unavailable("the database does not answer".to_owned())), Some(Trouble::Lost))
                }
            }
        };
        let Err(error) = error else {
            self.fencing.count(&mut conn.fence);
            return Ok(());
        };
        match trouble {
            Some(Trouble::Lost) => {
                self.line.lost(&error);
                if batch.stage() == Stage::Committing {
                    self.fate().await
                } else {
                    Err(Failed { error, next: Next::Again })
                }
            }
            trouble => {
                self.line.reset(&error).await;
                let next = match (trouble, batch.stage()) {
                    (Some(Trouble::Again), _) => Next::Again,
                    (_, Stage::Beginning) => Next::GiveUp,
                    _ => Next::Alone,
                };
                Err(Failed { error, next })
            }
        }
    }

    /// Asks what became of a batch whose COMMIT was not answered.
    async fn fate(&mut self) -> Result<(), Failed> {
        let unknown = |error: StoreError| {
            tracing::error!(error = %error, "cannot learn whether a batch was committed");
            let error = StoreError::Unavailable("whether it was written is not known".to_owned());
            Failed { error, next: Next::GiveUp }
        };
        loop {
            let conn = self.line.ready().await.map_err(unknown)?;
            let asked = tokio::time::timeout(LONGEST, self.marks.committed(conn)).await;
            match asked {
                Ok(Ok(true)) => {
                    tracing::info!("a batch was committed although its connection was lost");
                    return Ok(());
                }
                Ok(Ok(false)) => {
                    let error = StoreError::Unavailable("the connection was lost".to_owned());
                    return Err(Failed { error, next: Next::Again });
                }
                Ok(Err(error)) if conn.trouble() == Some(Trouble::Lost) => self.line.lost(&error),
                Ok(Err(error)) => return Err(unknown(error)),
                Err(_) => return Err(unknown(StoreError::Unavailable("the database does not answer".to_owned()))),
            }
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
}
