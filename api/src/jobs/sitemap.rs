//! Sitemaps: the pages that a site names, read one after the other and put into a knowledge base.

use super::{Step, Wrong, read};
use crate::{
    auth::Tenant,
    error::{ApiError, ApiResult},
    files,
    state::Api,
};
use colloquy_domain::{
    failure::Failure,
    ids::{DocumentId, KnowledgeBaseId},
    ports::StoreError,
};
use colloquy_store::{Job, JobKind, JobState};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::VecDeque, time::Duration};

/// Time between two pages of one site.
const POLITE: Duration = Duration::from_secs(1);
/// A page that a site in trouble does not give is tried so often.
const TRIES: u32 = 3;
/// Sitemaps that one job reads.
const SITEMAPS: usize = 50;

/// How far a crawl is. Version 1.
#[derive(Serialize, Deserialize)]
struct Crawl {
    v: u16,
    base: KnowledgeBaseId,
    sitemap: String,
    /// Pages that are read at most.
    most: usize,
    /// Sitemaps that are not read yet.
    sitemaps: VecDeque<String>,
    sitemaps_read: usize,
    pages: VecDeque<String>,
    found: usize,
    tries: u32,
    documents: Vec<DocumentId>,
    failed: Vec<Wrong>,
}

/// # Errors
/// The store's.
pub async fn start(tenant: &Tenant, base: KnowledgeBaseId, sitemap: &str, most: usize) -> ApiResult<Job> {
    let crawl = Crawl {
        v: 1,
        base,
        sitemap: sitemap.to_owned(),
        most,
        sitemaps: VecDeque::from([sitemap.to_owned()]),
        sitemaps_read: 0,
        pages: VecDeque::new(),
        found: 0,
        tries: 0,
        documents: Vec::new(),
        failed: Vec::new(),
    };
    let step = Step::of(JobState::Running, &crawl, Duration::ZERO)?;
    Ok(tenant.store.create_job(JobKind::Sitemap, &step.detail).await?)
}

/// Reads one sitemap or one page.
pub(super) async fn step(api: &Api, tenant: &Tenant, job: &Job) -> Result<Step, StoreError> {
    let mut crawl: Crawl = read(job)?;
    if let Some(address) = crawl.sitemaps.front().cloned() {
        let read = api.sources.sitemap(&address, crawl.most).await;
        if crawl.is_settled(&address, read.as_ref().err()) {
            crawl.sitemaps.pop_front();
            crawl.sitemaps_read += 1;
        }
        if let Ok(found) = read {
            let room = crawl.most.saturating_sub(crawl.found);
            crawl.found += found.pages.len().min(room);
            crawl.pages.extend(found.pages.into_iter().take(room));
            let room = SITEMAPS.saturating_sub(crawl.sitemaps_read + crawl.sitemaps.len());
            crawl.sitemaps.extend(found.sitemaps.into_iter().take(room));
        }
    } else if let Some(address) = crawl.pages.front().cloned() {
        let read = page(api, tenant, crawl.base, &address).await?;
        if crawl.is_settled(&address, read.as_ref().err()) {
            crawl.pages.pop_front();
        }
        if let Ok(document) = read {
            crawl.documents.push(document);
            api.node.wake_ingestion();
        }
    }
    let state = match (crawl.sitemaps.is_empty() && crawl.pages.is_empty(), crawl.documents.is_empty()) {
        (false, _) => JobState::Running,
        (true, false) => JobState::Done,
        (true, true) => JobState::Failed,
    };
    Step::of(state, &crawl, POLITE)
}

/// The document of a page, or what is wrong with it.
async fn page(
    api: &Api,
    tenant: &Tenant,
    base: KnowledgeBaseId,
    address: &str,
) -> Result<Result<DocumentId, Failure>, StoreError> {
    let page = match api.sources.page(address, api.options.max_upload as u64).await {
        Ok(page) => page,
        Err(failure) => return Ok(Err(failure)),
    };
    let content = stream::iter([ApiResult::Ok(page.body.into())]);
    match files::keep(api, tenant, base, page.name, content).await {
        Ok(document) => Ok(Ok(document.id)),
        Err(ApiError { status, message, .. }) if status.is_server_error() => Err(StoreError::Unavailable(message)),
        Err(ApiError { message, .. }) => Ok(Err(Failure::reject("document.refused", message))),
    }
}

impl Crawl {
    /// Whether an address is over with: it was read, or it is given up and noted.
    fn is_settled(&mut self, address: &str, failure: Option<&Failure>) -> bool {
        match failure {
            Some(f) if f.is_retry() && self.tries + 1 < TRIES => {
                self.tries += 1;
                return false;
            }
            Some(f) => self.failed.push(Wrong::new(address, f)),
            None => {}
        }
        self.tries = 0;
        true
    }
}

pub(super) fn show(job: &Job) -> ApiResult<Value> {
    let c: Crawl = read(job)?;
    let documents: Vec<String> = c.documents.iter().map(ToString::to_string).collect();
    let waiting = c.pages.len();
    Ok(json!({
        "sitemap": c.sitemap, "found": c.found, "waiting": waiting, "documents": documents, "failed": c.failed,
    }))
}
