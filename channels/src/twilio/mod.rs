//! Twilio: SMS, and WhatsApp through Twilio. Webhooks are forms, replies go through the REST API.
//!
//! Two kinds of channel share the folder: what may be said when, and how it is marked up and cut, differs between the lines.

mod decode;
mod errors;
mod signature;

use crate::{
    gsm,
    http::{Answer, ChannelOptions, Download, Http, endpoint, rate, redact},
    lenient::{id, shorten, text},
    markup::{self, Dialect},
};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Fetched, Handshake, Pacing, Part, Polled, SendError, Sent,
        SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    message::Peer,
    outbound::Citation,
    ports::ChannelDriver,
    rich::Rich,
};
use errors::Class;
use reqwest::Url;
use serde_json::Value;
use std::{sync::Arc, time::Duration};

const DEFAULT_BASE: &str = "https://api.twilio.com";
const VERSION: &str = "2010-04-01";
/// Messages that one part may be: what Twilio takes in one request is a little more.
const SEGMENTS: usize = 10;
/// Places of each message of several.
const GSM_SEGMENT: usize = 153;
const UCS2_SEGMENT: usize = 67;
/// Characters of a WhatsApp message.
const WHATSAPP_LIMIT: usize = 1600;
/// How long after a person's last message free text may be sent on WhatsApp.
const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// The name by which a status tells which delivery it is about.
const OUTBOX: &str = "outbox";

const FIELDS: &[SettingField] = &[
    SettingField { name: "account_sid", required: true, secret: false, help: "The account's SID, AC…" },
    SettingField {
        name: "auth_token",
        required: true,
        secret: true,
        help: "The account's token: it signs webhooks and sends messages.",
    },
    SettingField {
        name: "from",
        required: false,
        secret: false,
        help: "The number that sends (+1…; for WhatsApp with or without whatsapp:), or a messaging service, MG…; needed unless the external id is it.",
    },
    SettingField {
        name: "messages_per_second",
        required: false,
        secret: false,
        help: "How many messages a second the number may send; 1 for SMS and 80 for WhatsApp if not set.",
    },
    SettingField {
        name: "api_base",
        required: false,
        secret: false,
        help: "Address of the REST API; https://api.twilio.com if not set.",
    },
];

/// What the account's number speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Sms,
    WhatsApp,
}

impl Line {
    const fn name(self) -> &'static str {
        match self {
            Self::Sms => "twilio_sms",
            Self::WhatsApp => "twilio_whatsapp",
        }
    }
}

pub(crate) struct Twilio {
    line: Line,
    http: Http,
    /// Where this server is reached, for statuses.
    public_url: Option<Arc<str>>,
}

impl Twilio {
    pub(crate) fn sms(options: &ChannelOptions) -> Self {
        Self::on(Line::Sms, options)
    }

    pub(crate) fn whatsapp(options: &ChannelOptions) -> Self {
        Self::on(Line::WhatsApp, options)
    }

    fn on(line: Line, options: &ChannelOptions) -> Self {
        Self { line, http: Http::new(options), public_url: options.public_url() }
    }

    fn bad_settings(&self, why: &str) -> Failure {
        Failure::fatal(format!("{}.bad_settings", self.line.name()), why)
    }

    fn address(&self, account: &ChannelAccount, path: &[&str]) -> Result<Url, Failure> {
        let base = account.setting("api_base").filter(|b| !b.is_empty()).unwrap_or(DEFAULT_BASE);
        let segments: Vec<&str> = [VERSION, "Accounts"].into_iter().chain(path.iter().copied()).collect();
        endpoint(self.line.name(), base, &segments)
    }

    /// The account's SID and its token.
    fn credentials(&self, account: &ChannelAccount) -> Result<(String, String), Failure> {
        let sid = account.setting("account_sid").filter(|s| !s.is_empty());
        let token = account.secret("auth_token").filter(|t| !t.is_empty());
        match (sid, token) {
            (Some(sid), Some(token)) => Ok((sid.to_owned(), token.to_owned())),
            (None, _) => Err(self.bad_settings("account_sid is not set")),
            (_, None) => Err(self.bad_settings("auth_token is not set")),
        }
    }

