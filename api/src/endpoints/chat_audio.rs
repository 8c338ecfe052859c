//! `POST /api/chat/audio`: what was said is written down, then goes on as `POST /api/chat`.

use super::{
    chat::{self, Caller},
    documents::unreadable,
};
use crate::{
    error::{ApiError, ApiResult},
    peer::Peer,
    state::Api,
};
use axum::{
    extract::{FromRequest, Multipart, Request, State},
    http::StatusCode,
};
use colloquy_domain::{agent::Refusal, ids::TenantId, language::Language, model::Recording, rate::Rate};
use schemars::JsonSchema;
use std::{sync::Arc, time::Duration};

/// Bytes of a recording; what OpenAI takes.
const LARGEST: usize = 25 * 1024 * 1024;
/// With the fields around it.
pub const BODY_LIMIT: usize = LARGEST + 64 * 1024;
/// When somebody may have configured what is missing.
const LATER: Duration = Duration::from_secs(300);

/// The formats that transcription endpoints take, as files are called and as browsers name them.
const FORMATS: [(&str, &str); 12] = [
    ("webm", "audio/webm"),
    ("webm", "video/webm"),
    ("ogg", "audio/ogg"),
    ("oga", "application/ogg"),
    ("mp3", "audio/mpeg"),
    ("mp3", "audio/mp3"),
    ("m4a", "audio/mp4"),
    ("m4a", "audio/x-m4a"),
    ("mp4", "video/mp4"),
    ("wav", "audio/wav"),
    ("wav", "audio/x-wav"),
    ("flac", "audio/flac"),
];

/// A recording, after the fields of `POST /api/chat` that go with it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes the form, which is read as a stream")]
pub struct Form {
    session: Option<String>,
    message_id: Option<String>,
    channel: Option<String>,
    agent: Option<String>,
    stream: Option<bool>,
    /// `en` or `fr`; it is heard if it is absent.
    language: Option<String>,
    #[schemars(extend("contentMediaType" = "application/octet-stream"))]
    audio: String,
}

pub async fn post(State(api): State<Arc<Api>>, caller: Caller, from: Peer, request: Request) -> ApiResult {
    // Listening costs more than words.
    caller.count(&api, Rate::Upload, from)?;
    let headers = request.headers().clone();
    let mut form =
        Multipart::from_request(request, &api).await.map_err(|e| ApiError::invalid("body", e.body_text()))?;
    let mut said = chat::Request::default();
    let (mut recording, mut language) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|e| unreadable(&e))? {
        let name = field.name().unwrap_or_default().to_owned();
        if matches!(name.as_str(), "audio" | "file") {
            let (file, mime) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
            let content = field.bytes().await.map_err(|e| unreadable(&e))?;
            recording = Some(checked(&name, file.as_deref(), mime.as_deref(), content.into())?);
            continue;
        }
        let text = field.text().await.map_err(|e| unreadable(&e))?;
        match name.as_str() {
            "session" => said.session = Some(text),
            "message_id" => said.message_id = Some(text),
            "channel" => said.channel = Some(text),
            "agent" => said.agent = Some(text),
            "stream" => said.stream = text == "true",
            "language" => {
                let wrong = || ApiError::invalid("language", "must be `en` or `fr`");
                language = Some(Language::from_tag(&text).ok_or_else(wrong)?);
            }
            _ => return Err(ApiError::invalid(name, "unknown field")),
        }
    }
    let recording = recording.ok_or_else(|| ApiError::invalid("audio", "a recording is needed"))?;
    chat::check(&said, false)?;
    let account = chat::account(&api, caller, &said).await?;
    affordable(&api, account.tenant).await?;
    said.message = words(&api, Recording { language, ..recording }).await?;
    chat::say_to(api, &account, &headers, said).await
}

/// Nothing is listened to that nobody may answer.
async fn affordable(api: &Api, tenant: TenantId) -> ApiResult<()> {
    const STATUS: StatusCode = StatusCode::PAYMENT_REQUIRED;
    match api.store.tenant(tenant).barred(api.clock.now()).await? {
        None => Ok(()),
        Some(Refusal::PlanExhausted) => {
            Err(ApiError::new(STATUS, "PLAN_LIMIT", "the plan's messages of the month are used up"))
        }
        Some(_) => Err(ApiError::new(STATUS, "BUDGET_SPENT", "the budget of the month is spent")),
    }
}

/// A recording of a format that can be listened to.
fn checked(field: &str, name: Option<&str>, mime: Option<&str>, content: Vec<u8>) -> ApiResult<Recording> {
    if content.is_empty() {
        return Err(ApiError::invalid(field, "is empty"));
    }
    if content.len() > LARGEST {
        let message = format!("{field}: must have at most {LARGEST} bytes");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message));
    }
    let plain = mime.map(|m| m.split(';').next().unwrap_or(m).trim().to_ascii_lowercase());
    let ending = name.and_then(|n| n.rsplit_once('.')).map(|(_, ending)| ending.to_ascii_lowercase());
    let by_mime = FORMATS.iter().find(|(_, m)| Some(*m) == plain.as_deref());
    let by_name = FORMATS.iter().find(|(e, _)| Some(*e) == ending.as_deref());
    let Some((ending, mime)) = by_mime.or(by_name) else {
        let message = format!("{field}: must be webm, ogg, mp3, m4a, mp4, wav or flac");
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message));
    };
    Ok(Recording { name: format!("recording.{ending}"), mime: Some((*mime).to_owned()), content, language: None })
}

async fn words(api: &Api, recording: Recording) -> ApiResult<String> {
    let said = api.model.transcribe(recording).await.map_err(|failure| {
        if failure.code == "model.not_configured" {
            let message = "nothing that can listen is configured: set OPENAI_API_KEY or OPENAI_BASE_URL";
            return ApiError::unavailable("TRANSCRIPTION_NOT_CONFIGURED", message, LATER);
        }
        ApiError::from(failure)
    })?;
    let words = said.text;
    if words.trim().is_empty() { Err(ApiError::invalid("audio", "nothing was said in it")) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // req: S0-CHAT-2
    #[test]
    fn formats_are_known_by_their_type_or_their_name() {
        let name = |name, mime| checked("audio", name, mime, vec![1]).map(|r| r.name);
        assert_eq!(name(None, Some("audio/webm;codecs=opus")).expect("webm"), "recording.webm");
        assert_eq!(name(Some("a.MP3"), Some("application/octet-stream")).expect("mp3"), "recording.mp3");
        assert_eq!(name(Some("a.txt"), Some("text/plain")).unwrap_err().status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(checked("audio", None, None, Vec::new()).unwrap_err().status, StatusCode::BAD_REQUEST);
        let large = checked("audio", Some("a.wav"), None, vec![0; LARGEST + 1]).unwrap_err();
        assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    }
}
