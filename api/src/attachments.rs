//! Files that people sent: brought from their provider after the message was taken in, kept like documents, read back for
//! the team.
//!
//! On each node one loop leases the file that waits longest, asks its channel's driver for it, and writes down what came of
//! it. What a payload calls the address of a file is read past the same guard as any address that somebody names.

use crate::{
    endpoints::chat::WEBCHAT,
    error::{ApiError, ApiResult},
    state::Api,
    uploads,
};
use colloquy_domain::{
    channel::Fetched,
    failure::Failure,
    ids::{AttachmentId, TenantId},
    ports::StoreError,
    time::Timestamp,
};
use colloquy_store::{Attachment, Brought, Store, TenantStore};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{fs, task::JoinSet};

/// How often the store is asked when no file waits.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longer than a file takes at its slowest.
const LEASE: Duration = Duration::from_secs(300);
/// Files that one node brings at a time.
const AT_ONCE: usize = 4;
const TRIES: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_secs(10);

/// Bytes that a file of this kind may have.
pub const fn most(media: &str) -> u64 {
    match media.as_bytes() {
        b"image" => 5 << 20,
        b"video" | b"audio" => 16 << 20,
        _ => 100 << 20,
    }
}

/// Brings what there is, for ever.
pub async fn run(api: Arc<Api>) {
    // They end with this loop.
    let mut at_work = JoinSet::new();
    loop {
        while at_work.try_join_next().is_some() {}
        if at_work.len() >= AT_ONCE {
            at_work.join_next().await;
        }
        match api.store.installation().lease_attachment(LEASE).await {
            Ok(Some(attachment)) => {
                at_work.spawn(serve(Arc::clone(&api), attachment));
            }
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Err(e) => {
                tracing::warn!(error = %e, "attachments not looked up");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

async fn serve(api: Arc<Api>, attachment: Attachment) {
    let (tenant, id) = (attachment.tenant, attachment.id);
    let brought = match bring(&api, &attachment).await {
        Ok(brought) => brought,
        Err(failure) => unbrought(&attachment, &failure, api.clock.now()),
    };
    if let Brought::Refused { cause } = &brought {
        tracing::warn!(tenant.id = %tenant, attachment.id = %id, failure.code = cause, "attachment refused");
    }
    let over = !matches!(brought, Brought::Again { .. });
    if let Err(e) = api.store.tenant(tenant).settle_attachment(id, brought).await {
        // The lease runs out, and it is tried again.
        tracing::warn!(tenant.id = %tenant, attachment.id = %id, error = %e, "attachment not settled");
    } else if over && is_webchat(&api, &attachment).await {
        drop_file(&api, tenant, &attachment.reference).await;
    }
}

/// Whether the file came to us and not to a provider.
async fn is_webchat(api: &Api, attachment: &Attachment) -> bool {
    matches!(api.channels.account(attachment.channel).await, Ok(Some(account)) if account.kind == WEBCHAT)
}

fn unbrought(attachment: &Attachment, failure: &Failure, now: Timestamp) -> Brought {
    let cause = failure.code.clone();
    if !failure.is_retry() || attachment.attempts >= TRIES {
        return Brought::Refused { cause };
    }
    let wait = FIRST_WAIT.saturating_mul(1 << attachment.attempts.saturating_sub(1).min(10));
    Brought::Again { at: now + wait, cause }
}

async fn bring(api: &Api, attachment: &Attachment) -> Result<Brought, Failure> {
    let store = |e: StoreError| Failure::retry("attachment.store", e.to_string());
    let gone = || Failure::reject("attachment.no_channel", "the channel is gone");
    let account = api.channels.account(attachment.channel).await.map_err(store)?.ok_or_else(gone)?;
    let driver = api.channels.driver(&account.kind).ok_or_else(gone)?;
    let most = most(&attachment.media);
    let (bytes, mime) = if account.kind == WEBCHAT {
        (uploads::bring(api, attachment).await?, None)
    } else {
        match driver.fetch(&account, &attachment.reference, most).await? {
            Fetched::File { bytes, mime } => (bytes, mime),
            Fetched::At(url) => {
                let response = api.sources.file(&url, most).await?;
                (response.body, Some(response.content_type).filter(|t| !t.is_empty()))
            }
        }
    };
    let mime = mime.as_deref().map(plain).or_else(|| attachment.mime.as_deref().map(plain));
    if !fits(&attachment.media, mime.as_deref()) {
        return Err(Failure::reject("attachment.type", "the file is of another type than the message said"));
    }
    put(api, attachment.tenant, &shared_name(attachment.id), &bytes).await?;
    let (size, sha256) = (bytes.len() as u64, hex::encode(Sha256::digest(&bytes)));
    Ok(Brought::Kept { size, sha256, mime })
}

/// Without parameters, in lower case.
fn plain(mime: &str) -> String {
    mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether what came is what the message said. Servers that do not say are believed.
fn fits(media: &str, mime: Option<&str>) -> bool {
    let Some(mime) = mime.filter(|m| *m != "application/octet-stream" && !m.is_empty()) else { return true };
    match media {
        "image" => mime.starts_with("image/") && mime != "image/svg+xml",
        "video" => mime.starts_with("video/"),
        // Voice notes come in the container of a video, too.
        "audio" => mime.starts_with("audio/") || matches!(mime, "video/mp4" | "video/webm" | "application/ogg"),
        _ => true,
    }
}

fn place(files: &Path, tenant: TenantId, name: &str) -> PathBuf {
    files.join(tenant.to_string()).join(name)
}

pub(crate) fn shared_name(id: AttachmentId) -> String {
    format!("attachment-{id}")
}

/// Keeps a file of a tenant under a name.
///
/// # Errors
/// Retry: the store's, or the disk's.
pub async fn put(api: &Api, tenant: TenantId, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    if api.store.keeps_files() {
        let store = |e: StoreError| Failure::retry("attachment.store", e.to_string());
        let rows = api.store.tenant(tenant);
        for (part, content) in (0_u32..).zip(bytes.chunks(TenantStore::PART)) {
            rows.put_file_part(name, part, content.to_vec()).await.map_err(store)?;
        }
        return Ok(());
    }
    let disk = |e: std::io::Error| Failure::retry("attachment.disk", e.to_string());
    let path = place(&api.options.files, tenant, name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).await.map_err(disk)?;
    }
    fs::write(&path, bytes).await.map_err(disk)
}

/// The file that a tenant has under a name; `None` if it is gone.
///
/// # Errors
/// The store's.
pub async fn get(api: &Api, tenant: TenantId, name: &str) -> ApiResult<Option<Vec<u8>>> {
    Ok(kept(&api.store, &api.options.files, tenant, name).await?)
}

/// As [`get`], for who has only the store and the folder.
///
/// # Errors
/// The store's.
pub async fn kept(store: &Store, files: &Path, tenant: TenantId, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    if !store.keeps_files() {
        return Ok(fs::read(place(files, tenant, name)).await.ok());
    }
    let rows = store.tenant(tenant);
    let mut bytes = Vec::new();
    for part in 0.. {
        match rows.file_part(name, part).await? {
            Some(content) => bytes.extend_from_slice(&content),
            None => break,
        }
    }
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// The bytes of a file that was kept.
///
/// # Errors
/// 404 if they are gone, or the store's.
pub async fn read(api: &Api, attachment: &Attachment) -> ApiResult<Vec<u8>> {
    let bytes = get(api, attachment.tenant, &shared_name(attachment.id)).await?;
    bytes.ok_or_else(|| ApiError::not_found("attachment"))
}

/// Forgets a file that came with a message.
pub async fn forget(api: &Api, tenant: TenantId, id: AttachmentId) {
    drop_file(api, tenant, &shared_name(id)).await;
}

/// A file that stays behind is waste, not harm.
pub async fn drop_file(api: &Api, tenant: TenantId, name: &str) {
    let removed = if api.store.keeps_files() {
        api.store.tenant(tenant).remove_file(name).await.map_err(|e| e.to_string())
    } else {
        fs::remove_file(place(&api.options.files, tenant, name)).await.map_err(|e| e.to_string())
    };
    if let Err(error) = removed {
        tracing::warn!(tenant.id = %tenant, file = name, error, "attachment's file not removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_its_message_said() {
        for (media, mime) in
            [("image", "image/jpeg"), ("audio", "audio/ogg"), ("audio", "video/mp4"), ("document", "x/y")]
        {
            assert!(fits(media, Some(mime)), "{media} {mime}");
        }
        for (media, mime) in [("image", "text/html"), ("image", "image/svg+xml"), ("video", "image/png")] {
            assert!(!fits(media, Some(mime)), "{media} {mime}");
        }
        assert!(fits("image", None) && fits("image", Some("application/octet-stream")));
        assert_eq!(plain("Audio/OGG; codecs=opus"), "audio/ogg");
        assert!(most("image") < most("audio") && most("audio") < most("document"));
    }
}
