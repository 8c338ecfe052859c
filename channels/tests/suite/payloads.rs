//! Every recorded payload is accepted, and decodes to what its name says.

use crate::support::{account, headers, receive, receive_as, summary};
use colloquy_domain::channel::WebhookRejection;
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// The recorded webhook bodies of a channel, by file and name.
pub fn recorded(channel: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads").join(channel);
    let mut files: Vec<_> = fs::read_dir(folder).expect("payloads").map(|f| f.expect("file").path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let stem = file.file_stem().and_then(|s| s.to_str()).expect("utf-8").to_owned();
        let bodies: BTreeMap<String, Value> =
            serde_json::from_slice(&fs::read(&file).expect("readable")).expect("a map of bodies");
        let bodies = bodies.into_iter().filter(|(_, b)| b.get("entry").is_some() || b.get("update_id").is_some());
        all.extend(bodies.map(|(name, body)| (format!("{stem}.{name}"), body)));
    }
    all
}

fn summaries(channel: &'static str) -> String {
    let mut account = account(channel);
    account.settings.insert("app_id".to_owned(), "42".to_owned());
    // The business account of Meta's own examples.
    account.settings.insert("business_account_id".to_owned(), "102290129340398".to_owned());
    account.settings.insert("bot_username".to_owned(), "VercelChatSDKbot".to_owned());
    let lines = recorded(channel).into_iter().flat_map(|(name, body)| {
        let events = receive(&account, &body);
        assert!(!events.is_empty(), "{name} vanished");
        events.iter().map(|e| format!("{name}: {}", summary(e))).collect::<Vec<_>>()
    });
    lines.collect::<Vec<_>>().join("\n")
}

// req: C-CHN-1
// req: S1-WHK-1
#[test]
fn whatsapp_payloads() {
    insta::assert_snapshot!("whatsapp", summaries("whatsapp"));
}

// req: C-CHN-1
// req: S1-WHK-1
#[test]
fn messenger_payloads() {
    insta::assert_snapshot!("messenger", summaries("messenger"));
}

// req: S1-WHK-1
#[test]
fn instagram_payloads() {
    insta::assert_snapshot!("instagram", summaries("instagram"));
}

// req: C-CHN-1
// req: S1-WHK-1
#[test]
fn telegram_payloads() {
    insta::assert_snapshot!("telegram", summaries("telegram"));
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    for channel in ["whatsapp", "messenger", "instagram"] {
        let account = account(channel);
        for (name, body) in recorded(channel) {
            let body = body.to_string().into_bytes();
            let headers = headers(&body);
            for at in [0, body.len() / 3, body.len() / 2, body.len() - 1] {
                let mut flipped = body.clone();
                flipped[at] ^= 1;
                let got = receive_as(&account, &headers, &flipped);
                assert_eq!(got, Err(WebhookRejection::Unauthenticated), "{channel} {name} byte {at}");
            }
        }
    }
}

#[test]
fn payloads_of_other_accounts_are_left_to_them() {
    for channel in ["whatsapp", "messenger", "instagram"] {
        let mut account = account(channel);
        account.external_id = Some("999999".to_owned());
        for (name, body) in recorded(channel) {
            for event in receive(&account, &body) {
                let line = summary(&event);
                // A template is of the business account that has the number; its own id says whose.
                assert!(line.starts_with("ignored ") || line.starts_with("template "), "{name}: {line}");
            }
        }
    }
}
