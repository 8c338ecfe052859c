//! One HTTP client for all channels, which tells apart what never went out and what was never answered.

use crate::timely::{self, Timely};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{ChannelAccount, SendError},
    failure::Failure,
};
use reqwest::{Body, Client, Method, RequestBuilder, Response, Url, header::CONTENT_TYPE, redirect::Policy};
use serde_json::Value;
use std::{error::Error, fmt, sync::Arc, time::Duration};
use url::form_urlencoded;

/// The largest answer that is read; a full page of long-polled updates stays well below.
const MAX_ANSWER: usize = 16 << 20;
/// For one file.
const DOWNLOAD: Duration = Duration::from_secs(120);
const TOO_LARGE: &str = "the answer is too large";
/// The longest wait that a provider can impose on one message.
const MAX_WAIT: Duration = Duration::from_secs(24 * 3600);

/// What all drivers share: the way to the providers, and how long it is waited.
#[derive(Clone)]
pub struct ChannelOptions {
    transport: Arc<dyn Transport>,
    request_timeout: Duration,
    public_url: Option<Arc<str>>,
}

impl ChannelOptions {
    /// Over a way of one's own: a simulated network.
    #[must_use]
    pub fn over(transport: Arc<dyn Transport>, request_timeout: Duration) -> Self {
        Self { transport, request_timeout, public_url: None }
    }

    /// Where this server is reached from outside, without a slash at the end: providers that are told an address with each
    /// message call there.
    #[must_use]
    pub fn reached_at(self, url: &str) -> Self {
        Self { public_url: Some(url.trim_end_matches('/').into()), ..self }
    }

    pub(crate) fn public_url(&self) -> Option<Arc<str>> {
        self.public_url.clone()
    }

