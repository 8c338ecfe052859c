//! What is let in, and what is not.

use crate::{
    payloads::recorded,
    support::{SECRET, account, driver, headers, receive_as, signature},
};
use colloquy_domain::channel::{ChannelAccount, Handshake, Secret, WebhookRejection, WebhookRequest};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::OnceLock};

const META: [&str; 3] = ["whatsapp", "messenger", "instagram"];
const SIGNED: [&str; 4] = ["whatsapp", "messenger", "instagram", "telegram"];

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

// req: S1-WHK-1
#[test]
fn missing_short_and_foreign_proofs_are_refused() {
    let body = br#"{"object":"page","entry":[]}"#;
    let right = signature(body);
    let short = &right[..right.len() - 2];
    for channel in SIGNED {
        let account = account(channel);
        for wrong in ["", "sha256=", "sha1=abcd", "sha256=zz", short, &right["sha256=".len()..], "the-app-secre"] {
            for header in ["x-hub-signature-256", "x-telegram-bot-api-secret-token", "other"] {
                let got = receive_as(&account, &map(&[(header, wrong)]), body);
                assert_eq!(got, Err(WebhookRejection::Unauthenticated), "{channel} {header}={wrong}");
            }
        }
    }
}

#[test]
fn an_account_without_a_secret_accepts_nothing() {
    for channel in SIGNED {
        for secrets in [
            BTreeMap::new(),
            [("app_secret".to_owned(), Secret::new("")), ("webhook_secret".to_owned(), Secret::new(""))].into(),
        ] {
            let account = ChannelAccount { secrets, ..account(channel) };
            for headers in [headers(b"{}"), map(&[]), map(&[("x-telegram-bot-api-secret-token", "")])] {
                let got = receive_as(&account, &headers, b"{}");
                assert_eq!(got, Err(WebhookRejection::Unauthenticated), "{channel}");
            }
        }
    }
}

#[test]
fn escapes_and_order_of_the_raw_body_are_what_is_signed() {
    let body = br#"{ "entry":[], "object" : "whatsapp_business_account", "x":"\u00e9\ud83d\ude00" }"#;
    assert!(receive_as(&account("whatsapp"), &headers(body), body).is_ok());
    let respelled = serde_json::from_slice::<Value>(body).expect("json").to_string();
    let got = receive_as(&account("whatsapp"), &headers(body), respelled.as_bytes());
    assert_eq!(got, Err(WebhookRejection::Unauthenticated));
}

#[test]
fn signed_nonsense_is_malformed() {
    for channel in SIGNED {
        for body in ["", "{", "[1,2]", "null", "\u{feff}{}", "{\"a\":1}}", &"[".repeat(100_000)] {
            let got = receive_as(&account(channel), &headers(body.as_bytes()), body.as_bytes());
            assert!(matches!(got, Err(WebhookRejection::Malformed(_))), "{channel} {body:.20}: {got:?}");
        }
    }
}

// req: S1-WHK-1
#[test]
fn the_handshake_repeats_the_challenge_only_for_the_right_token() {
    let ask = |channel: &'static str, query: &[(&str, &str)]| {
        let (headers, query) = (BTreeMap::new(), map(query));
        driver(channel)
            .handshake(&account(channel), &WebhookRequest { url: "", headers: &headers, query: &query, body: b"" })
    };
    let right = [("hub.mode", "subscribe"), ("hub.verify_token", "verify-me"), ("hub.challenge", "1158201444")];
    for channel in META {
        assert_eq!(ask(channel, &right), Handshake::Challenge("1158201444".to_owned()));
        for left_out in 0..3 {
            let mut query = right.to_vec();
            query.remove(left_out);
            assert_eq!(ask(channel, &query), Handshake::Forbidden);
        }
        let wrong = [right[0], ("hub.verify_token", "verify-you"), right[2]];
        assert_eq!(ask(channel, &wrong), Handshake::Forbidden);
    }
    assert_eq!(ask("telegram", &right), Handshake::Unsupported);
}

#[test]
fn web_chat_takes_no_webhooks() {
    let account = account("webchat");
    assert_eq!(receive_as(&account, &headers(b"{}"), b"{}"), Err(WebhookRejection::NotSupported));
    assert!(driver("webchat").pull());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|m| json!(m)),
        ]
    })
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, at: &str, out: &mut Vec<String>) {
    out.push(at.to_owned());
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                places(inner, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), out);
            }
        }
        Value::Array(list) => {
            for (i, inner) in list.iter().enumerate() {
                places(inner, &format!("{at}/{i}"), out);
            }
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_signed_json_is_survived(value in any_json()) {
        for channel in SIGNED {
            let body = value.to_string();
            let got = receive_as(&account(channel), &headers(body.as_bytes()), body.as_bytes());
            prop_assert_eq!(got.is_ok(), value.is_object(), "{} {:?}", channel, got);
        }
    }

    #[test]
    fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..200), proof in "\\PC{0,80}") {
        for channel in SIGNED {
            let _ = receive_as(&account(channel), &headers(&body), &body);
            if proof != SECRET {
                let headers = map(&[("x-hub-signature-256", &proof), ("x-telegram-bot-api-secret-token", &proof)]);
                prop_assert_eq!(receive_as(&account(channel), &headers, &body), Err(WebhookRejection::Unauthenticated));
            }
        }
    }

    /// A real payload in which something is replaced by something else is still accepted.
    #[test]
    fn any_change_of_shape_is_accepted(pick in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), value in any_json()) {
        static RECORDED: OnceLock<Vec<Vec<(String, Value)>>> = OnceLock::new();
        let all = RECORDED.get_or_init(|| SIGNED.iter().map(|c| recorded(c)).collect());
        for (channel, all) in SIGNED.into_iter().zip(all) {
            let mut payload = pick.get(all).1.clone();
            let mut pointers = Vec::new();
            places(&payload, "", &mut pointers);
            let pointer = place.get(&pointers);
            if pointer.is_empty() {
                continue;
            }
            *payload.pointer_mut(pointer).expect("it is there") = value.clone();
            let body = payload.to_string();
            let got = receive_as(&account(channel), &headers(body.as_bytes()), body.as_bytes());
            prop_assert!(got.is_ok(), "{} {}: {:?}", channel, pointer, got);
        }
    }
}
