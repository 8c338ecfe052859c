//! LINE Messaging API: signed webhooks, replies as push messages with a key that makes a repetition harmless.

mod decode;

use crate::{
    http::{Answer, ChannelOptions, Download, Http, endpoint, rate, redact},
    lenient::{shorten, text},
    markup::{self, Dialect},
};
use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Fetched, Handshake, Pacing, Part, Polled, SendError, Sent,
        SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    message::{MediaKind, Peer},
    outbound::Citation,
    ports::ChannelDriver,
    rich::Rich,
};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Url;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::Duration;

const NAME: &str = "line";
const DEFAULT_BASE: &str = "https://api.line.me";
const DATA_BASE: &str = "https://api-data.line.me";
/// UTF-16 units of a text.
const LIMIT: usize = 5000;
/// Quick replies of a message, and characters of their titles and payloads.
const QUICK_REPLIES: usize = 13;
const TITLE: usize = 20;
const PAYLOAD: usize = 300;

const FIELDS: &[SettingField] = &[
    SettingField { name: "access_token", required: true, secret: true, help: "The channel access token, long-lived." },
    SettingField {
        name: "channel_secret",
        required: true,
        secret: true,
        help: "The channel's secret, with which LINE signs webhooks.",
    },
    SettingField {
        name: "messages_per_second",
        required: false,
        secret: false,
        help: "How many messages a second the account may send; 100 if not set.",
    },
    SettingField {
        name: "api_base",
        required: false,
        secret: false,
        help: "Address of the API, for files as well; https://api.line.me if not set.",
    },
];

pub(crate) struct Line {
    http: Http,
}

impl Line {
    pub(crate) fn new(options: &ChannelOptions) -> Self {
        Self { http: Http::new(options) }
    }
}

fn address(account: &ChannelAccount, default: &str, path: &[&str]) -> Result<Url, Failure> {
    let base = account.setting("api_base").filter(|b| !b.is_empty()).unwrap_or(default);
    endpoint(NAME, base, path)
}

fn token(account: &ChannelAccount) -> Result<&str, Failure> {
    let token = account.secret("access_token").filter(|t| !t.is_empty());
    token.ok_or_else(|| Failure::fatal("line.bad_settings", "access_token is not set"))
}

fn failure(account: &ChannelAccount, answer: &Answer) -> Failure {
    let words = answer.body.as_ref().and_then(|b| text(b, "/message")).unwrap_or("no explanation");
    let detail = format!("{}: {}", answer.status, shorten(&redact(words, account), 200));
    match (answer.status, answer.retry_after) {
        (429, Some(after)) => Failure::retry_after(after, "line.rate_limited", detail),
        (429, None) => Failure::retry("line.rate_limited", detail),
        (401 | 403, _) => Failure::fatal("line.unauthorized", detail),
        (500.., _) => Failure::retry("line.server_error", detail),
        _ => Failure::reject("line.refused", detail),
    }
}

/// One key for one part of one delivery: LINE takes it once, however often it comes.
fn retry_key(delivery: &Delivery<'_>) -> String {
    let content = format!("{}:{:?}", delivery.outbox, delivery.part);
    let hash = hex::encode(&Sha256::digest(content.as_bytes())[..16]);
    format!("{}-{}-{}-{}-{}", &hash[..8], &hash[8..12], &hash[12..16], &hash[16..20], &hash[20..])
}

fn message(part: &Part) -> Value {
    let quick = |id: &str, title: &str| json!({"type": "action", "action": {"type": "postback", "label": title, "data": id, "displayText": title}});
    match &part.rich {
        Some(Rich::Media { url, .. }) => json!({"type": "image", "originalContentUrl": url, "previewImageUrl": url}),
        Some(Rich::Buttons { buttons, .. }) => {
            let items: Vec<Value> = buttons.iter().map(|b| quick(&b.id, &b.title)).collect();
            json!({"type": "text", "text": part.text, "quickReply": {"items": items}})
        }
        _ => json!({"type": "text", "text": part.text}),
    }
}

