//! `GET /api/attachments/{id}`, `GET /api/attachments/{id}/content`: files that people sent.

use crate::{
    answer::Of,
    attachments,
    auth::Tenant,
    error::{ApiError, ApiResult, ok},
    state::Api,
};
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::IntoResponse,
};
use colloquy_domain::ids::AttachmentId;
use colloquy_store::{Attachment, AttachmentState};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

async fn find(tenant: &Tenant, id: &str) -> ApiResult<Attachment> {
    Ok(tenant.store.attachment(id.parse::<AttachmentId>()?).await?)
}

#[derive(Serialize, JsonSchema)]
pub struct Out {
    id: String,
    message: String,
    conversation: String,
    /// `image`, `video`, `audio` or `document`.
    media: String,
    mime: Option<String>,
    name: Option<String>,
    /// `waiting`, `kept` or `refused`.
    state: &'static str,
    size: Option<u64>,
    sha256: Option<String>,
    /// Code of the last failure.
    cause: Option<String>,
}

pub async fn show(State(_): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult<Of<Out>> {
    let a = find(&tenant, &id).await?;
    ok(Out {
        id: a.id.to_string(),
        message: a.message.to_string(),
        conversation: a.conversation.to_string(),
        media: a.media,
        mime: a.mime,
        name: a.name,
        state: a.state.name(),
        size: a.size,
        sha256: a.sha256,
        cause: a.cause,
    })
}

/// What strangers sent is never shown as a page: it is handed out to be saved.
pub async fn content(State(api): State<Arc<Api>>, tenant: Tenant, Path(id): Path<String>) -> ApiResult {
    let attachment = find(&tenant, &id).await?;
    if attachment.state != AttachmentState::Kept {
        return Err(ApiError::not_found("attachment"));
    }
    let bytes = attachments::read(&api, &attachment).await?;
    let kind = attachment.mime.as_deref().and_then(|m| HeaderValue::from_str(m).ok());
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
    ];
    Ok((headers, bytes).into_response())
}
