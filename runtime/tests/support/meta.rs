//! Meta's side of a webhook: payloads as Meta writes them, signed as Meta signs them.

use super::{
    client::{Answer, Client},
    graph::Sent,
    graph_templates::BUSINESS_ID,
};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

pub const APP_SECRET: &str = "the-app-secret";
pub const VERIFY_TOKEN: &str = "the-verify-token";
/// The phone number that our payloads are for.
pub const PHONE_NUMBER_ID: &str = "1122334455667";
/// The page that our payloads are for.
pub const PAGE_ID: &str = "500500500";
pub const APP_ID: &str = "42";

/// The value of `X-Hub-Signature-256`.
pub fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// Delivers raw bytes with this signature.
///
/// # Errors
/// The connection's.
pub async fn deliver_raw(api: &Client, channel: &str, body: Vec<u8>, signature: &str) -> reqwest::Result<Answer> {
    let request = api.bare(Method::POST, &format!("/webhooks/{channel}"));
    let request = request.header("content-type", "application/json").header("x-hub-signature-256", signature);
    api.attempt(request.body(body)).await
}

/// Delivers a properly signed payload.
///
/// # Errors
/// The connection's.
pub async fn deliver(api: &Client, channel: &str, payload: &Value) -> reqwest::Result<Answer> {
    let body = payload.to_string().into_bytes();
    let signature = signature(&body);
    deliver_raw(api, channel, body, &signature).await
}

/// A text from a person.
#[derive(Debug, Clone)]
pub struct Text {
    pub from: String,
    pub id: String,
    pub body: String,
}

impl Text {
    pub fn new(from: &str, id: &str, body: &str) -> Self {
        Self { from: from.to_owned(), id: id.to_owned(), body: body.to_owned() }
    }
}

fn whatsapp(value: Value) -> Value {
    let metadata = json!({ "display_phone_number": "972123456789", "phone_number_id": PHONE_NUMBER_ID });
    let mut full = json!({ "messaging_product": "whatsapp", "metadata": metadata });
    for (key, part) in value.as_object().unwrap() {
        full[key] = part.clone();
    }
    let entry = json!({ "id": "1234567890", "changes": [{ "field": "messages", "value": full }] });
    json!({ "object": "whatsapp_business_account", "entry": [entry] })
}

/// The id by which the business knows a person, beside the number.
pub fn user_id(number: &str) -> String {
    format!("US.{number}")
}

fn contact(number: &str) -> Value {
    json!({ "wa_id": number, "user_id": user_id(number), "profile": { "name": format!("Person {number}") } })
}

/// A WhatsApp webhook with these messages.
pub fn texts(texts: &[Text]) -> Value {
    let message = |t: &Text| {
        let text = json!({ "body": t.body });
        json!({
            "from": t.from, "from_user_id": user_id(&t.from), "id": t.id, "timestamp": "1790000000", "type": "text", "text": text,
        })
    };
    let (contacts, messages): (Vec<_>, Vec<_>) = texts.iter().map(|t| (contact(&t.from), message(t))).unzip();
    whatsapp(json!({ "contacts": contacts, "messages": messages }))
}

/// A WhatsApp webhook of somebody with a user name, whose number it does not tell.
pub fn scoped_text(user_id: &str, id: &str, body: &str) -> Value {
    let contact = json!({ "user_id": user_id, "profile": { "name": "Somebody", "username": "somebody" } });
    let message = json!({
        "from_user_id": user_id, "id": id, "timestamp": "1790000000", "type": "text", "text": { "body": body },
    });
    whatsapp(json!({ "contacts": [contact], "messages": [message] }))
}

/// A picture that somebody sends, and what is said about it.
pub fn picture(from: &str, id: &str, file: &str) -> Value {
    let mut payload = texts(&[Text::new(from, id, "")]);
    let image = json!({ "id": file, "mime_type": "image/jpeg", "sha256": "x", "caption": "What is this?" });
    let message = payload.pointer_mut("/entry/0/changes/0/value/messages/0").unwrap();
    message["type"] = json!("image");
    message["image"] = image;
    message.as_object_mut().unwrap().remove("text");
    payload
}

/// A WhatsApp webhook that says that somebody has another number: it names no contacts.
#[expect(clippy::disallowed_methods, reason = "WhatsApp has a clock of its own")]
pub fn number_changed(id: &str, from: &str, to: &str) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let system = json!({
        "body": format!("User A changed from {from} to {to}"), "wa_id": to, "user_id": user_id(to), "type": "user_changed_number",
    });
    let message = json!({
        "from": from, "from_user_id": user_id(from), "id": id, "timestamp": now.to_string(), "type": "system", "system": system,
    });
    whatsapp(json!({ "messages": [message] }))
}

