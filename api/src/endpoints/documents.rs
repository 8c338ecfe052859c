//! `GET/POST /api/documents`, `GET/DELETE /api/documents/{id}`, `POST /api/documents/{id}/process`.

use super::knowledge_bases::valid_name;
use crate::{
    auth::Tenant,
    body::PageOf,
    error::{ApiError, ApiResult, created, ok},
    page::list as page,
    state::Api,
    time::rfc3339,
};
use axum::{
    extract::{
        Multipart, Path, Query, State,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};
use colloquy_domain::{
    ids::{DocumentId, KnowledgeBaseId, TenantId},
    knowledge::{DocumentStatus, PageReport},
};
use colloquy_store::{Document, NewDocument, Page, PageRequest, TenantStore};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{collections::HashMap, path::PathBuf, sync::Arc};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncWriteExt},
};

/// The knowledge base of uploads that name none.
const DEFAULT_BASE: &str = "default";
/// Characters that a document's name may have.
const LONGEST_NAME: usize = 255;

#[derive(Serialize)]
struct Out {
    id: String,
    name: String,
    kb: String,
    status: &'static str,
    cause: Option<Cause>,
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

#[derive(Serialize)]
struct Cause {
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

#[derive(Deserialize)]
pub struct Filter {
    kb: Option<String>,
}

pub async fn list(State(_): State<Arc<Api>>, tenant: Tenant, Query(filter): Query<Filter>, at: PageOf) -> ApiResult {
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
    let document = tenant.store.document(id.parse::<DocumentId>()?).await?;
    let kb = name_of(tenant, document.base).await?;
    ok(show(document, &kb))
}

pub async fn show_document(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    show_one(&tenant, &id).await
}

pub async fn upload(State(api): State<Arc<Api>>, tenant: Tenant, mut form: Multipart) -> ApiResult {
    let mut kb = DEFAULT_BASE.to_owned();
    let mut documents = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|e| unreadable(&e))? {
        match field.name() {
            Some("kb") => {
                let text = field.text().await.map_err(|e| unreadable(&e))?;
                valid_name("kb", &text)?.clone_into(&mut kb);
            }
            Some("file" | "files") => {
                let base = tenant.store.ensure_knowledge_base(&kb).await?.id;
                let document = keep(&api, &tenant, base, field).await?;
                documents.push(show(document, &kb));
            }
            other => {
                let name = other.unwrap_or("(unnamed)").to_owned();
                return Err(ApiError::invalid(name, "unknown field: there are `kb`, then `file`"));
            }
        }
    }
    if documents.is_empty() {
        return Err(ApiError::invalid("file", "at least one file is needed"));
    }
    api.node.wake_ingestion();
    created(json!({ "documents": documents }))
}

fn unreadable(e: &MultipartError) -> ApiError {
    let status = e.status();
    let code = if status == StatusCode::PAYLOAD_TOO_LARGE { "TOO_LARGE" } else { "MALFORMED" };
    ApiError::new(status, code, e.body_text())
}

/// Writes the upload to a file of its own, then puts it into the queue; the old content's file goes.
async fn keep(api: &Api, tenant: &Tenant, base: KnowledgeBaseId, field: Field<'_>) -> ApiResult<Document> {
    let name = document_name(field.file_name())?;
    let path = place(api, tenant.id, &name);
    let written = write(&path, field).await;
    let (size, sha256) = match written {
        Ok(written) => written,
        Err(e) => {
            // Half a file helps nobody.
            let _ = fs::remove_file(&path).await;
            return Err(e);
        }
    };
    if api.store.keeps_files() {
        let shared = share(tenant, &path).await;
        remove_file(&path).await;
        shared?;
    }
    let new = NewDocument { base, name, size, sha256, path };
    let stored = tenant.store.put_document(new).await?;
    if let Some(old) = stored.replaced {
        forget_file(api, tenant, &old).await;
    }
    Ok(stored.document)
}

/// Brings the upload to where all nodes find it.
async fn share(tenant: &Tenant, path: &std::path::Path) -> ApiResult<()> {
    let name = shared_name(path);
    let mut file = fs::File::open(path).await.map_err(disk)?;
    for part in 0.. {
        let mut content = Vec::with_capacity(TenantStore::PART);
        (&mut file).take(TenantStore::PART as u64).read_to_end(&mut content).await.map_err(disk)?;
        if content.is_empty() {
            break;
        }
        tenant.store.put_file_part(&name, part, content).await?;
    }
    Ok(())
}

/// What a file is called in the database: its own name, which no other has.
pub fn shared_name(path: &std::path::Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A file that stays behind is waste, not harm.
async fn forget_file(api: &Api, tenant: &Tenant, path: &PathBuf) {
    if !api.store.keeps_files() {
        return remove_file(path).await;
    }
    if let Err(e) = tenant.store.remove_file(&shared_name(path)).await {
        tracing::warn!(tenant.id = %tenant.id, error = %e, "old file not removed");
    }
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

/// A new path under the tenant's folder; the name's ending stays, because it tells the format.
fn place(api: &Api, tenant: TenantId, name: &str) -> PathBuf {
    let ending: String = name.rsplit_once('.').map(|(_, e)| e).unwrap_or_default().chars().take(10).collect();
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = format!("{}.{}", api.ids.uuid(), if ending.is_empty() { "bin" } else { &ending });
    api.options.files.join(tenant.to_string()).join(file)
}

async fn write(path: &PathBuf, mut field: Field<'_>) -> ApiResult<(u64, [u8; 32])> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.map_err(disk)?;
    }
    let mut file = fs::File::create_new(path).await.map_err(disk)?;
    let (mut size, mut hash) = (0_u64, Sha256::new());
    while let Some(chunk) = field.chunk().await.map_err(|e| unreadable(&e))? {
        size += chunk.len() as u64;
        hash.update(&chunk);
        file.write_all(&chunk).await.map_err(disk)?;
    }
    file.sync_all().await.map_err(disk)?;
    Ok((size, hash.finalize().into()))
}

fn disk(e: std::io::Error) -> ApiError {
    tracing::error!(error = %e, "upload not written");
    ApiError::new(StatusCode::INSUFFICIENT_STORAGE, "STORAGE", "the file could not be stored")
}

async fn remove_file(path: &PathBuf) {
    match fs::remove_file(path).await {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => tracing::warn!(error = %e, "old file not removed"),
        _ => {}
    }
}

/// First the passages, then the row, then the bytes: a repeat finishes what a failure interrupted.
pub async fn remove(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let document = tenant.store.document(id.parse::<DocumentId>()?).await?;
    api.pipeline.forget(tenant.id, document.base, document.id).await?;
    let document = tenant.store.delete_document(document.id).await?;
    // An ingestion that was under way may have written once more in between.
    api.pipeline.forget(tenant.id, document.base, document.id).await?;
    forget_file(&api, &tenant, &document.path).await;
    ok(json!({ "id": document.id.to_string(), "deleted": true }))
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
