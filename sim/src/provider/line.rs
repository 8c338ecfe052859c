//! LINE: push messages with a key that makes a repetition harmless, and its webhooks.

use super::{Said, Terms, What, dialect::Refusal, rates::TooFast};
use crate::world::Payload;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_channels::Answer;
use colloquy_domain::{channel::ChannelAccount, time::Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

/// `once`: the key of a repetition.
pub fn understand(channel: &str, path: &[&str], body: Option<&Value>, once: Option<&String>) -> What {
    let text = |pointer: &str| body.and_then(|b| b.pointer(pointer)).and_then(Value::as_str);
    match (text("/to"), text("/messages/0/text")) {
        (Some(peer), Some(words)) if path.ends_with(&["message", "push"]) => What::Send {
            who: format!("{channel}/{peer}"),
            peer: peer.to_owned(),
            text: words.to_owned(),
            tag: None,
            once: once.cloned(),
            terms: Terms::Free,
        },
        _ => What::Other,
    }
}

fn answer(status: u16, body: Value) -> Answer {
    Answer { status, retry_after: None, body: Some(body) }
}

pub fn refused(why: Refusal) -> Answer {
    match why {
        Refusal::Slower(wait) => Answer { retry_after: Some(wait), ..too_many() },
        Refusal::TooFast(TooFast::Account(_) | TooFast::Peer(_)) => too_many(),
        Refusal::Expired => {
            answer(401, json!({"message": "Authentication failed. Confirm that the access token is valid."}))
        }
        Refusal::Blocked | Refusal::Window => answer(400, json!({"message": "Failed to send messages"})),
        Refusal::TooLong | Refusal::NoMessage | Refusal::Template(_) | Refusal::Down => {
            answer(400, json!({"message": "The request body has 1 error(s)"}))
        }
    }
}

fn too_many() -> Answer {
    answer(429, json!({"message": "The API rate limit has been exceeded. Try again later."}))
}

/// The key was seen: whatever it was for was taken then.
pub fn known(peer: &str, number: &str) -> Answer {
    let sent = [json!({"id": message_id(peer, number)})];
    answer(409, json!({"message": "The retry key is already accepted", "sentMessages": sent}))
}

pub fn sent(peer: &str, number: &str) -> Answer {
    answer(200, json!({"sentMessages": [{"id": message_id(peer, number)}]}))
}

fn message_id(peer: &str, number: &str) -> String {
    format!("out.{peer}.{number}")
}

pub fn delivery(account: &ChannelAccount, peer: &str, number: u64, at: Timestamp, said: &Said<'_>) -> Payload {
    let mut event = match said {
        Said::Text(text) | Said::Echo(text) => {
            json!({"type": "message", "message": {"type": "text", "id": format!("m{peer}.{number}"), "text": text}})
        }
        Said::Voice(words) => json!({"type": "message", "message": {"type": "audio", "id": words, "duration": 3000}}),
        Said::OptOut => json!({"type": "unfollow"}),
        Said::OptIn => json!({"type": "follow"}),
    };
    event["webhookEventId"] = json!(format!("in.{peer}.{number}"));
    event["timestamp"] = json!(at.millis());
    event["mode"] = json!("active");
    event["source"] = json!({"type": "user", "userId": peer});
    let body = json!({"destination": account.external_id, "events": [event]}).to_string().into_bytes();
    let secret = account.secret("channel_secret").unwrap_or_default();
    let signature = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(&body);
        STANDARD.encode(mac.finalize().into_bytes())
    });
    let headers = BTreeMap::from([("x-line-signature".to_owned(), signature.unwrap_or_default())]);
    Payload { headers, body, query: None }
}
