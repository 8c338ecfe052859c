//! `POST /api/chat/files`: a file that somebody sends in a web chat whose channel takes files (its setting `files`). It goes
//! on as `POST /api/chat`: the agent is told that there is a file, people of the team open it.

use super::{
    chat::{self, Caller},
    documents::unreadable,
};
use crate::{
    error::{ApiError, ApiResult},
    exchange::Exchange,
    peer::Peer,
    state::Api,
    uploads,
};
use axum::{
    extract::{FromRequest, Multipart, Request, State},
    http::StatusCode,
};
use colloquy_domain::{
    channel::ChannelAccount,
    message::{Content, MediaKind},
    rate::Rate,
};
use schemars::JsonSchema;
use std::sync::Arc;

/// With the fields around the file.
pub const BODY_LIMIT: usize = uploads::LARGEST + 64 * 1024;
/// Characters of a file's name.
const LONGEST_NAME: usize = 200;

/// A file, after the fields of `POST /api/chat` that go with it; `message` may be absent.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes the form, which is read as a stream")]
pub struct Form {
    message: Option<String>,
    session: Option<String>,
    message_id: Option<String>,
    channel: Option<String>,
    agent: Option<String>,
    stream: Option<bool>,
    #[schemars(extend("contentMediaType" = "application/octet-stream"))]
    file: String,
}

/// A file of a kind that is taken.
struct Upload {
    name: String,
    media: MediaKind,
    mime: &'static str,
    bytes: Vec<u8>,
}

pub async fn post(State(api): State<Arc<Api>>, caller: Caller, from: Peer, request: Request) -> ApiResult {
    // A file costs more than words.
    caller.count(&api, Rate::Upload, from)?;
    let headers = request.headers().clone();
    let mut form =
        Multipart::from_request(request, &api).await.map_err(|e| ApiError::invalid("body", e.body_text()))?;
    let (mut said, mut upload) = (chat::Request::default(), None);
    while let Some(field) = form.next_field().await.map_err(|e| unreadable(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "file" {
            let file = field.file_name().unwrap_or_default().to_owned();
            let bytes = field.bytes().await.map_err(|e| unreadable(&e))?;
            upload = Some(checked(&file, bytes.into())?);
            continue;
        }
        let text = field.text().await.map_err(|e| unreadable(&e))?;
        match name.as_str() {
            "message" => said.message = text,
            "session" => said.session = Some(text),
            "message_id" => said.message_id = Some(text),
            "channel" => said.channel = Some(text),
            "agent" => said.agent = Some(text),
            "stream" => said.stream = text == "true",
            _ => return Err(ApiError::invalid(name, "unknown field")),
        }
    }
    let upload = upload.ok_or_else(|| ApiError::invalid("file", "a file is needed"))?;
    chat::check(&said, false)?;
    let account = chat::account(&api, caller, &said).await?;
    if account.setting("files") != Some("true") {
        return Err(ApiError::forbidden("this channel takes no files"));
    }
    let stream = said.stream;
    let asked = accept(api, &account, said, upload).await?;
    chat::answer(asked, &headers, stream).await
}

fn checked(name: &str, bytes: Vec<u8>) -> ApiResult<Upload> {
    let name: String =
        name.rsplit(['/', '\\']).next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    if name.chars().count() > LONGEST_NAME {
        return Err(ApiError::invalid("file", format!("its name must have at most {LONGEST_NAME} characters")));
    }
    let Some((media, mime)) = uploads::kind(&name, &bytes).filter(|_| !bytes.is_empty()) else {
        return Err(ApiError::invalid("file", format!("must be one of {}, and be what it says", uploads::endings())));
    };
    if bytes.len() > uploads::LARGEST || bytes.len() as u64 > crate::attachments::most(media.file_kind()) {
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", "file: is too large"));
    }
    Ok(Upload { name, media, mime, bytes })
}

/// Keeps the file, then logs its message. A message that is there already has its file.
async fn accept(api: Arc<Api>, account: &ChannelAccount, said: chat::Request, upload: Upload) -> ApiResult<Exchange> {
    let (session, message_id) = chat::names(&api, &said);
    let file = uploads::name_of(account, &session, &message_id);
    let known = api.store.tenant(account.tenant).received(account.id, &format!("{session}:{message_id}")).await?;
    if known.is_none() {
        uploads::keep(&api, account, &file, &upload.bytes).await?;
    }
    let content = Content::Media {
        media: upload.media,
        caption: Some(said.message).filter(|m| !m.trim().is_empty()),
        reference: Some(file),
        mime: Some(upload.mime.to_owned()),
        name: Some(upload.name),
    };
    // The file stays also if this fails: the message may be in the log all the same, and whoever sends it again writes the same.
    chat::begin(api, account, (session, message_id), None, content).await
}
