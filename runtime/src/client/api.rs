//! The HTTP client of our own API: one envelope, one error.

use super::{
    events::Events,
    types::{Document, Documents},
};
use colloquy_domain::channel::Secret;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    multipart::{Form, Part},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

/// The server is on this machine.
const CONNECT: Duration = Duration::from_secs(5);
/// Rows that the server gives at once.
const PAGE: usize = 100;

/// The server's API, with the key of its data folder.
#[derive(Clone)]
pub struct Api {
    http: Client,
    url: String,
    key: Secret,
}

/// What went wrong with a call.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server's own word.
    #[error("{message}{}{}", fields(.details), request(.request_id.as_deref()))]
    Refused { status: StatusCode, code: String, message: String, details: Vec<Detail>, request_id: Option<String> },
    #[error("the server at {url} cannot be reached: {cause}")]
    Unreachable { url: String, cause: String },
    /// An answer in another shape than ours.
    #[error("the server answered {status} with something unexpected: {cause}")]
    Strange { status: StatusCode, cause: String },
    #[error("cannot read {path}: {cause}")]
    File { path: String, cause: std::io::Error },
}

/// What is wrong with one field.
#[derive(Debug, Clone, Deserialize)]
pub struct Detail {
    pub field: String,
    pub message: String,
}

fn fields(details: &[Detail]) -> String {
    details.iter().map(|d| format!("\n  {}: {}", d.field, d.message)).collect()
}

fn request(id: Option<&str>) -> String {
    id.map_or_else(String::new, |id| format!(" (request {id})"))
}

impl ApiError {
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::NOT_FOUND, .. })
    }

    /// `area.cause`, for results that programs read.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Refused { code, .. } => format!("upload.{}", code.to_ascii_lowercase()),
            Self::Unreachable { .. } => "upload.unreachable".to_owned(),
            Self::Strange { .. } => "upload.unexpected".to_owned(),
            Self::File { .. } => "upload.unreadable".to_owned(),
        }
    }
}

#[derive(Deserialize)]
struct Success<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refusal {
    code: String,
    message: String,
    #[serde(default)]
    details: Vec<Detail>,
    request_id: Option<String>,
}

impl Api {
    /// A client of the server at `url` (without a slash at the end).
    ///
    /// # Errors
    /// The machine has no usable HTTP client.
    pub fn new(url: &str, key: Secret) -> Result<Self, ApiError> {
        // Never through a proxy of the environment: the server is on this machine.
        let http = Client::builder().no_proxy().connect_timeout(CONNECT).build();
        let http = http.map_err(|e| unreachable(url, e))?;
        Ok(Self { http, url: url.to_owned(), key })
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(self.key.expose())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ApiError> {
        request.send().await.map_err(|e| unreachable(&self.url, e))
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let response = self.send(request).await?;
        let status = response.status();
        let bytes = response.bytes().await.map_err(|e| unreachable(&self.url, e))?;
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        match serde_json::from_slice::<Success<T>>(&bytes) {
            Ok(success) => Ok(success.data),
            Err(e) => Err(ApiError::Strange { status, cause: e.to_string() }),
        }
    }

    /// One answer's data.
    ///
    /// # Errors
    /// See [`ApiError`]; so for all calls.
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, ApiError> {
        self.call(self.request(Method::GET, path).query(query)).await
    }

    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        self.call(self.request(Method::POST, path).json(body)).await
    }

    pub async fn patch<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ApiError> {
        self.call(self.request(Method::PATCH, path).json(body)).await
    }

