//! Twilio: SMS and WhatsApp over its REST API, its signed forms, and a callback for each status of a message.

use super::{
    Said, Terms, What,
    dialect::{Refusal, Told},
    rates::TooFast,
};
use crate::{
    fault::{Fault, Kind},
    world::{Core, Payload, deliver},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_channels::{Answer, Request};
use colloquy_domain::channel::ChannelAccount;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use url::form_urlencoded;

/// When statuses follow, in milliseconds after the answer.
const STATUS: (u64, u64) = (300, 3_000);
/// The name by which a callback's address tells which delivery it is about.
const OUTBOX: &str = "outbox";
/// Characters of SMS that take one place; those of the extension take two.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                   ¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// What Twilio itself understands as "do not write to me", or as the contrary, when it stands alone.
pub fn consent(text: &str) -> Option<bool> {
    match text.trim().to_ascii_uppercase().as_str() {
        "STOP" | "STOPALL" | "UNSUBSCRIBE" | "CANCEL" | "END" | "QUIT" => Some(false),
        "START" | "UNSTOP" => Some(true),
        _ => None,
    }
}

/// How many messages a text is sent as.
pub fn segments(text: &str) -> usize {
    let cost = |c: char| GSM.contains(c).then_some(1).or_else(|| GSM_EXTENDED.contains(c).then_some(2));
    let gsm: Option<Vec<usize>> = text.chars().map(cost).collect();
    let (alone, each) = if gsm.is_some() { (160, 153) } else { (70, 67) };
    let costs = gsm.unwrap_or_else(|| text.chars().map(char::len_utf16).collect());
    if costs.iter().sum::<usize>() <= alone {
        return usize::from(!text.is_empty());
    }
    let (mut count, mut used) = (1, 0);
    for cost in costs {
        // A character is never cut in two.
        if used + cost > each {
            (count, used) = (count + 1, 0);
        }
        used += cost;
    }
    count
}

pub fn understand(channel: &str, request: &Request) -> What {
    let field = |name: &str| request.form.iter().flatten().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    match (field("To"), field("Body")) {
        (Some(peer), Some(words)) if request.url.path().ends_with("/Messages.json") => {
            let callback = field("StatusCallback").and_then(|c| c.split_once("?outbox=")).map(|(_, id)| id.to_owned());
            What::Send {
                who: format!("{channel}/{peer}"),
                peer: peer.to_owned(),
                text: words.to_owned(),
                once: None,
                tag: callback,
                terms: Terms::Free,
            }
        }
        _ => What::Other,
    }
}

fn refusal(status: u16, code: u64, message: &str) -> Answer {
    Answer { status, retry_after: None, body: Some(json!({"code": code, "message": message, "status": status})) }
}

pub fn refused(why: Refusal) -> Answer {
    match why {
        Refusal::Slower(wait) => Answer { retry_after: Some(wait), ..refusal(429, 20_429, "Too Many Requests") },
        Refusal::TooFast(TooFast::Account(_) | TooFast::Peer(_)) => refusal(429, 20_429, "Too Many Requests"),
        Refusal::Blocked => refusal(400, 21_610, "Attempt to send to unsubscribed recipient"),
        Refusal::Expired => refusal(401, 20_003, "Authenticate"),
        Refusal::Window => {
            refusal(400, 63_016, "Failed to send freeform message because you are outside the allowed window")
        }
        Refusal::TooLong | Refusal::NoMessage | Refusal::Template(_) | Refusal::Down => {
            refusal(400, 21_617, "The concatenated message body exceeds the 1600 character limit")
        }
    }
}

pub fn sent(peer: &str, number: &str) -> Answer {
    Answer { status: 201, retry_after: None, body: Some(json!({"sid": sid(peer, number), "status": "queued"})) }
}

fn sid(peer: &str, number: &str) -> String {
    format!("SM.{peer}.{number}")
}

/// The address that Twilio calls, as it signs it.
fn signed(account: &ChannelAccount, fields: &BTreeMap<&str, String>, outbox: Option<&str>) -> Payload {
    let query = outbox.map(|id| (OUTBOX.to_owned(), id.to_owned()));
    let mut text = crate::world::webhook_url(account.id, query.as_ref());
    fields.iter().for_each(|(name, value)| text.extend([*name, value.as_str()]));
    let token = account.secret("auth_token").unwrap_or_default();
    let signature = Hmac::<Sha1>::new_from_slice(token.as_bytes()).map(|mut mac| {
        mac.update(text.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    });
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes();
    let headers = BTreeMap::from([("x-twilio-signature".to_owned(), signature.unwrap_or_default())]);
    Payload { headers, body, query }
}

/// The account as the line writes it.
fn own(account: &ChannelAccount) -> String {
    let line = if account.kind.as_str() == "twilio_whatsapp" { "whatsapp:" } else { "" };
    format!("{line}{}", account.external_id.as_deref().unwrap_or_default())
}

/// The callbacks that follow a message that was taken, one for each status.
pub fn tell(core: &Arc<Core>, account: &Arc<ChannelAccount>, told: Told, fault: Option<Fault>) {
    let is = |kind| fault.is_some_and(|f| f.kind == kind);
    let Told { who, peer, number, tag, .. } = told;
    // Without an address nobody is told.
    let Some(tag) = tag else { return };
    let nth = number.parse().unwrap_or(0);
    let after = if is(Kind::EarlyStatus) { 0 } else { core.seed.millis("status", &who, nth, STATUS) };
    let last = if is(Kind::Undelivered) { "undelivered" } else { "delivered" };
    let (core, account) = (Arc::clone(core), Arc::clone(account));
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(after)).await;
        for status in ["sent", last] {
            let mut fields = BTreeMap::from([
                ("MessageSid", sid(&peer, &number)),
                ("MessageStatus", status.to_owned()),
                ("From", own(&account)),
                ("To", peer.clone()),
            ]);
            if status == "undelivered" {
                fields.insert("ErrorCode", "30003".to_owned());
            }
            deliver(&core, &account, &who, signed(&account, &fields, Some(&tag)));
        }
    });
}

pub fn delivery(account: &ChannelAccount, peer: &str, number: u64, said: &Said<'_>) -> Payload {
    let (words, file) = match said {
        Said::Text(text) | Said::Echo(text) => (*text, None),
        Said::Voice(words) => ("", Some((*words).to_owned())),
        Said::OptOut => ("STOP", None),
        Said::OptIn => ("START", None),
    };
    let mut fields = BTreeMap::from([
        ("MessageSid", format!("SMin.{peer}.{number}")),
        ("SmsStatus", "received".to_owned()),
        ("From", peer.to_owned()),
        ("To", own(account)),
        ("Body", words.to_owned()),
        ("NumMedia", u8::from(file.is_some()).to_string()),
    ]);
    if let Some(file) = file {
        fields.extend([("MediaUrl0", file), ("MediaContentType0", "audio/ogg".to_owned())]);
    }
    signed(account, &fields, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_end_it_stand_alone() {
        assert_eq!(["stop ", "START", "Where does the bus stop?"].map(consent), [Some(false), Some(true), None]);
    }
}