    fn form(&self, delivery: &Delivery<'_>) -> Result<Vec<(String, String)>, Failure> {
        let own = own(delivery.account).ok_or_else(|| self.bad_settings("from is not set"))?;
        let sender = if own.starts_with("MG") { "MessagingServiceSid" } else { "From" };
        let mut form = vec![
            ("To".to_owned(), self.on_line(&delivery.to.address)),
            (sender.to_owned(), if own.starts_with("MG") { own.to_owned() } else { self.on_line(own) }),
        ];
        if !delivery.part.text.is_empty() {
            form.push(("Body".to_owned(), delivery.part.text.clone()));
        }
        if let Some(Rich::Media { url, .. }) = &delivery.part.rich {
            form.push(("MediaUrl".to_owned(), url.clone()));
        }
        if let Some(base) = &self.public_url {
            let (channel, outbox) = (delivery.account.id, delivery.outbox);
            form.push(("StatusCallback".to_owned(), format!("{base}/webhooks/{channel}?{OUTBOX}={outbox}")));
        }
        Ok(form)
    }

    /// As the line writes addresses.
    fn on_line(&self, address: &str) -> String {
        match self.line {
            Line::WhatsApp if !address.starts_with("whatsapp:") => format!("whatsapp:{address}"),
            Line::WhatsApp | Line::Sms => address.to_owned(),
        }
    }

    fn refused(&self, account: &ChannelAccount, answer: &Answer) -> SendError {
        let body = answer.body.clone().unwrap_or_default();
        let code = body.get("code").and_then(Value::as_u64);
        let words = redact(text(&body, "/message").unwrap_or("no explanation"), account);
        let detail = match code {
            Some(code) => format!("{code}: {}", shorten(&words, 200)),
            None => format!("HTTP {}", answer.status),
        };
        let class = errors::classify(code, answer.status);
        let failure = class.failure(self.line.name(), detail, answer.retry_after);
        match class {
            Class::AccountDown(_) => SendError::AccountDown(failure),
            // An error that nobody explains leaves open what happened behind it; 503 says that it was not taken.
            Class::Retry(_) if answer.status >= 500 && answer.status != 503 && code.is_none() => {
                SendError::Uncertain(failure)
            }
            Class::Retry(_) | Class::Reject(_) => SendError::Refused(failure),
        }
    }
}

/// What the account sends from: its number, or a messaging service.
fn own(account: &ChannelAccount) -> Option<&str> {
    account.external_id.as_deref().or_else(|| account.setting("from")).filter(|id| !id.is_empty())
}