    /// All rows of a list, page after page; `field` is the list's name in the answer.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        field: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ApiError> {
        let strange = |cause: String| ApiError::Strange { status: StatusCode::OK, cause };
        let mut rows = Vec::new();
        for page in 1_u32.. {
            let (limit, page) = (PAGE.to_string(), page.to_string());
            let query: Vec<_> = query.iter().copied().chain([("limit", &*limit), ("page", &*page)]).collect();
            let mut answer: serde_json::Value = self.get(path, &query).await?;
            let found: Vec<T> = serde_json::from_value(answer[field].take()).map_err(|e| strange(e.to_string()))?;
            let last = found.len() < PAGE;
            rows.extend(found);
            if last {
                break;
            }
        }
        Ok(rows)
    }

    /// Whatever is said on success is not of interest.
    pub async fn delete(&self, path: &str) -> Result<(), ApiError> {
        let response = self.send(self.request(Method::DELETE, path)).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        Err(refused(status, &response.bytes().await.unwrap_or_default()))
    }

    /// The health report, of whatever shape; an unhealthy server still reports.
    pub async fn health(&self) -> Result<serde_json::Value, ApiError> {
        let response = self.send(self.request(Method::GET, "/health").timeout(CONNECT)).await?;
        let status = response.status();
        response.json().await.map_err(|e| ApiError::Strange { status, cause: e.to_string() })
    }

    /// Posts to a channel's webhook, as its provider does: without our key. Any status is a result.
    pub async fn webhook(
        &self,
        channel: &str,
        headers: &BTreeMap<String, String>,
        body: Vec<u8>,
    ) -> Result<StatusCode, ApiError> {
        let mut request = self.http.post(format!("{}/webhooks/{channel}", self.url));
        request = headers.iter().fold(request, |r, (name, value)| r.header(name, value));
        Ok(self.send(request.header("content-type", "application/json").body(body)).await?.status())
    }

    /// Uploads one file under `name`, streamed from the disk.
    pub async fn upload(&self, kb: &str, name: &str, path: &Path) -> Result<Document, ApiError> {
        let unreadable = |cause| ApiError::File { path: path.display().to_string(), cause };
        let part = Part::file(path).await.map_err(unreadable)?;
        self.upload_part(kb, name, part).await
    }

    /// Uploads one text.
    pub async fn upload_text(
        &self,
        kb: &str,
        name: &str,
        text: impl Into<Cow<'static, str>>,
    ) -> Result<Document, ApiError> {
        self.upload_part(kb, name, Part::text(text)).await
    }

    async fn upload_part(&self, kb: &str, name: &str, part: Part) -> Result<Document, ApiError> {
        let form = Form::new().text("kb", kb.to_owned()).part("file", part.file_name(name.to_owned()));
        let answer: Documents = self.call(self.request(Method::POST, "/api/documents").multipart(form)).await?;
        let cause = || "no document in the answer".to_owned();
        answer
            .documents
            .into_iter()
            .next()
            .ok_or_else(|| ApiError::Strange { status: StatusCode::CREATED, cause: cause() })
    }

    /// Proposes files, under their names, for a knowledge base.
    pub async fn propose<T: DeserializeOwned>(
        &self,
        base: &str,
        questions: u32,
        files: &[(String, PathBuf)],
    ) -> Result<T, ApiError> {
        let mut form = Form::new().text("questions", questions.to_string());
        for (name, path) in files {
            let unreadable = |cause| ApiError::File { path: path.display().to_string(), cause };
            form = form.part("file", Part::file(path).await.map_err(unreadable)?.file_name(name.clone()));
        }
        self.call(self.request(Method::POST, &format!("/api/knowledge-bases/{base}/proposals")).multipart(form)).await
    }

    /// Posts and follows the server-sent events of the answer.
    pub async fn stream(&self, path: &str, body: &impl Serialize) -> Result<Events, ApiError> {
        let request = self.request(Method::POST, path).header("accept", "text/event-stream").json(body);
        let response = self.send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(Events::new(response, self.url.clone()));
        }
        Err(refused(status, &response.bytes().await.unwrap_or_default()))
    }
}

fn refused(status: StatusCode, body: &[u8]) -> ApiError {
    match serde_json::from_slice::<Refusal>(body) {
        Ok(Refusal { code, message, details, request_id }) => {
            // The server's message already names the fields when there are details.
            let details = if details.iter().all(|d| message.contains(&d.message)) { Vec::new() } else { details };
            ApiError::Refused { status, code, message, details, request_id }
        }
        Err(_) => ApiError::Strange { status, cause: "not our envelope".to_owned() },
    }
}

pub(super) fn unreachable(url: &str, error: reqwest::Error) -> ApiError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    // The innermost says what happened ("connection refused"); the outer ones only where.
    while let Some(source) = cause.source() {
        cause = source;
    }
    ApiError::Unreachable { url: url.to_owned(), cause: cause.to_string() }
}
