//! WhatsApp and Messenger: the Graph API and its webhooks.

use super::{Said, What, rates::TooFast};
use crate::{
    fault::{Fault, Kind},
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
    let words = text("/text/body").or_else(|| text("/message/text"));
    match (peer, words) {
        (Some(peer), Some(words)) => What::Send {
            who: format!("{channel}/{peer}"),
            peer: peer.to_owned(),
            text: words.to_owned(),
            tag: text("/biz_opaque_callback_data").or_else(|| text("/message/metadata")).map(str::to_owned),
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

pub fn refusal(status: u16, code: u64, message: &str) -> Answer {
    answer(status, json!({"error": {"message": message, "type": "OAuthException", "code": code}}))
}

pub fn slower(wait: Duration) -> Answer {
    Answer { retry_after: Some(wait), ..refusal(429, 130_429, "rate limit hit") }
}

/// Neither platform says how long to wait.
pub fn too_fast(kind: &str, what: TooFast) -> Answer {
    match (kind, what) {
        ("whatsapp", TooFast::Account(_)) => refusal(429, 130_429, "rate limit hit"),
        ("whatsapp", TooFast::Peer(_)) => refusal(429, 131_056, "pair rate limit hit"),
        _ => refusal(429, 613, "calls to this API have exceeded the rate limit"),
    }
}

/// The person has blocked the account.
pub fn blocked(kind: &str) -> Answer {
    match kind {
        "whatsapp" => refusal(400, 131_026, "message undeliverable"),
        _ => refusal(400, 551, "this person isn't available right now"),
    }
}

pub fn expired() -> Answer {
    refusal(401, 190, "error validating access token: session has expired")
}

pub fn sent(account: &ChannelAccount, peer: &str, number: &str) -> Answer {
    let id = message_id(account, peer, number);
    if account.kind.as_str() == "messenger" {
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

/// The statuses that follow a message that was taken.
pub fn tell(
    core: &Arc<Core>,
    account: &Arc<ChannelAccount>,
    who: &str,
    number: &str,
    tag: Option<String>,
    fault: Option<Fault>,
) {
    if account.kind.as_str() != "whatsapp" {
        return;
    }
    let early = fault.is_some_and(|f| f.kind == Kind::EarlyStatus);
    let after = if early { 0 } else { core.seed.millis("status", who, number.parse().unwrap_or(0), STATUS) };
    let (core, account, who) = (Arc::clone(core), Arc::clone(account), who.to_owned());
    let peer = who.split_once('/').map(|(_, peer)| peer.to_owned()).unwrap_or_default();
    let number = number.to_owned();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(after)).await;
        let payload = statuses(&account, &peer, &number, tag.as_deref(), core.clock.now());
        deliver(&core, &account, &who, payload);
    });
}

/// What WhatsApp tells of a message that arrived.
pub fn statuses(account: &ChannelAccount, peer: &str, number: &str, tag: Option<&str>, at: Timestamp) -> Payload {
    let id = message_id(account, peer, number);
    let of = |status: &str| {
        let mut value = json!({"id": id, "status": status, "timestamp": seconds(at), "recipient_id": peer});
        if let Some(tag) = tag {
            value["biz_opaque_callback_data"] = json!(tag);
        }
        value
    };
    let statuses = ["sent", "delivered"].map(of);
    signed(account, &whatsapp(account, json!({"statuses": statuses})))
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
            Said::Echo(text) => whatsapp(
                account,
                json!({
                    "message_echoes": [{
                        "from": "15550783881", "to": peer, "id": format!("echo.{peer}.{number}"), "timestamp": seconds(at),
                        "type": "text", "text": {"body": text},
                    }],
                }),
            ),
        }
    } else {
        let page = account.external_id.as_deref().unwrap_or_default();
        let event = match said {
            Said::Text(text) => json!({
                "sender": {"id": peer}, "recipient": {"id": page}, "timestamp": at.millis(),
                "message": {"mid": format!("m_{peer}.{number}"), "text": text},
            }),
            Said::Echo(text) => json!({
                "sender": {"id": page}, "recipient": {"id": peer}, "timestamp": at.millis(),
                "message": {"mid": format!("m_echo_{peer}.{number}"), "text": text, "is_echo": true},
            }),
        };
        json!({"object": "page", "entry": [{"id": page, "time": at.millis(), "messaging": [event]}]})
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
    Payload { headers: BTreeMap::from([("x-hub-signature-256".to_owned(), header)]), body }
}
