//! WhatsApp Cloud API: webhooks by Meta's app, replies through the Graph API.

mod account;
mod content;
mod decode;
mod errors;
mod file;
mod rich;
mod templates;

use crate::{
    http::{ChannelOptions, Http, rate},
    lenient::text,
    markup::{self, Dialect},
    meta::{self, Graph},
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
    ports::{ChannelDriver, Templates},
    rich::Rich,
    time::Timestamp,
};
use serde_json::{Value, json};
use std::time::Duration;

const NAME: &str = "whatsapp";
/// Characters of a text message.
const LIMIT: usize = 4096;

const FIELDS: &[SettingField] = &[
    SettingField {
        name: "phone_number_id",
        required: false,
        secret: false,
        help: "Id of the phone number that sends (not the number itself); needed unless the account's external id is it.",
    },
    SettingField {
        name: "business_account_id",
        required: false,
        secret: false,
        help: "Id of the WhatsApp business account that has the number; needed for message templates.",
    },
    meta::ACCESS_TOKEN,
    meta::APP_SECRET,
    meta::VERIFY_TOKEN,
    meta::MESSAGES_PER_SECOND,
    meta::GRAPH_VERSION,
    meta::API_BASE,
];

pub(crate) struct WhatsApp {
    graph: Graph,
}

impl WhatsApp {
    pub(crate) fn new(options: &ChannelOptions) -> Self {
        Self { graph: Graph::new(Http::new(options), NAME, errors::classify) }
    }
}

fn phone_number_id(account: &ChannelAccount) -> Result<&str, Failure> {
    meta::account_id(account, "phone_number_id")
        .ok_or_else(|| Failure::fatal("whatsapp.bad_settings", "phone_number_id is not set"))
}

/// The address field of a message: phone numbers go `to` someone, business-scoped ids are a `recipient`.
fn address(peer: &Peer) -> (&'static str, &str) {
    let is_phone = decode::is_number(peer.address.trim_start_matches('+'));
    (if is_phone { "to" } else { "recipient" }, &peer.address)
}

fn message(delivery: &Delivery<'_>) -> Value {
    let (field, to) = address(delivery.to);
    let mut message = json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": delivery.outbox.to_string(),
    });
    message[field] = json!(to);
    let (kind, content) = match delivery.template {
        Some(call) => ("template", templates::message(call)),
        None => rich::content(delivery.part),
    };
    message["type"] = json!(kind);
    message[kind] = content;
    message
}

#[async_trait]
impl ChannelDriver for WhatsApp {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of(NAME)
    }

    fn fields(&self) -> &'static [SettingField] {
        FIELDS
    }

    fn reply_window(&self) -> Option<Duration> {
        Some(meta::WINDOW)
    }

    fn templates(&self) -> Option<&dyn Templates> {
        Some(self)
    }

    /// 80 a second for a number (set 20 for one that a phone app shares); one per 6 seconds to one person, with bursts
    /// of 45 borrowed from later.
    fn pacing(&self, account: &ChannelAccount) -> Pacing {
        Pacing { per_second: rate(account, 80), peer_interval: Duration::from_secs(6), peer_burst: 45 }
    }

    /// Who has a user name may write without their number.
    fn may_be_alias(&self, address: &str) -> bool {
        !decode::is_number(address)
    }

    fn own_id<'a>(&self, account: &'a ChannelAccount) -> Option<&'a str> {
        meta::account_id(account, "phone_number_id")
    }

    fn handshake(&self, account: &ChannelAccount, request: &WebhookRequest<'_>) -> Handshake {
        meta::handshake(account, request)
    }

    fn receive(
        &self,
        account: &ChannelAccount,
        request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        let payload = meta::verified(account, request)?;
        let (number, business) = (meta::account_id(account, "phone_number_id"), account.setting("business_account_id"));
        Ok(decode::events(&payload, number, business))
    }

    fn render(&self, markdown: &str, citations: &[Citation]) -> Vec<Part> {
        markup::render(markdown, citations, Dialect::WhatsApp, LIMIT)
    }

    fn render_rich(&self, rich: &Rich) -> Vec<Part> {
        self.render_each(rich).or_else(|| rich::parts(rich, LIMIT)).unwrap_or_else(|| self.render(&rich.words(), &[]))
    }

    /// In two steps: the Graph API tells where the file lies, for a few minutes.
    async fn fetch(&self, account: &ChannelAccount, reference: &str, most: u64) -> Result<Fetched, Failure> {
        file::fetch(&self.graph, account, reference, most).await
    }

    async fn send(&self, delivery: Delivery<'_>) -> Result<Sent, SendError> {
        // What was approved beforehand may always be sent.
        if delivery.template.is_none() {
            meta::within_window(NAME, &delivery)?;
        }
        let phone = phone_number_id(delivery.account).map_err(SendError::AccountDown)?;
        let answer = self
            .graph
            .send(&delivery, &[phone, "messages"], &message(&delivery))
            .await
            .map_err(|e| e.send_error(NAME))?;
        Ok(Sent { provider_message_id: text(&answer, "/messages/0/id").map(str::to_owned) })
    }

    /// Marks the message read and shows "typing" until the reply, at most 25 seconds.
    async fn typing(&self, account: &ChannelAccount, _to: &Peer, last_message: &str) -> Result<(), Failure> {
        let body = json!({
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": last_message,
            "typing_indicator": {"type": "text"},
        });
        let phone = phone_number_id(account)?;
        self.graph.post(account, &[phone, "messages"], &body).await.map_err(|e| e.failure(NAME))?;
        Ok(())
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal("whatsapp.not_polled", "WhatsApp delivers by webhook only"))
    }

    async fn token_expires(&self, account: &ChannelAccount) -> Result<Option<Timestamp>, Failure> {
        self.graph.token_expires(account).await.map_err(|e| e.failure(NAME))
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let phone = phone_number_id(account)?;
        let answer = self
            .graph
            .get(account, &[phone], "verified_name,display_phone_number")
            .await
            .map_err(|e| e.failure(NAME))?;
        let name = text(&answer, "/verified_name").unwrap_or(phone);
        Ok(match text(&answer, "/display_phone_number") {
            Some(number) => format!("{name} ({number})"),
            None => name.to_owned(),
        })
    }
}
