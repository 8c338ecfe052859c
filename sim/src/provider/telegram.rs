//! Telegram: the Bot API, its webhooks and its long polling.

use super::{Said, Terms, What, dialect::Refusal, rates::TooFast};
use crate::world::Payload;
use colloquy_channels::Answer;
use colloquy_domain::{channel::ChannelAccount, time::Timestamp};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// The bot's messages are numbered beside those that people write.
const OURS: u64 = 1_000_000;

pub fn understand(channel: &str, path: &[&str], body: Option<&Value>, timeout: Duration) -> What {
    let field = |name: &str| body.and_then(|b| b.get(name));
    let number = || field("message_id").and_then(Value::as_u64).unwrap_or_default().saturating_sub(OURS);
    let peer = || field("chat_id").map(ToString::to_string).unwrap_or_default();
    let who = || format!("{channel}/{}", peer());
    let said = |terms| {
        let text = field("text").and_then(Value::as_str).unwrap_or_default().to_owned();
        What::Send { who: who(), peer: peer(), text, tag: None, once: None, terms }
    };
    match path.last().copied() {
        Some("sendMessage") => said(Terms::Free),
        Some("editMessageText") => said(Terms::InPlaceOf(number())),
        Some("deleteMessage") => What::TakeAway { who: who(), number: number() },
        Some("getUpdates") => {
            let after = field("offset").and_then(Value::as_i64).unwrap_or(0);
            let wait = field("timeout").and_then(Value::as_u64).map_or(timeout, Duration::from_secs);
            What::Updates { after, wait }
        }
        _ => What::Other,
    }
}

pub fn result(result: Value) -> Answer {
    Answer { status: 200, retry_after: None, body: Some(json!({"ok": true, "result": result})) }
}

pub fn fine() -> Answer {
    result(json!({"id": 1, "is_bot": true, "username": "simbot"}))
}

pub fn refusal(code: u16, description: &str) -> Answer {
    let body = json!({"ok": false, "error_code": code, "description": description});
    Answer { status: code, retry_after: None, body: Some(body) }
}

fn slower(wait: Duration) -> Answer {
    let mut answer = refusal(429, "Too Many Requests");
    if let Some(body) = &mut answer.body {
        body["parameters"] = json!({"retry_after": wait.as_secs().max(1)});
    }
    answer
}

pub fn refused(why: Refusal) -> Answer {
    match why {
        Refusal::Slower(wait) | Refusal::TooFast(TooFast::Account(wait) | TooFast::Peer(wait)) => slower(wait),
        Refusal::Blocked => refusal(403, "Forbidden: bot was blocked by the user"),
        Refusal::Expired => refusal(401, "Unauthorized"),
        Refusal::NoMessage => refusal(400, "Bad Request: message to edit not found"),
        Refusal::TooLong | Refusal::Window | Refusal::Template(_) | Refusal::Down => {
            refusal(400, "Bad Request: message is too long")
        }
    }
}

pub fn sent(peer: &str, number: &str) -> Answer {
    let (chat, number): (i64, u64) = (peer.parse().unwrap_or(0), number.parse().unwrap_or(0));
    result(json!({"message_id": OURS + number, "chat": {"id": chat}, "date": 0}))
}

pub fn update(id: i64, peer: &str, number: u64, at: Timestamp, said: &Said<'_>) -> Value {
    let chat: i64 = peer.parse().unwrap_or(0);
    let (key, content) = match said {
        // In a group the bot hears what is said to it.
        Said::Text(text) | Said::Echo(text) if chat < 0 => ("text", json!(format!("@simbot {text}"))),
        Said::Text(text) | Said::Echo(text) => ("text", json!(text)),
        Said::Voice(words) => ("voice", json!({"file_id": words, "duration": 3, "mime_type": "audio/ogg"})),
        Said::OptOut => return membership(id, peer, at, "kicked"),
        Said::OptIn => return membership(id, peer, at, "member"),
    };
    let place = match chat {
        ..0 => json!({"id": chat, "type": "supergroup", "title": peer}),
        _ => json!({"id": chat, "type": "private", "first_name": peer}),
    };
    json!({
        "update_id": id,
        "message": {
            "message_id": number + 1, "date": at.millis() / 1000, key: content, "chat": place,
            "from": {"id": chat.abs(), "is_bot": false, "first_name": peer},
        },
    })
}

/// The person blocks the bot, or lets it write again.
fn membership(id: i64, peer: &str, at: Timestamp, status: &str) -> Value {
    let chat: i64 = peer.parse().unwrap_or(0);
    let bot = json!({"id": 1, "is_bot": true, "username": "simbot"});
    json!({
        "update_id": id,
        "my_chat_member": {
            "date": at.millis() / 1000, "chat": {"id": chat, "type": "private", "first_name": peer},
            "from": {"id": chat, "is_bot": false, "first_name": peer},
            "new_chat_member": {"user": bot, "status": status},
        },
    })
}

pub fn delivery(account: &ChannelAccount, peer: &str, number: u64, at: Timestamp, said: &Said<'_>) -> Payload {
    let chat: i64 = peer.parse().unwrap_or(0);
    // Unique for the bot.
    let id = chat.wrapping_abs().wrapping_mul(100_000).wrapping_add(i64::try_from(number).unwrap_or(0));
    let secret = account.secret("webhook_secret").unwrap_or_default().to_owned();
    let headers = BTreeMap::from([("x-telegram-bot-api-secret-token".to_owned(), secret)]);
    Payload { headers, body: update(id, peer, number, at, said).to_string().into_bytes(), query: None }
}
