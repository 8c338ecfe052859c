//! WhatsApp, Messenger and Instagram: the Graph API and its webhooks.

use super::{
    Said, Terms, What,
    dialect::{Refusal, Told},
    rates::TooFast,
};
use crate::{
    fault::{Fault, Kind},
    scenario::Approval,
    world::{Core, Payload, deliver},
};
use colloquy_channels::Answer;
use colloquy_domain::{channel::ChannelAccount, ports::Clock, time::Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// When statuses follow, in milliseconds after the answer.
const STATUS: (u64, u64) = (300, 3_000);

pub fn understand(channel: &str, body: Option<&Value>) -> What {
    let text = |path: &str| body.and_then(|b| b.pointer(path)).and_then(Value::as_str);
    let peer = text("/to").or_else(|| text("/recipient/id")).or_else(|| text("/recipient"));
    let template = text("/template/name");
    let words = text("/text/body").or_else(|| text("/message/text")).or(template);
    let terms = match (template, text("/tag")) {
        (Some(name), _) => Terms::Template(name.to_owned()),
        (None, Some("HUMAN_AGENT")) => Terms::ByHand,
        (None, _) => Terms::Free,
    };
    match (peer, words) {
        (Some(peer), Some(words)) => What::Send {
            who: format!("{channel}/{peer}"),
            peer: peer.to_owned(),
            text: words.to_owned(),
            tag: text("/biz_opaque_callback_data").or_else(|| text("/message/metadata")).map(str::to_owned),
            once: None,
            terms,
        },
        _ => What::Other,
    }
}

fn answer(status: u16, body: Value) -> Answer {
    Answer { status, retry_after: None, body: Some(body) }
}

pub fn fine() -> Answer {
    answer(200, json!({"success": true}))
}

fn refusal(status: u16, code: u64, message: &str) -> Answer {
    answer(status, json!({"error": {"message": message, "type": "OAuthException", "code": code}}))
}

pub fn refused(kind: &str, why: Refusal) -> Answer {
    let whatsapp = kind == "whatsapp";
    match why {
        Refusal::Slower(wait) => Answer { retry_after: Some(wait), ..refusal(429, 130_429, "rate limit hit") },
        // Neither platform says how long to wait.
        Refusal::TooFast(TooFast::Account(_)) if whatsapp => refusal(429, 130_429, "rate limit hit"),
        Refusal::TooFast(TooFast::Peer(_)) if whatsapp => refusal(429, 131_056, "pair rate limit hit"),
        Refusal::TooFast(_) => refusal(429, 613, "calls to this API have exceeded the rate limit"),
        Refusal::Blocked if whatsapp => refusal(400, 131_026, "message undeliverable"),
        Refusal::Blocked => refusal(400, 551, "this person isn't available right now"),
        Refusal::Expired => refusal(401, 190, "error validating access token: session has expired"),
        Refusal::Window if whatsapp => refusal(400, 131_047, "more than 24 hours have passed"),
        Refusal::Window => outside(if kind == "instagram" { 2_534_022 } else { 2_018_278 }),
        Refusal::Template(None) => refusal(404, 132_001, "template name does not exist in the translation"),
        Refusal::Template(Some(Approval::Paused)) => refusal(400, 132_015, "template is paused"),
        Refusal::Template(Some(Approval::Disabled)) => refusal(400, 132_016, "template is disabled"),
        // One that was never approved does not exist for who sends it.
        Refusal::Template(Some(_)) => refusal(404, 132_001, "template name does not exist in the translation"),
        Refusal::TooLong | Refusal::NoMessage | Refusal::Down => refusal(400, 100, "invalid parameter"),
    }
}

fn outside(subcode: u64) -> Answer {
    let mut answer = refusal(400, 10, "this message is sent outside of allowed window");
    if let Some(body) = &mut answer.body {
        body["error"]["error_subcode"] = json!(subcode);
    }
    answer
}

pub fn sent(account: &ChannelAccount, peer: &str, number: &str) -> Answer {
    let id = message_id(account, peer, number);
    if account.kind.as_str() != "whatsapp" {
        return answer(200, json!({"recipient_id": peer, "message_id": id}));
    }
    answer(
        200,
        json!({"messaging_product": "whatsapp", "contacts": [{"input": peer, "wa_id": peer}], "messages": [{"id": id}]}),
    )
}

fn message_id(account: &ChannelAccount, peer: &str, number: &str) -> String {
    format!("out.{}.{peer}.{number}", account.external_id.as_deref().unwrap_or_default())
}

/// What follows a message that was taken: WhatsApp's statuses, Instagram's echo.
pub fn tell(core: &Arc<Core>, account: &Arc<ChannelAccount>, told: Told, fault: Option<Fault>) {
    let is = |kind| fault.is_some_and(|f| f.kind == kind);
    let nth = told.number.parse().unwrap_or(0);
    let after = if is(Kind::EarlyStatus) { 0 } else { core.seed.millis("status", &told.who, nth, STATUS) };
    let undelivered = is(Kind::Undelivered);
    let (core, account) = (Arc::clone(core), Arc::clone(account));
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let at = core.clock.now();
        let Told { who, peer, number, text, tag } = told;
        let payload = match account.kind.as_str() {
            "instagram" => echo(&account, &peer, &number, &text, tag.as_deref(), at),
            _ if undelivered => failed(&account, &peer, &number, tag.as_deref(), at),
            _ => statuses(&account, &peer, &number, tag.as_deref(), at),
        };
        deliver(&core, &account, &who, payload);
    });
}

