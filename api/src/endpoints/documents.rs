//! `GET/POST /api/documents`, `GET/DELETE /api/documents/{id}`, `POST /api/documents/{id}/process`.
//!
//! Posted are files (multipart), or the address of a page or a sitemap (JSON).

use super::knowledge_bases::valid_name;
use crate::{
    answer::{Deleted, Listed, Of},
    auth::Tenant,
    body::{Body, PageOf},
    error::{ApiError, ApiResult, accepted, created, ok},
    files, jobs,
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{
        FromRequest, Multipart, Path, Query, Request, State,
        multipart::{Field, MultipartError},
    },
    http::{StatusCode, header},
};
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId},
    knowledge::{DocumentStatus, PageReport},
};
use colloquy_store::{Document, Page, PageRequest};
use futures::{StreamExt, stream};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, sync::Arc};

/// The knowledge base of uploads that name none.
const DEFAULT_BASE: &str = "default";
/// Characters that a document's name may have.
const LONGEST_NAME: usize = 255;
/// Pages of a sitemap that are read.
const USUAL_PAGES: usize = 100;
const MOST_PAGES: usize = 1_000;

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    name: String,
    kb: String,
    status: &'static str,
    cause: Option<Cause>,
    #[schemars(with = "Vec<Map<String, Value>>")]
    pages: Vec<PageReport>,
    page_count: u32,
    chunks: u32,
    indexed: u32,
    bytes: u64,
    language: Option<&'static str>,
    embedded: bool,
    created_at: String,
    finished_at: Option<String>,
    /// From upload to the last change.
    seconds: f64,
}

#[derive(Serialize, JsonSchema)]
pub struct Cause {
    code: String,
    message: String,
}

fn show(d: Document, kb: &str) -> Out {
    let done = matches!(d.progress.status, DocumentStatus::Ready | DocumentStatus::Failed);
    Out {
        id: d.id.to_string(),
        name: d.name,
        kb: kb.to_owned(),
        status: d.progress.status.name(),
        cause: d.cause.map(|f| Cause { code: f.code, message: f.detail }),
        page_count: d.progress.pages,
        pages: d.pages,
        chunks: d.progress.chunks,
        indexed: d.progress.indexed,
        bytes: d.size,
        language: d.language.map(colloquy_domain::language::Language::code),
        embedded: d.embedded,
        created_at: rfc3339(d.uploaded_at),
        finished_at: done.then(|| rfc3339(d.updated_at)),
        seconds: d.updated_at.since(d.uploaded_at).as_secs_f64(),
    }
}

/// The names of knowledge bases, by their ids.
async fn names(tenant: &Tenant) -> ApiResult<HashMap<KnowledgeBaseId, String>> {
    let bases = tenant.store.knowledge_bases(PageRequest::new(1, PageRequest::MOST)).await?;
    Ok(bases.items.into_iter().map(|b| (b.id, b.name)).collect())
}

async fn name_of(tenant: &Tenant, base: KnowledgeBaseId) -> ApiResult<String> {
    Ok(tenant.store.knowledge_base(base).await?.name)
}

#[derive(Deserialize, JsonSchema)]
pub struct Filter {
    kb: Option<String>,
}

pub async fn list(
    State(_): State<Arc<Api>>,
    tenant: Tenant,
    Query(filter): Query<Filter>,
    at: PageOf,
) -> ApiResult<Listed<Out>> {
    let base = match filter.kb.as_deref() {
        None => None,
        Some(name) => {
            let base = tenant.store.knowledge_base_by_name(name).await?;
            Some(base.ok_or_else(|| ApiError::not_found("knowledge base"))?.id)
        }
    };
    let names = names(&tenant).await?;
    let found: Page<Document> = tenant.store.documents(base, at.into()).await?;
    page("documents", found, |d| {
        let kb = names.get(&d.base).cloned().unwrap_or_default();
        show(d, &kb)
    })
}

pub async fn show_one(tenant: &Tenant, id: &str) -> ApiResult {
    ok(shown(tenant, id.parse::<DocumentId>()?).await?)
}

/// A document as every endpoint shows it.
pub async fn shown(tenant: &Tenant, id: DocumentId) -> ApiResult<Value> {
    let document = tenant.store.document(id).await?;
    let kb = name_of(tenant, document.base).await?;
    serde_json::to_value(show(document, &kb)).map_err(ApiError::unshown)
}

pub async fn show_document(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    show_one(&tenant, &id).await
}

pub async fn add(State(api): State<Arc<Api>>, tenant: Tenant, request: Request) -> ApiResult {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if kind.starts_with("multipart/form-data") {
        let form = Multipart::from_request(request, &api).await;
        return upload(&api, &tenant, form.map_err(|e| ApiError::new(e.status(), "MALFORMED", e.body_text()))?).await;
    }
    let Body(from) = Body::<FromWeb>::from_request(request, &api).await?;
    read_web(&api, &tenant, from).await
}

/// Files, after the base that they go to.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes the form, which is read as a stream")]
pub struct Upload {
    kb: Option<String>,
    #[schemars(extend("contentMediaType" = "application/octet-stream"))]
    file: String,
}

/// The address of a page, or of a sitemap.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FromWeb {
    kb: Option<String>,
    url: Option<String>,
    sitemap: Option<String>,
    /// Pages that are read of a sitemap at most.
    limit: Option<usize>,
}

