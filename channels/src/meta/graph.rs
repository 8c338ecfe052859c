use super::{Class, GraphError};
use crate::http::{Answer, Download, Downloaded, Http, NoAnswer, endpoint, redact};
use colloquy_domain::{
    channel::{ChannelAccount, Delivery, SendError},
    failure::Failure,
    time::Timestamp,
};
use reqwest::Url;
use serde_json::Value;

const DEFAULT_BASE: &str = "https://graph.facebook.com";
/// Where Meta keeps files.
const META_HOSTS: [&str; 4] = [".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net"];
const DEFAULT_VERSION: &str = "v26.0";

/// The Graph API, as one channel uses it.
#[derive(Debug, Clone)]
pub(crate) struct Graph {
    http: Http,
    channel: &'static str,
    classify: fn(&GraphError) -> Class,
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(crate) enum CallError {
    /// The account's settings do not make a call.
    Settings(Failure),
    NoAnswer(NoAnswer),
    /// It went through, but what came back is not the Graph API's: a gateway on the way, for instance.
    Unreadable(Failure),
    Graph(Class, Failure),
}

impl CallError {
    /// What it means for a message that was to be sent.
    pub(crate) fn send_error(self, channel: &str) -> SendError {
        match self {
            Self::Settings(f) | Self::Graph(Class::AccountDown(_), f) => SendError::AccountDown(f),
            Self::Graph(_, f) => SendError::Refused(f),
            Self::Unreadable(f) => SendError::Uncertain(f),
            Self::NoAnswer(n) => n.send_error(channel),
        }
    }

    /// What it means for a call that may be repeated.
    pub(crate) fn failure(self, channel: &str) -> Failure {
        match self {
            Self::Settings(f) | Self::Graph(_, f) | Self::Unreadable(f) => f,
            Self::NoAnswer(n) => n.failure(channel),
        }
    }
}

impl Graph {
    pub(crate) const fn new(http: Http, channel: &'static str, classify: fn(&GraphError) -> Class) -> Self {
        Self { http, channel, classify }
    }

    pub(crate) async fn post(&self, account: &ChannelAccount, path: &[&str], body: &Value) -> Result<Value, CallError> {
        let (url, token) = self.prepare(account, path).map_err(CallError::Settings)?;
        let answer = self.http.post(url, Some(token), body).await.map_err(CallError::NoAnswer)?;
        self.read(account, answer)
    }

    /// As [`Graph::post`], for what a person is to get.
    pub(crate) async fn send(&self, delivery: &Delivery<'_>, path: &[&str], body: &Value) -> Result<Value, CallError> {
        let (url, token) = self.prepare(delivery.account, path).map_err(CallError::Settings)?;
        let answer = self.http.send(url, Some(token), body, delivery.leaves_within).await;
        self.read(delivery.account, answer.map_err(CallError::NoAnswer)?)
    }

    /// Reads `fields` of an object.
    pub(crate) async fn get(&self, account: &ChannelAccount, path: &[&str], fields: &str) -> Result<Value, CallError> {
        self.read_all(account, path, &[("fields", fields)]).await
    }

    /// Reads a page of a list.
    pub(crate) async fn read_all(
        &self,
        account: &ChannelAccount,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, CallError> {
        let (mut url, token) = self.prepare(account, path).map_err(CallError::Settings)?;
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.get(url, Some(token)).await.map_err(CallError::NoAnswer)?;
        self.read(account, answer)
    }

    /// A file at an address that the Graph API named; the token goes to Meta's hosts alone.
    pub(crate) async fn download(
        &self,
        account: &ChannelAccount,
        url: Url,
        most: u64,
    ) -> Result<Downloaded, CallError> {
        let (own, token) = self.prepare(account, &[]).map_err(CallError::Settings)?;
        let same = (own.scheme(), own.host_str(), own.port()) == (url.scheme(), url.host_str(), url.port());
        let host = url.host_str().unwrap_or_default();
        let of_meta = url.scheme() == "https" && META_HOSTS.iter().any(|suffix| host.ends_with(suffix));
        if !same && !of_meta {
            let code = format!("{}.foreign_file", self.channel);
            return Err(CallError::Settings(Failure::reject(code, "the file lies at a host that is not Meta's")));
        }
        let download = Download { bearer: Some(token.to_owned()), ..Download::of(url, most) };
        self.http.download(download).await.map_err(CallError::NoAnswer)
    }

    pub(crate) async fn delete(
        &self,
        account: &ChannelAccount,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, CallError> {
        let (mut url, token) = self.prepare(account, path).map_err(CallError::Settings)?;
        url.query_pairs_mut().extend_pairs(query);
        let answer = self.http.delete(url, Some(token)).await.map_err(CallError::NoAnswer)?;
        self.read(account, answer)
    }

    /// When the account's token ends; some never do.
    pub(crate) async fn token_expires(&self, account: &ChannelAccount) -> Result<Option<Timestamp>, CallError> {
        let (_, token) = self.prepare(account, &[]).map_err(CallError::Settings)?;
        let answer = self.read_all(account, &["debug_token"], &[("input_token", token)]).await?;
        let ends = answer.pointer("/data/expires_at").and_then(Value::as_i64).filter(|at| *at > 0);
        Ok(ends.map(|at| Timestamp(at.saturating_mul(1000))))
    }

    fn prepare<'a>(&self, account: &'a ChannelAccount, path: &[&str]) -> Result<(Url, &'a str), Failure> {
        let token = account
            .secret("access_token")
            .filter(|t| !t.is_empty())
            .ok_or_else(|| Failure::fatal(format!("{}.bad_settings", self.channel), "access_token is not set"))?;
        let version = account.setting("graph_version").filter(|v| !v.is_empty()).unwrap_or(DEFAULT_VERSION);
        let base = account.setting("api_base").filter(|b| !b.is_empty()).unwrap_or(DEFAULT_BASE);
        let segments: Vec<&str> = std::iter::once(version).chain(path.iter().copied()).collect();
        Ok((endpoint(self.channel, base, &segments)?, token))
    }

    fn read(&self, account: &ChannelAccount, answer: Answer) -> Result<Value, CallError> {
        let has_error = answer.body.as_ref().is_some_and(|b| b.get("error").is_some_and(Value::is_object));
        // A gateway that gives up (502, 504) or an explained-by-nobody 500 leaves open what happened behind it; 503
        // says that it was not taken.
        let unclear =
            answer.is_success() && answer.body.is_none() || answer.status >= 500 && answer.status != 503 && !has_error;
        if unclear {
            let detail = format!("HTTP {} without an answer of the Graph API", answer.status);
            return Err(CallError::Unreadable(Failure::retry(format!("{}.no_answer", self.channel), detail)));
        }
        if answer.is_success() && !has_error {
            return Ok(answer.body.unwrap_or_default());
        }
        let mut error = GraphError::of_answer(&answer);
        error.detail = redact(&error.detail, account);
        let class = (self.classify)(&error);
        Err(CallError::Graph(class, class.failure(self.channel, &error)))
    }
}