/// A WhatsApp webhook that says of each of these that it came so far: `sent`, `delivered`, `read`.
pub fn statuses(word: &str, of: &[Sent]) -> Value {
    let status = |s: &Sent| {
        json!({
            "id": s.id, "status": word, "recipient_id": s.to, "recipient_user_id": user_id(&s.to),
            "timestamp": "1790000001", "biz_opaque_callback_data": s.opaque,
        })
    };
    let (contacts, statuses): (Vec<_>, Vec<_>) = of.iter().map(|s| (contact(&s.to), status(s))).unzip();
    whatsapp(json!({ "contacts": contacts, "statuses": statuses }))
}

/// A WhatsApp webhook of somebody who does not want marketing any more, or again: `stop`, `resume`.
pub fn preference(person: &str, value: &str) -> Value {
    let wish = json!({ "wa_id": person, "category": "marketing_messages", "value": value, "timestamp": 1_790_000_002 });
    let metadata = json!({ "display_phone_number": "972123456789", "phone_number_id": PHONE_NUMBER_ID });
    let value = json!({ "messaging_product": "whatsapp", "metadata": metadata, "user_preferences": [wish] });
    let changes = json!([{ "field": "user_preferences", "value": value }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": BUSINESS_ID, "changes": changes }] })
}

/// A WhatsApp webhook that says how the provider decided about a template.
pub fn template_status(id: &str, name: &str, event: &str, at: u64) -> Value {
    let value = json!({
        "event": event, "message_template_id": id, "message_template_name": name, "message_template_language": "en",
        "reason": if event == "REJECTED" { "INVALID_FORMAT" } else { "NONE" },
    });
    let changes = json!([{ "field": "message_template_status_update", "value": value }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": BUSINESS_ID, "time": at, "changes": changes }] })
}

/// What WhatsApp tells of a business account.
pub fn account_update(value: &Value, at: u64) -> Value {
    let changes = json!([{ "field": "account_update", "value": value }]);
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": BUSINESS_ID, "time": at, "changes": changes }] })
}

/// A Messenger webhook with one text.
pub fn page_text(text: &Text) -> Value {
    let message = json!({ "mid": text.id, "text": text.body });
    let messaging = json!({
        "sender": { "id": text.from }, "recipient": { "id": PAGE_ID }, "timestamp": 1_790_000_000_000_u64,
        "message": message,
    });
    json!({ "object": "page", "entry": [{ "id": PAGE_ID, "time": 1_790_000_000_000_u64, "messaging": [messaging] }] })
}

/// A Messenger webhook of somebody's conversation with these fields, on the line `messaging` or `standby`.
pub fn page_event(line: &str, person: &str, at: u64, fields: &Value) -> Value {
    let mut event = json!({ "sender": { "id": person }, "recipient": { "id": PAGE_ID }, "timestamp": at });
    for (key, value) in fields.as_object().unwrap() {
        event[key] = value.clone();
    }
    let mut entry = json!({ "id": PAGE_ID, "time": at });
    entry[line] = json!([event]);
    json!({ "object": "page", "entry": [entry] })
}

/// Connects a WhatsApp number whose Graph API is at `api_base`; returns the channel's id.
pub async fn connect_whatsapp(api: &Client, agent: &str, api_base: &str) -> String {
    connect(api, "whatsapp", agent, whatsapp_settings(api_base)).await
}

/// Of a WhatsApp account.
pub fn whatsapp_settings(api_base: &str) -> Value {
    json!({
        "phone_number_id": PHONE_NUMBER_ID, "access_token": super::graph::TOKEN, "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN, "api_base": api_base, "messages_per_second": "1000",
        "business_account_id": BUSINESS_ID,
    })
}

/// The professional account that our payloads are for.
pub const INSTAGRAM_ID: &str = "17841400000000000";

/// Connects an Instagram account.
pub async fn connect_instagram(api: &Client, agent: &str, api_base: &str) -> String {
    let settings = json!({
        "instagram_id": INSTAGRAM_ID, "app_id": APP_ID, "access_token": super::graph::TOKEN, "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN, "api_base": api_base,
    });
    connect(api, "instagram", agent, settings).await
}

/// Connects a Messenger page.
pub async fn connect_messenger(api: &Client, agent: &str, api_base: &str) -> String {
    connect(api, "messenger", agent, messenger_settings(api_base)).await
}

/// Of a Messenger page.
pub fn messenger_settings(api_base: &str) -> Value {
    json!({
        "page_id": PAGE_ID, "app_id": APP_ID, "access_token": super::graph::TOKEN, "app_secret": APP_SECRET,
        "verify_token": VERIFY_TOKEN, "api_base": api_base,
    })
}

/// Connects an account of any kind.
pub async fn connect(api: &Client, kind: &str, agent: &str, settings: Value) -> String {
    let body = json!({ "kind": kind, "agent": agent, "settings": settings });
    api.post("/api/channels", &body).await.data()["id"].as_str().unwrap().to_owned()
}
