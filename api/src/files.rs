//! Bytes of documents: where they lie, and how they get there.

use crate::{
    auth::Tenant,
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::{body::Bytes, http::StatusCode};
use colloquy_domain::ids::{KnowledgeBaseId, TenantId};
use colloquy_store::{Document, NewDocument, TenantStore};
use futures::{Stream, StreamExt};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncWriteExt},
};

/// Writes the content to a file of its own, then puts it into the queue; the old content's file goes.
pub async fn keep(
    api: &Api,
    tenant: &Tenant,
    base: KnowledgeBaseId,
    name: String,
    content: impl Stream<Item = ApiResult<Bytes>> + Unpin,
) -> ApiResult<Document> {
    let path = place(api, tenant.id, &name);
    let written = write(&path, content).await;
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
    let kept = new.path.clone();
    let stored = match tenant.store.put_document(new).await {
        Err(e) if !e.is_retry() => {
            forget(api, tenant, &kept).await;
            return Err(e.into());
        }
        stored => stored?,
    };
    if let Some(old) = stored.replaced {
        forget(api, tenant, &old).await;
    }
    Ok(stored.document)
}

/// Brings the upload to where all nodes find it.
async fn share(tenant: &Tenant, path: &Path) -> ApiResult<()> {
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
fn shared_name(path: &Path) -> String {
    path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A file that stays behind is waste, not harm.
pub async fn forget(api: &Api, tenant: &Tenant, path: &PathBuf) {
    if !api.store.keeps_files() {
        return remove_file(path).await;
    }
    if let Err(e) = tenant.store.remove_file(&shared_name(path)).await {
        tracing::warn!(tenant.id = %tenant.id, error = %e, "old file not removed");
    }
}

/// A new path under the tenant's folder; the name's ending stays, because it tells the format.
fn place(api: &Api, tenant: TenantId, name: &str) -> PathBuf {
    let ending: String = name.rsplit_once('.').map(|(_, e)| e).unwrap_or_default().chars().take(10).collect();
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).collect();
    let file = format!("{}.{}", api.ids.uuid(), if ending.is_empty() { "bin" } else { &ending });
    api.options.files.join(tenant.to_string()).join(file)
}

async fn write(
    path: &PathBuf,
    mut content: impl Stream<Item = ApiResult<Bytes>> + Unpin,
) -> ApiResult<(u64, [u8; 32])> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.map_err(disk)?;
    }
    let mut file = fs::File::create_new(path).await.map_err(disk)?;
    let (mut size, mut hash) = (0_u64, Sha256::new());
    while let Some(chunk) = content.next().await {
        let chunk = chunk?;
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
