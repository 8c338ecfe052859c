//! The ingestion actor: takes documents from the durable queue and has them turned into passages, one at a time.

use crate::{node::Shared, spans, supervision::Backoff};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, TenantId},
    knowledge::{IngestFailure, IngestJob, IngestProgress, IngestReport},
    ports::{Notice, ProgressSink},
};
use futures::FutureExt;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, async_trait};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::sync::{oneshot, watch};
use tracing::Instrument as _;

/// Attempts at a document whose failures are passing ones.
const TRIES: u32 = 5;
/// Attempts to write down what came of it.
const FINISH_TRIES: usize = 10;
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(60) };
/// How often progress is written down, at most.
const PROGRESS_EVERY: Duration = Duration::from_millis(300);
/// A look at the queue without being told, in case a hint got lost.
const LOOK_EVERY: Duration = Duration::from_secs(30);

struct Ingestion;

pub enum Msg {
    /// There may be a document.
    Wake,
    /// The running document is settled.
    Done,
}

struct State {
    shared: Arc<Shared>,
    busy: bool,
}

pub async fn start(shared: Arc<Shared>, parent: ActorCell) -> Result<ActorCell, ActorProcessingErr> {
    let slot = shared.ingestion.clone();
    let (actor, _) = Actor::spawn_linked(None, Ingestion, shared, parent).await?;
    slot.fill(actor.clone());
    Ok(actor.get_cell())
}

#[async_trait]
impl Actor for Ingestion {
    type Msg = Msg;
    type State = State;
    type Arguments = Arc<Shared>;

    async fn pre_start(&self, myself: ActorRef<Msg>, shared: Arc<Shared>) -> Result<State, ActorProcessingErr> {
        myself.send_message(Msg::Wake)?;
        myself.send_interval(LOOK_EVERY, || Msg::Wake);
        Ok(State { shared, busy: false })
    }

    async fn handle(&self, myself: ActorRef<Msg>, msg: Msg, state: &mut State) -> Result<(), ActorProcessingErr> {
        if matches!(msg, Msg::Done) {
            state.busy = false;
        }
        if state.busy {
            return Ok(());
        }
        let jobs = match state.shared.ports.documents.take(1).await {
            Ok(jobs) => jobs,
            Err(e) if e.is_retry() => return Ok(()),
            Err(e) => return Err(Box::new(e)),
        };
        if let Some(job) = jobs.into_iter().next() {
            state.busy = true;
            let shared = Arc::clone(&state.shared);
            tokio::spawn(async move {
                let span = spans::ingestion(&job);
                ingest(&shared, job).instrument(span).await;
                // Gone meanwhile: its successor looks by itself.
                let _ = myself.send_message(Msg::Done);
            });
        }
        Ok(())
    }
}

async fn ingest(shared: &Arc<Shared>, job: IngestJob) {
    let (tenant, document) = (job.tenant, job.document);
    let (sender, receiver) = watch::channel(IngestProgress::default());
    let (done, ended) = oneshot::channel();
    let reporter = tokio::spawn(report(Arc::clone(shared), tenant, document, receiver, ended));
    let work = AssertUnwindSafe(shared.ports.pipeline.ingest(&job, &Sink(sender))).catch_unwind().await;
    // The reporter writes the last state and ends.
    drop::<oneshot::Sender<()>>(done);
    if let Err(e) = reporter.await {
        tracing::error!(document.id = %document, error = %e, "progress reporter failed");
    }
    let result = work.unwrap_or_else(|_| {
        let failure = Failure::reject("ingest.panicked", "the document made the pipeline panic");
        Err(IngestFailure { failure, pages: Vec::new() })
    });
    if let Err(failed) = &result {
        if shared.stopping.is_cancelled() {
            // The index was closed under it, most likely. The next start takes the document up again.
            tracing::info!(tenant.id = %tenant, document.id = %document, error = %failed.failure, "document interrupted");
            return;
        }
        spans::failed(&failed.failure);
    }
    settle(shared, &job, result).await;
}

async fn settle(shared: &Arc<Shared>, job: &IngestJob, result: Result<IngestReport, IngestFailure>) {
    let (tenant, document) = (job.tenant, job.document);
    let queue = &shared.ports.documents;
    match &result {
        Ok(r) => {
            let pages = r.pages.len();
            tracing::info!(tenant.id = %tenant, document.id = %document, pages, chunks = r.chunks, "document ready");
        }
        Err(e) if e.failure.is_retry() && job.attempt + 1 < TRIES => {
            let wait = BACKOFF.wait(job.attempt as usize + 1);
            tracing::warn!(tenant.id = %tenant, document.id = %document, error = %e.failure, "document waits");
            let shared = Arc::clone(shared);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                if let Err(e) = shared.ports.documents.put_back(tenant, document).await {
                    tracing::error!(document.id = %document, error = %e, "document not put back; a restart takes it up");
                }
                shared.ingestion.tell(Msg::Wake);
            });
            return;
        }
        Err(e) => {
            tracing::warn!(tenant.id = %tenant, document.id = %document, error = %e.failure, "document failed");
        }
    }
    let mut tries = 0;
    loop {
        let trouble = match queue.finish(tenant, document, result.clone()).await {
            Ok(true) => return,
            // Deleted while it was read: nobody else knows of the passages that came after the deletion.
            Ok(false) => match shared.ports.pipeline.forget(tenant, job.base, document).await {
                Ok(()) => return,
                Err(e) => (e.is_retry(), e.to_string()),
            },
            Err(e) => (e.is_retry(), e.to_string()),
        };
        tries += 1;
        let (may_pass, error) = trouble;
        if !may_pass || tries >= FINISH_TRIES {
            tracing::error!(document.id = %document, error, "document not settled; a restart takes it up");
            return;
        }
        tokio::time::sleep(BACKOFF.wait(tries)).await;
    }
}

struct Sink(watch::Sender<IngestProgress>);

impl ProgressSink for Sink {
    fn progress(&self, progress: IngestProgress) {
        self.0.send_replace(progress);
    }
}

/// Writes progress down and announces it, at most every [`PROGRESS_EVERY`]; ends when its sender does.
async fn report(
    shared: Arc<Shared>,
    tenant: TenantId,
    document: DocumentId,
    mut progress: watch::Receiver<IngestProgress>,
    mut ended: oneshot::Receiver<()>,
) {
    let mut over = false;
    while progress.changed().await.is_ok() {
        let progress = progress.borrow_and_update().clone();
        if let Err(e) = shared.ports.documents.progress(tenant, document, progress.clone()).await {
            tracing::warn!(document.id = %document, error = %e, "progress not written");
        }
        shared.ports.announcer.announce(Notice::Document { tenant, document, progress });
        // Cut short by the end, so that small documents do not wait for their report.
        over = over || tokio::time::timeout(PROGRESS_EVERY, &mut ended).await.is_ok();
    }
}