/// A page is read at once and answered as a document; a sitemap becomes a job.
async fn read_web(api: &Api, tenant: &Tenant, from: FromWeb) -> ApiResult {
    let kb = valid_name("kb", from.kb.as_deref().unwrap_or(DEFAULT_BASE))?.to_owned();
    let limit = from.limit.unwrap_or(USUAL_PAGES);
    if !(1..=MOST_PAGES).contains(&limit) {
        return Err(ApiError::invalid("limit", format!("must be between 1 and {MOST_PAGES}")));
    }
    match (from.url, from.sitemap) {
        (Some(url), None) => {
            let read = api.sources.page(&url, api.options.max_upload as u64).await;
            let page = read.map_err(|f| if f.is_retry() { f.into() } else { ApiError::invalid("url", f.detail) })?;
            let base = tenant.store.ensure_knowledge_base(&kb).await?.id;
            let content = stream::iter([Ok(page.body.into())]);
            let document = files::keep(api, tenant, base, page.name, content).await?;
            api.node.wake_ingestion();
            created(json!({ "documents": [show(document, &kb)] }))
        }
        (None, Some(sitemap)) => {
            let base = tenant.store.ensure_knowledge_base(&kb).await?.id;
            let job = jobs::start_sitemap(tenant, base, &sitemap, limit).await?;
            accepted(json!({ "job": jobs::show(&job)? }))
        }
        _ => Err(ApiError::invalid("url", "one of `url` and `sitemap` is needed (or files, as multipart/form-data)")),
    }
}

async fn upload(api: &Api, tenant: &Tenant, mut form: Multipart) -> ApiResult {
    let mut kb = DEFAULT_BASE.to_owned();
    let mut documents = Vec::new();
    while let Some(field) = next(&mut form).await? {
        match field {
            FromForm::Text("kb", text) => valid_name("kb", &text)?.clone_into(&mut kb),
            FromForm::Text(name, _) => {
                return Err(ApiError::invalid(name, "unknown field: there are `kb`, then `file`"));
            }
            FromForm::File(field) => {
                let base = tenant.store.ensure_knowledge_base(&kb).await?.id;
                let document = keep(api, tenant, base, *field).await?;
                documents.push(show(document, &kb));
            }
        }
    }
    if documents.is_empty() {
        return Err(ApiError::invalid("file", "at least one file is needed"));
    }
    api.node.wake_ingestion();
    created(json!({ "documents": documents }))
}

/// A field of a form with files.
pub enum FromForm<'a> {
    File(Box<Field<'a>>),
    /// Its name, and what it says; an unknown one says nothing.
    Text(&'static str, String),
}

/// # Errors
/// The form cannot be read, or has a field without meaning.
pub async fn next(form: &mut Multipart) -> ApiResult<Option<FromForm<'_>>> {
    let Some(field) = form.next_field().await.map_err(|e| unreadable(&e))? else { return Ok(None) };
    let known = match field.name() {
        Some("file" | "files") => return Ok(Some(FromForm::File(Box::new(field)))),
        Some("kb") => "kb",
        Some("questions") => "questions",
        other => {
            let name = other.unwrap_or("(unnamed)").to_owned();
            return Err(ApiError::invalid(name, "unknown field"));
        }
    };
    Ok(Some(FromForm::Text(known, field.text().await.map_err(|e| unreadable(&e))?)))
}

pub(super) fn unreadable(e: &MultipartError) -> ApiError {
    let status = e.status();
    let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "TOO_LARGE" } else { "MALFORMED" };
    ApiError::new(status, code, e.body_text())
}

/// Puts one file of a form into a base.
pub async fn keep(api: &Api, tenant: &Tenant, base: KnowledgeBaseId, field: Field<'_>) -> ApiResult<Document> {
    let name = document_name(field.file_name())?;
    let content = field.map(|chunk| chunk.map_err(|e| unreadable(&e)));
    files::keep(api, tenant, base, name, content).await
}

/// Only the last part of a path counts, and nothing unprintable.
fn document_name(given: Option<&str>) -> ApiResult<String> {
    let last = given.unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).collect();
    let name = name.trim();
    if name.is_empty() || name == "." || name == ".." || name.chars().count() > LONGEST_NAME {
        return Err(ApiError::invalid("file", format!("needs a file name of 1 to {LONGEST_NAME} characters")));
    }
    Ok(name.to_owned())
}

pub async fn remove(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Deleted>> {
    let id = id.parse::<DocumentId>()?;
    delete(&api, &tenant, id).await?;
    ok(Deleted::of(id))
}

/// First the passages, then the row, then the bytes: a repeat finishes what a failure interrupted.
pub async fn delete(api: &Api, tenant: &Tenant, id: DocumentId) -> ApiResult<()> {
    let document = tenant.store.document(id).await?;
    api.pipeline.forget(tenant.id, document.base, document.id).await?;
    let document = tenant.store.delete_document(document.id).await?;
    // An ingestion that was under way may have written once more in between.
    api.pipeline.forget(tenant.id, document.base, document.id).await?;
    files::forget(api, tenant, &document.path).await;
    Ok(())
}

pub async fn process(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    tenant.store.requeue_document(id.parse::<DocumentId>()?).await?;
    api.node.wake_ingestion();
    show_one(&tenant, &id).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_part_of_a_path_names_a_document() {
        assert_eq!(document_name(Some("../../etc/passwd")).expect("a name"), "passwd");
        assert_eq!(document_name(Some("C:\\docs\\Menü été.pdf")).expect("a name"), "Menü été.pdf");
        for bad in [None, Some(""), Some(".."), Some("a/"), Some("\u{7}")] {
            assert!(document_name(bad).is_err(), "{bad:?}");
        }
    }
}