    /// `connect` bounds making a connection, `request` a whole exchange (long polls add their own time to it). A
    /// rustls crypto provider must have been installed before.
    ///
    /// # Errors
    /// Fatal `channel.http_client` if the machine has no usable TLS.
    pub fn new(connect: Duration, request: Duration) -> Result<Self, Failure> {
        // A redirect would carry the token in the path, or the message, to wherever it points.
        let client = Client::builder()
            .connect_timeout(connect)
            .redirect(Policy::none())
            .user_agent(concat!("colloquy/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Failure::fatal("channel.http_client", root_cause(e)))?;
        Ok(Self::over(Arc::new(Internet(client)), request))
    }
}

/// A request to a provider.
pub struct Request {
    pub url: Url,
    pub bearer: Option<String>,
    /// Name and password, where the provider has such.
    pub basic: Option<(String, String)>,
    /// Posted as JSON; without it and without a form it is a GET, or a DELETE.
    pub body: Option<Value>,
    /// Posted as a form.
    pub form: Option<Vec<(String, String)>>,
    /// Further headers, in lower case.
    pub headers: Vec<(&'static str, String)>,
    pub delete: bool,
    /// For the whole exchange.
    pub timeout: Duration,
    /// Nothing leaves later than this.
    pub leaves_within: Option<Duration>,
}

impl Request {
    fn to(url: Url, timeout: Duration) -> Self {
        let (headers, leaves_within) = (Vec::new(), None);
        Self { url, bearer: None, basic: None, body: None, form: None, headers, delete: false, timeout, leaves_within }
    }
}

/// A file to bring from a provider.
pub struct Download {
    pub url: Url,
    pub bearer: Option<String>,
    pub basic: Option<(String, String)>,
    /// Bytes that it may have.
    pub most: u64,
    /// For the whole exchange.
    pub timeout: Duration,
}

impl Download {
    pub(crate) const fn of(url: Url, most: u64) -> Self {
        Self { url, bearer: None, basic: None, most, timeout: DOWNLOAD }
    }
}

/// What came of a download, whatever its status.
#[derive(Debug)]
pub struct Downloaded {
    /// 413 for what is larger than it may be.
    pub status: u16,
    /// Where a redirect points; it is not followed.
    pub location: Option<String>,
    pub mime: Option<String>,
    pub bytes: Vec<u8>,
}

/// The way to the providers: the internet, or a simulated one.
#[async_trait]
pub trait Transport: Send + Sync {
    /// # Errors
    /// No answer; says whether the request may have arrived.
    async fn exchange(&self, request: Request) -> Result<Answer, NoAnswer>;

    /// # Errors
    /// No file, or one that is too large.
    async fn download(&self, _download: Download) -> Result<Downloaded, NoAnswer> {
        Err(NoAnswer::NotSent("no files come this way".to_owned()))
    }
}

/// The other side's word.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// `None` if it was not JSON.
    pub body: Option<Value>,
}

impl Answer {
    pub(crate) const fn is_success(&self) -> bool {
        self.status / 100 == 2
    }
}

/// No word from the other side.
#[derive(Debug)]
pub enum NoAnswer {
    /// The request never left.
    NotSent(String),
    /// It left, and what became of it is not known.
    Lost(String),
}

impl NoAnswer {
    pub(crate) fn send_error(self, channel: &str) -> SendError {
        match self {
            Self::NotSent(_) => SendError::Refused(self.failure(channel)),
            Self::Lost(_) => SendError::Uncertain(self.failure(channel)),
        }
    }

    /// For calls that may be repeated.
    pub(crate) fn failure(self, channel: &str) -> Failure {
        match self {
            Self::NotSent(why) => Failure::retry(format!("{channel}.unreachable"), why),
            Self::Lost(why) => Failure::retry(format!("{channel}.no_answer"), why),
        }
    }
}

#[derive(Clone)]
pub(crate) struct Http {
    transport: Arc<dyn Transport>,
    timeout: Duration,
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(options: &ChannelOptions) -> Self {
        Self { transport: Arc::clone(&options.transport), timeout: options.request_timeout }
    }

    pub(crate) async fn post(&self, url: Url, bearer: Option<&str>, body: &Value) -> Result<Answer, NoAnswer> {
        self.post_waiting(url, bearer, body, Duration::ZERO).await
    }

    /// As [`Http::post`], for calls that the other side holds open for up to `wait`.
    pub(crate) async fn post_waiting(
        &self,
        url: Url,
        bearer: Option<&str>,
        body: &Value,
        wait: Duration,
    ) -> Result<Answer, NoAnswer> {
        self.posted(url, bearer, body, self.timeout + wait, None).await
    }

    /// As [`Http::post`], for what is of use only if it leaves within this time.
    pub(crate) async fn send(
        &self,
        url: Url,
        bearer: Option<&str>,
        body: &Value,
        leaves_within: Duration,
    ) -> Result<Answer, NoAnswer> {
        self.posted(url, bearer, body, self.timeout, Some(leaves_within)).await
    }

    async fn posted(
        &self,
        url: Url,
        bearer: Option<&str>,
        body: &Value,
        timeout: Duration,
        leaves_within: Option<Duration>,
    ) -> Result<Answer, NoAnswer> {
        let (bearer, body) = (bearer.map(str::to_owned), Some(body.clone()));
        self.transport.exchange(Request { bearer, body, leaves_within, ..Request::to(url, timeout) }).await
    }

    /// As [`Http::send`], with further headers.
    pub(crate) async fn send_with(
        &self,
        url: Url,
        bearer: &str,
        body: &Value,
        headers: Vec<(&'static str, String)>,
        leaves_within: Duration,
    ) -> Result<Answer, NoAnswer> {
        let (bearer, body) = (Some(bearer.to_owned()), Some(body.clone()));
        let request = Request { bearer, body, headers, ..Request::to(url, self.timeout) };
        self.transport.exchange(Request { leaves_within: Some(leaves_within), ..request }).await
    }

    /// As [`Http::send`], a form by name and password.
    pub(crate) async fn send_form(
        &self,
        url: Url,
        basic: (String, String),
        form: Vec<(String, String)>,
        leaves_within: Duration,
    ) -> Result<Answer, NoAnswer> {
        let request = Request { basic: Some(basic), form: Some(form), ..Request::to(url, self.timeout) };
        self.transport.exchange(Request { leaves_within: Some(leaves_within), ..request }).await
    }

    pub(crate) async fn get_as(&self, url: Url, basic: (String, String)) -> Result<Answer, NoAnswer> {
        self.transport.exchange(Request { basic: Some(basic), ..Request::to(url, self.timeout) }).await
    }

    pub(crate) async fn download(&self, download: Download) -> Result<Downloaded, NoAnswer> {
        self.transport.download(download).await
    }

    pub(crate) async fn get(&self, url: Url, bearer: Option<&str>) -> Result<Answer, NoAnswer> {
        let bearer = bearer.map(str::to_owned);
        self.transport.exchange(Request { bearer, ..Request::to(url, self.timeout) }).await
    }

    pub(crate) async fn delete(&self, url: Url, bearer: Option<&str>) -> Result<Answer, NoAnswer> {
        let bearer = bearer.map(str::to_owned);
        self.transport.exchange(Request { bearer, delete: true, ..Request::to(url, self.timeout) }).await
    }
}

/// The providers themselves.
struct Internet(Client);

#[async_trait]
impl Transport for Internet {
    async fn exchange(&self, request: Request) -> Result<Answer, NoAnswer> {
        let Request { url, bearer, basic, body, form, headers, delete, timeout, leaves_within } = request;
        let content = match (body, form) {
            (Some(body), _) => Some((body.to_string(), "application/json")),
            (None, Some(form)) => {
                let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
                Some((form, "application/x-www-form-urlencoded"))
            }
            (None, None) => None,
        };
        let mut built = match (content, leaves_within) {
            (Some((content, kind)), None) => self.0.request(Method::POST, url).header(CONTENT_TYPE, kind).body(content),
            (Some((content, kind)), Some(within)) => {
                let body = Body::wrap(Timely::new(content, within));
                self.0.request(Method::POST, url).header(CONTENT_TYPE, kind).body(body)
            }
            (None, _) if delete => self.0.request(Method::DELETE, url),
            (None, _) => self.0.request(Method::GET, url),
        };
        for (name, value) in headers {
            built = built.header(name, value);
        }
        exchange(authorised(built, bearer, basic).timeout(timeout)).await
    }

    async fn download(&self, download: Download) -> Result<Downloaded, NoAnswer> {
        let Download { url, bearer, basic, most, timeout } = download;
        let request = authorised(self.0.get(url), bearer, basic).timeout(timeout);
        let mut response = request.send().await.map_err(|e| NoAnswer::Lost(root_cause(e)))?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
        let (status, location, mime) = (response.status().as_u16(), header("location"), header("content-type"));
        match read(&mut response, usize::try_from(most).unwrap_or(usize::MAX)).await {
            Ok(bytes) => Ok(Downloaded { status, location, mime, bytes }),
            Err(why) if why == TOO_LARGE => {
                Ok(Downloaded { status: 413, location: None, mime: None, bytes: Vec::new() })
            }
            Err(why) => Err(NoAnswer::Lost(why)),
        }
    }
}

fn authorised(request: RequestBuilder, bearer: Option<String>, basic: Option<(String, String)>) -> RequestBuilder {
    match (bearer, basic) {
        (Some(token), _) => request.bearer_auth(token),
        (None, Some((name, password))) => request.basic_auth(name, Some(password)),
        (None, None) => request,
    }
}

async fn exchange(request: RequestBuilder) -> Result<Answer, NoAnswer> {
    let mut response = request.send().await.map_err(|e| {
        if e.is_connect() || e.is_builder() || e.is_dns() || timely::is_too_late(&e) {
            NoAnswer::NotSent(root_cause(e))
        } else {
            NoAnswer::Lost(root_cause(e))
        }
    })?;
    let (status, retry_after) = (response.status().as_u16(), retry_after(&response));
    match read(&mut response, MAX_ANSWER).await {
        Ok(bytes) => Ok(Answer { status, retry_after, body: serde_json::from_slice(&bytes).ok() }),
        // A refusal whose explanation got lost is still a refusal.
        Err(_) if (400..500).contains(&status) => Ok(Answer { status, retry_after, body: None }),
        Err(why) => Err(NoAnswer::Lost(why)),
    }
}

async fn read(response: &mut Response, most: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(root_cause)? {
        if bytes.len() + chunk.len() > most {
            return Err(TOO_LARGE.to_owned());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(bounded_wait(seconds))
}

/// A wait that the provider asks for, in seconds.
pub(crate) fn bounded_wait(seconds: u64) -> Duration {
    Duration::from_secs(seconds).min(MAX_WAIT)
}

/// What went wrong at the bottom, without the address: a Telegram address holds the bot's token.
fn root_cause(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn Error = &error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

/// Builds `{base}/{segments…}`; each segment is escaped, so that no setting can leave its place in the path.
pub(crate) fn endpoint(channel: &str, base: &str, segments: &[&str]) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::fatal(format!("{channel}.bad_settings"), format!("api_base: {why}"));
    let mut url = Url::parse(base).map_err(|e| wrong(&e.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("not an http(s) address"));
    }
    url.path_segments_mut().map_err(|()| wrong("cannot be a base"))?.pop_if_empty().extend(segments);
    Ok(url)
}

/// Replaces every secret of the account in a sentence that the provider wrote: some errors repeat the token.
pub(crate) fn redact(text: &str, account: &ChannelAccount) -> String {
    let secrets = account.secrets.values().map(colloquy_domain::channel::Secret::expose).filter(|s| s.len() >= 4);
    secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}

/// A number that an account can set, or the provider's usual one.
pub(crate) fn rate(account: &ChannelAccount, default: u32) -> u32 {
    account.setting("messages_per_second").and_then(|s| s.trim().parse().ok()).filter(|n| *n > 0).unwrap_or(default)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn options() -> ChannelOptions {
        let _ = rustls::crypto::ring::default_provider().install_default();
        ChannelOptions::new(Duration::from_secs(2), Duration::from_secs(2)).expect("client")
    }

    #[test]
    fn settings_cannot_leave_their_place_in_the_path() {
        let url = endpoint("x", "https://api.example/base/", &["bot1:a", "../../admin?x#y"]).expect("valid");
        assert_eq!(url.as_str(), "https://api.example/base/bot1:a/..%2F..%2Fadmin%3Fx%23y");
        for bad in ["ftp://a", "not an address", "data:text,x", "/etc"] {
            assert_eq!(endpoint("x", bad, &[]).expect_err(bad).code, "x.bad_settings");
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_never_got_the_request_and_no_error_names_the_token() {
        let url = endpoint("telegram", "http://127.0.0.1:1", &["bot123:SECRET", "getMe"]).expect("valid");
        let error = Http::new(&options()).get(url, None).await.expect_err("nobody listens");
        assert!(matches!(error, NoAnswer::NotSent(_)), "{error:?}");
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}