/// What the account itself sent comes back with what was handed over to recognise it by.
fn echo(account: &ChannelAccount, peer: &str, number: &str, text: &str, tag: Option<&str>, at: Timestamp) -> Payload {
    let own = account.external_id.as_deref().unwrap_or_default();
    let mut message = json!({"mid": message_id(account, peer, number), "text": text, "is_echo": true});
    if let Some(tag) = tag {
        message["metadata"] = json!(tag);
    }
    let event = json!({
        "sender": {"id": own}, "recipient": {"id": peer}, "timestamp": at.millis(), "message": message,
    });
    signed(account, &platform("instagram", own, at, &event))
}

fn platform(kind: &str, own: &str, at: Timestamp, event: &Value) -> Value {
    let object = if kind == "instagram" { "instagram" } else { "page" };
    json!({"object": object, "entry": [{"id": own, "time": at.millis(), "messaging": [event]}]})
}

/// What WhatsApp tells of a message that arrived.
pub fn statuses(account: &ChannelAccount, peer: &str, number: &str, tag: Option<&str>, at: Timestamp) -> Payload {
    let of = |status: &str| status_of(account, peer, number, tag, (status, at));
    let statuses = ["sent", "delivered"].map(of);
    signed(account, &whatsapp(account, json!({"statuses": statuses})))
}

/// What it tells of one that could not be delivered.
fn failed(account: &ChannelAccount, peer: &str, number: &str, tag: Option<&str>, at: Timestamp) -> Payload {
    let mut value = status_of(account, peer, number, tag, ("failed", at));
    value["errors"] = json!([{"code": 131_026, "title": "Message undeliverable"}]);
    signed(account, &whatsapp(account, json!({"statuses": [value]})))
}

fn status_of(
    account: &ChannelAccount,
    peer: &str,
    number: &str,
    tag: Option<&str>,
    (status, at): (&str, Timestamp),
) -> Value {
    let id = message_id(account, peer, number);
    let mut value = json!({"id": id, "status": status, "timestamp": seconds(at), "recipient_id": peer});
    if let Some(tag) = tag {
        value["biz_opaque_callback_data"] = json!(tag);
    }
    value
}

fn seconds(at: Timestamp) -> String {
    (at.millis() / 1000).to_string()
}

fn whatsapp(account: &ChannelAccount, mut value: Value) -> Value {
    let phone = account.external_id.as_deref().unwrap_or_default();
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({"display_phone_number": "15550783881", "phone_number_id": phone});
    let field = if value.get("message_echoes").is_some() { "smb_message_echoes" } else { "messages" };
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "changes": [{"field": field, "value": value}]}],
    })
}

pub fn delivery(
    kind: &str,
    account: &ChannelAccount,
    peer: &str,
    number: u64,
    at: Timestamp,
    said: &Said<'_>,
) -> Payload {
    let payload = if kind == "whatsapp" {
        let id = format!("in.{peer}.{number}");
        match said {
            Said::Text(text) => whatsapp(
                account,
                json!({
                    "contacts": [{"profile": {"name": peer}, "wa_id": peer}],
                    "messages": [{"from": peer, "id": id, "timestamp": seconds(at), "type": "text", "text": {"body": text}}],
                }),
            ),
            Said::Voice(words) => whatsapp(
                account,
                json!({
                    "contacts": [{"profile": {"name": peer}, "wa_id": peer}],
                    "messages": [{
                        "from": peer, "id": id, "timestamp": seconds(at), "type": "audio",
                        "audio": {"id": words, "mime_type": "audio/ogg; codecs=opus", "voice": true},
                    }],
                }),
            ),
            Said::Echo(text) => whatsapp(
                account,
                json!({
                    "message_echoes": [{
                        "from": "15550783881", "to": peer, "id": format!("echo.{peer}.{number}"), "timestamp": seconds(at),
                        "type": "text", "text": {"body": text},
                    }],
                }),
            ),
            Said::OptOut | Said::OptIn => Value::Null,
        }
    } else {
        let page = account.external_id.as_deref().unwrap_or_default();
        let event = match said {
            Said::Text(text) => json!({
                "sender": {"id": peer}, "recipient": {"id": page}, "timestamp": at.millis(),
                "message": {"mid": format!("m_{peer}.{number}"), "text": text},
            }),
            Said::Voice(words) => json!({
                "sender": {"id": peer}, "recipient": {"id": page}, "timestamp": at.millis(),
                "message": {
                    "mid": format!("m_{peer}.{number}"), "attachments": [{"type": "audio", "payload": {"url": words}}],
                },
            }),
            Said::Echo(text) => json!({
                "sender": {"id": page}, "recipient": {"id": peer}, "timestamp": at.millis(),
                "message": {"mid": format!("m_echo_{peer}.{number}"), "text": text, "is_echo": true, "app_id": 2},
            }),
            // It tells nothing of them, and no scenario asks for it.
            Said::OptOut | Said::OptIn => Value::Null,
        };
        platform(kind, page, at, &event)
    };
    signed(account, &payload)
}

fn signed(account: &ChannelAccount, payload: &Value) -> Payload {
    let body = payload.to_string().into_bytes();
    let secret = account.secret("app_secret").unwrap_or_default();
    let signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(&body);
        hex::encode(mac.finalize().into_bytes())
    });
    let header = format!("sha256={}", signature.unwrap_or_default());
    Payload { headers: BTreeMap::from([("x-hub-signature-256".to_owned(), header)]), body, query: None }
}
