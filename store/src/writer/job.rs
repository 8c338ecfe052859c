//! One write, and the place where its caller waits for the answer.

use super::WriteError;
use crate::db::Conn;
use async_trait::async_trait;
use colloquy_domain::{placement::Partition, ports::StoreError};
use futures::{FutureExt, future::BoxFuture};
use std::panic::AssertUnwindSafe;
use tokio::sync::oneshot;
use uuid::Uuid;

/// What one caller wants written, all of it or nothing. It may be run more than once (its batch was rolled back), so
/// it keeps nothing of an earlier run.
#[async_trait]
pub(crate) trait Write: Send + Sync + 'static {
    type Output: Send + 'static;

    /// Whether a refusal may come after something was already written; then a savepoint keeps the neighbours safe.
    /// Without one, such a refusal costs the whole batch a second run.
    const SAVEPOINT: bool = true;

    /// The partitions that it may ask the connection's fence for.
    fn partitions(&self) -> Vec<Partition> {
        Vec::new()
    }

    /// The tenant whose rows are all that it may see; otherwise it sees everybody's.
    fn tenant(&self) -> Option<Uuid> {
        None
    }

    async fn run(&self, conn: &mut Conn) -> Result<Self::Output, WriteError>;
}

/// A write that is told by a closure.
pub(crate) struct Told<F> {
    pub(crate) tenant: Option<Uuid>,
    pub(crate) write: F,
}

#[async_trait]
impl<F, T> Write for Told<F>
where
    F: for<'c> Fn(&'c mut Conn) -> BoxFuture<'c, Result<T, StoreError>> + Send + Sync + 'static,
    T: Send + 'static,
{
    type Output = T;

    fn tenant(&self) -> Option<Uuid> {
        self.tenant
    }

    async fn run(&self, conn: &mut Conn) -> Result<T, WriteError> {
        (self.write)(conn).await.map_err(WriteError::Dirty)
    }
}

/// How a run of a job went.
#[derive(Debug)]
pub(super) enum Ran {
    /// Done, or refused without a trace: the batch goes on.
    Settled,
    /// It may have left half of its rows.
    Dirty(StoreError),
}

/// A [`Write`] of any output.
#[async_trait]
pub(super) trait Job: Send {
    fn savepoint(&self) -> bool;
    fn partitions(&self) -> Vec<Partition>;
    fn tenant(&self) -> Option<Uuid>;
    async fn run(&mut self, conn: &mut Conn) -> Ran;
    /// The answer will be this error.
    fn refuse(&mut self, error: StoreError);
    /// Tells the caller; only after the commit.
    fn answer(self: Box<Self>);
}

pub(super) struct Waiting<W: Write> {
    write: W,
    result: Option<Result<W::Output, StoreError>>,
    reply: oneshot::Sender<Result<W::Output, StoreError>>,
}

impl<W: Write> Waiting<W> {
    pub(super) fn new(write: W, reply: oneshot::Sender<Result<W::Output, StoreError>>) -> Self {
        Self { write, result: None, reply }
    }
}

#[async_trait]
impl<W: Write> Job for Waiting<W> {
    fn savepoint(&self) -> bool {
        W::SAVEPOINT
    }

    fn partitions(&self) -> Vec<Partition> {
        self.write.partitions()
    }

    fn tenant(&self) -> Option<Uuid> {
        self.write.tenant()
    }

    async fn run(&mut self, conn: &mut Conn) -> Ran {
        self.result = None;
        // A defect in one write must not end the writer for everybody.
        let ran = AssertUnwindSafe(self.write.run(conn)).catch_unwind().await;
        match ran {
            Ok(Ok(output)) => self.result = Some(Ok(output)),
            Ok(Err(WriteError::Clean(error))) => self.result = Some(Err(error)),
            Ok(Err(WriteError::Dirty(error))) => return Ran::Dirty(error),
            Err(_) => return Ran::Dirty(StoreError::Broken("a write panicked".to_owned())),
        }
        Ran::Settled
    }

    fn refuse(&mut self, error: StoreError) {
        self.result = Some(Err(error));
    }

    fn answer(self: Box<Self>) {
        let lost = || Err(StoreError::Unavailable("the write was not run".to_owned()));
        // A caller that went away does not want to know.
        let _ = self.reply.send(self.result.unwrap_or_else(lost));
    }
}