#[async_trait]
impl ChannelDriver for Line {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of(NAME)
    }

    fn fields(&self) -> &'static [SettingField] {
        FIELDS
    }

    fn pacing(&self, account: &ChannelAccount) -> Pacing {
        Pacing { per_second: rate(account, 100), peer_interval: Duration::ZERO, peer_burst: 1 }
    }

    fn handshake(&self, _account: &ChannelAccount, _request: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    fn receive(
        &self,
        account: &ChannelAccount,
        request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        let secret = account.secret("channel_secret").unwrap_or_default();
        let header = request.headers.get("x-line-signature").map_or("", String::as_str);
        let signature = STANDARD.decode(header).map_err(|_| WebhookRejection::Unauthenticated)?;
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
        let mut mac = mac.map_err(|_| WebhookRejection::Unauthenticated)?;
        mac.update(request.body);
        if secret.is_empty() || mac.verify_slice(&signature).is_err() {
            return Err(WebhookRejection::Unauthenticated);
        }
        let payload: Value =
            serde_json::from_slice(request.body).map_err(|e| WebhookRejection::Malformed(format!("not JSON: {e}")))?;
        Ok(decode::events(&payload))
    }

    fn render(&self, markdown: &str, citations: &[Citation]) -> Vec<Part> {
        markup::render(markdown, citations, Dialect::Ucs2, LIMIT)
    }

    /// Pictures and quick replies; everything else is said in words.
    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        let words = || self.render(&rich.words(), &[]);
        match rich {
            Rich::Media { media: MediaKind::Image, url, caption, .. } if url.starts_with("https://") => {
                let mut parts = vec![Part { rich: Some(rich.clone()), ..Part::words(String::new(), String::new()) }];
                parts.extend(self.render(caption.as_deref().unwrap_or_default(), &[]));
                parts
            }
            Rich::Buttons { text, buttons }
                if buttons.len() <= QUICK_REPLIES
                    && buttons.iter().all(|b| b.title.chars().count() <= TITLE && b.id.chars().count() <= PAYLOAD) =>
            {
                markup::with_rich(text, rich, Dialect::Ucs2, LIMIT).unwrap_or_else(words)
            }
            _ => self.render_each(rich).unwrap_or_else(words),
        }
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        let account = delivery.account;
        let url = address(account, DEFAULT_BASE, &["v2", "bot", "message", "push"]).map_err(SendError::AccountDown)?;
        let token = token(account).map_err(SendError::AccountDown)?;
        let body = json!({"to": delivery.to.address, "messages": [message(delivery.part)]});
        let headers = vec![("x-line-retry-key", retry_key(&delivery))];
        let answer = self.http.send_with(url, token, &body, headers, delivery.leaves_within).await;
        // Whatever may have arrived may be sent again: the key tells LINE.
        let answer = answer.map_err(|e| SendError::Refused(e.failure(NAME)))?;
        // 409: a request with this key was taken before.
        if !answer.is_success() && answer.status != 409 {
            let failure = failure(account, &answer);
            let down = matches!(answer.status, 401 | 403);
            return Err(if down { SendError::AccountDown(failure) } else { SendError::Refused(failure) });
        }
        let name = answer.body.as_ref().and_then(|b| text(b, "/sentMessages/0/id")).map(str::to_owned);
        Ok(Sent { provider_message_id: name })
    }

    async fn fetch(&self, account: &ChannelAccount, reference: &str, most: u64) -> Result<Fetched, Failure> {
        let url = address(account, DATA_BASE, &["v2", "bot", "message", reference, "content"])?;
        let bearer = Some(token(account)?.to_owned());
        let file = self.http.download(Download { bearer, ..Download::of(url, most) }).await;
        let file = file.map_err(|e| e.failure(NAME))?;
        match file.status {
            200 => Ok(Fetched::File { bytes: file.bytes, mime: file.mime }),
            // 202: still being prepared.
            202 | 429 | 500.. => Err(Failure::retry("line.no_file", format!("HTTP {}", file.status))),
            status => Err(Failure::reject("line.no_file", format!("HTTP {status}"))),
        }
    }

    /// Shown for up to 20 seconds, or until the reply.
    async fn typing(&self, account: &ChannelAccount, to: &Peer, _last_message: &str) -> Result<(), Failure> {
        let url = address(account, DEFAULT_BASE, &["v2", "bot", "chat", "loading", "start"])?;
        let body = json!({"chatId": to.address, "loadingSeconds": 20});
        let answer = self.http.post(url, Some(token(account)?), &body).await.map_err(|e| e.failure(NAME))?;
        if answer.is_success() { Ok(()) } else { Err(failure(account, &answer)) }
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal("line.not_polled", "LINE delivers by webhook only"))
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let url = address(account, DEFAULT_BASE, &["v2", "bot", "info"])?;
        let answer = self.http.get(url, Some(token(account)?)).await.map_err(|e| e.failure(NAME))?;
        if !answer.is_success() {
            return Err(failure(account, &answer));
        }
        let name = answer.body.as_ref().and_then(|b| text(b, "/displayName"));
        Ok(name.unwrap_or(&account.name).to_owned())
    }
}