#[async_trait]
impl ChannelDriver for Twilio {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of(self.line.name())
    }

    fn fields(&self) -> &'static [SettingField] {
        FIELDS
    }

    fn reply_window(&self) -> Option<Duration> {
        (self.line == Line::WhatsApp).then_some(WINDOW)
    }

    fn segments(&self, markdown: &str) -> Option<u32> {
        let count = |part: &Part| u32::try_from(gsm::segments(&part.text)).unwrap_or(u32::MAX);
        (self.line == Line::Sms).then(|| self.render(markdown, &[]).iter().map(count).sum())
    }

    fn pacing(&self, account: &ChannelAccount) -> Pacing {
        let usual = if self.line == Line::Sms { 1 } else { 80 };
        Pacing { per_second: rate(account, usual), peer_interval: Duration::ZERO, peer_burst: 1 }
    }

    fn own_id<'a>(&self, account: &'a ChannelAccount) -> Option<&'a str> {
        own(account)
    }

    /// Words in the answer would be sent to the person.
    fn acknowledgement(&self) -> (&'static str, &'static str) {
        ("text/xml", "<Response/>")
    }

    fn handshake(&self, _account: &ChannelAccount, _request: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    fn receive(
        &self,
        account: &ChannelAccount,
        request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        let form = signature::verified(account, request)?;
        let outbox = request.query.get(OUTBOX).and_then(|o| o.parse().ok());
        let own = own(account).map(|own| if own.starts_with("MG") { own.to_owned() } else { self.on_line(own) });
        Ok(decode::events(&form, self.line, outbox, own.as_deref()))
    }

    fn render(&self, markdown: &str, citations: &[Citation]) -> Vec<Part> {
        if self.line == Line::WhatsApp {
            return markup::render(markdown, citations, Dialect::WhatsApp, WHATSAPP_LIMIT);
        }
        let whole = gsm::is_gsm(&gsm::folded(markdown)) && citations.iter().all(|c| gsm::is_gsm(&gsm::folded(&c.name)));
        let (dialect, limit) =
            if whole { (Dialect::Gsm, SEGMENTS * GSM_SEGMENT) } else { (Dialect::Ucs2, SEGMENTS * UCS2_SEGMENT) };
        markup::render(markdown, citations, dialect, limit)
    }

    /// A file goes with its words in one message; choices are numbered lines.
    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        let Rich::Media { caption, .. } = rich else {
            return self.render_each(rich).unwrap_or_else(|| self.render(&rich.words(), &[]));
        };
        let mut parts = self.render(caption.as_deref().unwrap_or_default(), &[]);
        match parts.first_mut() {
            Some(first) => first.rich = Some(rich.clone()),
            None => parts.push(Part { rich: Some(rich.clone()), ..Part::words(String::new(), String::new()) }),
        }
        parts
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        if self.line == Line::WhatsApp && delivery.now.since(delivery.last_inbound_at) > WINDOW {
            let why = "the person's last message is more than 24 hours old";
            return Err(SendError::Refused(Failure::reject(format!("{}.window_closed", self.line.name()), why)));
        }
        let basic = self.credentials(delivery.account).map_err(SendError::AccountDown)?;
        let url = self.address(delivery.account, &[&basic.0, "Messages.json"]).map_err(SendError::AccountDown)?;
        let form = self.form(&delivery).map_err(SendError::AccountDown)?;
        let answer = self.http.send_form(url, basic, form, delivery.leaves_within).await;
        let answer = answer.map_err(|e| e.send_error(self.line.name()))?;
        if !answer.is_success() {
            return Err(self.refused(delivery.account, &answer));
        }
        let sid = answer.body.as_ref().and_then(|b| id(b, "/sid"));
        sid.map(|sid| Sent { provider_message_id: Some(sid) }).ok_or_else(|| {
            let code = format!("{}.no_answer", self.line.name());
            SendError::Uncertain(Failure::retry(code, "success without an answer of the REST API"))
        })
    }

    async fn fetch(&self, account: &ChannelAccount, reference: &str, most: u64) -> Result<Fetched, Failure> {
        let name = self.line.name();
        let gone = |why: &str| Failure::reject(format!("{name}.no_file"), why);
        let base = self.address(account, &[])?;
        let url = Url::parse(reference).map_err(|_| gone("the file's address is none"))?;
        if (url.scheme(), url.host(), url.port_or_known_default())
            != (base.scheme(), base.host(), base.port_or_known_default())
        {
            // Our credentials are for Twilio alone.
            return Ok(Fetched::At(reference.to_owned()));
        }
        let basic = Some(self.credentials(account)?);
        let file = self.http.download(Download { basic, ..Download::of(url, most) }).await;
        let file = file.map_err(|e| e.failure(name))?;
        match (file.status, file.location) {
            (300..400, Some(elsewhere)) => Ok(Fetched::At(elsewhere)),
            (200..300, _) => Ok(Fetched::File { bytes: file.bytes, mime: file.mime }),
            (500.. | 429, _) => Err(Failure::retry(format!("{name}.no_file"), format!("HTTP {}", file.status))),
            (status, _) => Err(gone(&format!("HTTP {status}"))),
        }
    }

    async fn typing(&self, _account: &ChannelAccount, _to: &Peer, _last_message: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal(format!("{}.not_polled", self.line.name()), "Twilio delivers by webhook only"))
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let basic = self.credentials(account)?;
        let url = self.address(account, &[&format!("{}.json", basic.0)])?;
        let answer = self.http.get_as(url, basic).await.map_err(|e| e.failure(self.line.name()))?;
        if !answer.is_success() {
            return Err(match self.refused(account, &answer) {
                SendError::Refused(f) | SendError::Uncertain(f) | SendError::Apart(f) | SendError::AccountDown(f) => f,
            });
        }
        let name = answer.body.as_ref().and_then(|b| text(b, "/friendly_name")).unwrap_or(&account.name);
        Ok(match own(account) {
            Some(own) => format!("{name} ({own})"),
            None => name.to_owned(),
        })
    }
}
