//! An event as others see it, and its signatures: Standard Webhooks' headers over the whole body, and one inside the
//! envelope over everything else of it.

use super::call::CallData;
use crate::time::rfc3339;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::{channel::Secret, failure::Failure, time::Timestamp};
use colloquy_store::{Event, SigningSecret, ToldOrder, ToldReservation, ToldVideo};
use hmac::{Hmac, KeyInit, Mac};
use serde::Serialize;
use sha2::Sha256;

/// What secrets begin with.
pub const PREFIX: &str = "whsec_";

/// The envelope. Its fields are written in this order, and what is signed inside ends before `signature`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    event_id: String,
    event_type: &'a str,
    timestamp: String,
    data: Data<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

/// What an event is about; what it has nothing to do with is left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speaker: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    knowledge_base_id: Option<String>,
    /// Of a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a str>,
    /// Of a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation: Option<Reservation<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<Order<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Video<'a>>,
    /// Why somebody wants to go on elsewhere, and where they can be reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    broadcast_id: Option<String>,
    #[serde(flatten)]
    call: Option<CallData<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reservation<'a> {
    id: String,
    status: &'a str,
    name: &'a str,
    phone: &'a str,
    party_size: i64,
    date: &'a str,
    time: &'a str,
    time_zone: &'a str,
    calendar_link: Option<&'a str>,
}

impl<'a> From<&'a ToldReservation> for Reservation<'a> {
    fn from(r: &'a ToldReservation) -> Self {
        Self {
            id: r.id.to_string(),
            status: &r.status,
            name: &r.name,
            phone: &r.phone,
            party_size: r.party,
            date: &r.date,
            time: &r.time,
            time_zone: &r.zone,
            calendar_link: r.calendar_link.as_deref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order<'a> {
    id: String,
    status: &'a str,
    name: &'a str,
    phone: &'a str,
    amount_cents: i64,
    currency: &'a str,
    items: Vec<Item<'a>>,
    payment_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    name: &'a str,
    quantity: u32,
    price_cents: i64,
}

impl<'a> From<&'a ToldOrder> for Order<'a> {
    fn from(o: &'a ToldOrder) -> Self {
        let items = o.items.iter();
        Self {
            id: o.id.to_string(),
            status: &o.status,
            name: &o.name,
            phone: &o.phone,
            amount_cents: o.amount,
            currency: &o.currency,
            items: items
                .map(|(_, name, quantity, price)| Item { name, quantity: *quantity, price_cents: *price })
                .collect(),
            payment_id: o.payment.as_deref(),
        }
    }
}

/// A session with an avatar.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Video<'a> {
    session_id: String,
    provider: &'a str,
    status: &'a str,
    end_reason: Option<&'a str>,
}

impl<'a> From<&'a ToldVideo> for Video<'a> {
    fn from(v: &'a ToldVideo) -> Self {
        Self { session_id: v.id.to_string(), provider: &v.provider, status: &v.status, end_reason: v.reason.as_deref() }
    }
}

impl<'a> Data<'a> {
    fn of(e: &'a Event) -> Self {
        let failed = ["error.occurred", "scheduled_message.failed"].contains(&e.kind.as_str());
        let detail = e.detail.as_deref();
        Self {
            conversation_id: e.conversation.map(|id| id.to_string()),
            channel_id: e.channel.map(|id| id.to_string()),
            channel: e.channel_kind.as_deref(),
            peer: e.peer.as_deref(),
            message_id: e.message.map(|id| id.to_string()),
            speaker: e.speaker.as_deref(),
            text: e.text.as_deref(),
            document_id: e.document.map(|id| id.to_string()),
            document: e.document_name.as_deref(),
            knowledge_base_id: e.base.map(|id| id.to_string()),
            status: detail.filter(|_| !failed),
            code: detail.filter(|_| failed),
            reservation: e.reservation.as_ref().map(Reservation::from),
            order: e.order.as_ref().map(Order::from),
            video: e.video.as_ref().map(Video::from),
            reason: e.fallback.as_ref().map(|(reason, _)| reason.as_str()),
            phone: e.fallback.as_ref().and_then(|(_, phone)| phone.as_deref()),
            approval_id: e.approval.map(|id| id.to_string()),
            scheduled_message_id: e.planned.map(|id| id.to_string()),
            broadcast_id: e.broadcast.map(|id| id.to_string()),
            call: e.call.as_ref().map(CallData::of),
        }
    }
}

/// What is sent.
pub struct Signed {
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// # Errors
/// Fatal: no secret is left, or one that is none of ours.
pub fn sign(event: &Event, secrets: &[SigningSecret], now: Timestamp) -> Result<Signed, Failure> {
    let valid: Vec<&Secret> =
        secrets.iter().filter(|s| s.until.is_none_or(|until| until > now)).map(|s| &s.secret).collect();
    let newest = valid.first().ok_or_else(|| Failure::fatal("webhook.secret", "the endpoint has no secret"))?;
    let mut envelope = Envelope {
        event_id: event.id.to_string(),
        event_type: &event.kind,
        timestamp: rfc3339(event.at),
        data: Data::of(event),
        signature: None,
    };
    envelope.signature = Some(format!("sha256={}", hex::encode(hmac(newest, &json(&envelope)?)?)));
    let body = json(&envelope)?;
    let (id, at) = (envelope.event_id, now.millis() / 1_000);
    let content = format!("{id}.{at}.{body}");
    let signature = |secret: &&Secret| Ok(format!("v1,{}", STANDARD.encode(hmac(secret, &content)?)));
    let signatures = valid.iter().map(signature).collect::<Result<Vec<_>, Failure>>()?;
    let headers = vec![
        ("webhook-id", id),
        ("webhook-timestamp", at.to_string()),
        // The old secret's, too, until the other side has the new one.
        ("webhook-signature", signatures.join(" ")),
    ];
    Ok(Signed { headers, body })
}

fn json(envelope: &Envelope<'_>) -> Result<String, Failure> {
    serde_json::to_string(envelope).map_err(|e| Failure::fatal("webhook.envelope", e.to_string()))
}

fn hmac(secret: &Secret, content: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::fatal("webhook.secret", "the endpoint's secret is none of ours");
    let key = secret.expose().strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok()).ok_or_else(wrong)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| wrong())?;
    mac.update(content.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}
