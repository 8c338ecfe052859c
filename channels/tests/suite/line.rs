//! LINE, with which the cost of a channel was tried.

use crate::support::{HOUR, SECRET, account, answering, driver, part, requests, send_as, summary, verdict, with};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_domain::channel::{ChannelAccount, ChannelEvent, Secret, WebhookRejection, WebhookRequest};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

fn own() -> ChannelAccount {
    let mut account = account("line");
    account.secrets.insert("channel_secret".to_owned(), Secret::new(SECRET));
    account
}

fn receive(account: &ChannelAccount, body: &Value, key: &str) -> Result<Vec<ChannelEvent>, WebhookRejection> {
    let body = body.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length");
    mac.update(body.as_bytes());
    let signature = STANDARD.encode(mac.finalize().into_bytes());
    let headers = BTreeMap::from([("x-line-signature".to_owned(), signature)]);
    let query = BTreeMap::new();
    driver("line")
        .receive(account, &WebhookRequest { url: "", headers: &headers, query: &query, body: body.as_bytes() })
}

fn event(kind: &str, extra: Value) -> Value {
    let mut event = json!({"type": kind, "mode": "active", "timestamp": 1_772_998_024_000_i64,
        "source": {"type": "user", "userId": "U1"}, "webhookEventId": format!("01-{kind}")});
    for (key, value) in extra.as_object().expect("fields") {
        event[key] = value.clone();
    }
    event
}

// req: C-CHN-1
#[test]
fn what_a_person_can_send() {
    let message = |m: Value| event("message", json!({ "message": m }));
    let body = json!({"destination": "D", "events": [
        message(json!({"type": "text", "id": "1", "text": "Hello", "quotedMessageId": "0"})),
        message(json!({"type": "image", "id": "2"})),
        message(json!({"type": "audio", "id": "3"})),
        message(json!({"type": "file", "id": "4", "fileName": "a.pdf"})),
        message(json!({"type": "sticker", "id": "5"})),
        message(json!({"type": "location", "latitude": 35.6, "longitude": 139.7, "title": "Shop"})),
        event("postback", json!({"postback": {"data": "red"}})),
        event("follow", json!({})),
        event("unfollow", json!({})),
        event("unsend", json!({"unsend": {"messageId": "1"}})),
        event("next_years", json!({})),
        event("message", json!({"mode": "standby"})),
        event("message", json!({"source": {"type": "group", "userId": "U1"}})),
        json!({"type": "join"}),
    ]});
    let events = receive(&own(), &body, SECRET).expect("accepted");
    insta::assert_snapshot!(events.iter().map(summary).collect::<Vec<_>>().join("\n"));
    assert_eq!(receive(&own(), &body, "another"), Err(WebhookRejection::Unauthenticated));
    assert_eq!(receive(&own(), &json!({"events": []}), SECRET), Ok(Vec::new()));
    let without = ChannelAccount { secrets: BTreeMap::new(), ..own() };
    assert_eq!(receive(&without, &body, ""), Err(WebhookRejection::Unauthenticated));
}

#[tokio::test]
async fn a_repetition_carries_the_same_key_and_is_no_failure() {
    for (status, expected) in [
        (200, "sent 7"),
        (409, "sent -"),
        (429, "refused retry line.rate_limited"),
        (401, "down fatal line.unauthorized"),
        (500, "refused retry line.server_error"),
        (400, "refused reject line.refused"),
    ] {
        let body = if status == 200 { json!({"sentMessages": [{"id": "7"}]}) } else { json!({"message": "no"}) };
        let server = answering(status, body).await;
        let account = with(own(), "api_base", &server.uri());
        for _ in 0..2 {
            let sent = send_as(&account, "U1", &part("hello", "hello"), HOUR, false).await;
            assert_eq!(verdict(&sent), expected);
        }
        let message = json!({"to": "U1", "messages": [{"type": "text", "text": "hello"}]});
        assert_eq!(requests(&server).await[0], ("/v2/bot/message/push".to_owned(), message));
        let recorded = server.received_requests().await.expect("recorded");
        assert_eq!(recorded[0].headers["x-line-retry-key"], recorded[1].headers["x-line-retry-key"]);
    }
}
