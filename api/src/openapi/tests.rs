use super::{Success, document, template, usual};
use crate::routes;
use std::{collections::BTreeSet, path::Path};

/// Answers that their handlers make by hand and that nothing describes yet. A line leaves when the handler's type says what
/// it answers (`ApiResult<Of<…>>`), or the registry does; none is added.
const UNDESCRIBED: &[&str] = &[
    "GET /",
    "GET /api/auth/me",
    "GET /api/auth/sessions",
    "GET /api/documents/{id}",
    "GET /api/knowledge-bases/{id}/unanswered",
    "GET /reset",
    "PATCH /api/auth/me",
    "POST /api/auth/forgot",
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "POST /api/auth/refresh",
    "POST /api/auth/register",
    "POST /api/auth/reset",
    "POST /api/channels/{id}/test",
    "POST /api/chat",
    "POST /api/chat/audio",
    "POST /api/contacts/import/csv",
    "POST /api/documents",
    "POST /api/documents/{id}/process",
    "POST /api/orders/confirm",
    "POST /api/orders/create",
    "POST /api/orders/{id}/cancel",
    "POST /api/orders/{id}/refund",
    "POST /api/reservations",
    "POST /api/reservations/{id}/cancel",
    "POST /api/users",
    "POST /api/video/session",
    "POST /api/video/session/{id}/messages",
    "POST /webhooks/{channel}",
];

fn committed() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json"))
}

// req: S1-API-1
#[test]
fn the_committed_description_is_that_of_the_code() {
    let ours = document();
    if std::env::var_os("COLLOQUY_UPDATE").is_some() {
        let text = serde_json::to_string_pretty(&ours).unwrap() + "\n";
        std::fs::write(committed(), text).unwrap();
    }
    let text = std::fs::read(committed()).unwrap_or_default();
    let theirs: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    assert!(ours == theirs, "docs/openapi.json is not what the code says: run this test with COLLOQUY_UPDATE=1");
}

// req: S1-API-1
#[test]
fn every_endpoint_is_described_with_what_it_reads_and_answers() {
    let document = document();
    let mut undescribed = BTreeSet::new();
    for (path, endpoint) in routes::endpoints() {
        let path = template(&path);
        let name = format!("{} {}", endpoint.method, usual(&path));
        let shown = &document["paths"][usual(&path)][endpoint.method.as_str().to_ascii_lowercase()];
        assert!(shown.is_object(), "{name} is not in the description");
        let also = shown["x-also-at"].as_array().unwrap();
        assert!(usual(&path) == path || also.contains(&path.clone().into()), "{name} is not said to lie at {path}");
        assert!(
            !endpoint.says.reads_raw || !endpoint.says.reads.is_empty(),
            "{name}: say what it reads, with `.reading`"
        );
        if endpoint.says.answers == Success::Unknown {
            undescribed.insert(name);
        }
    }
    let undescribed: Vec<_> = undescribed.iter().map(String::as_str).collect();
    assert_eq!(undescribed, UNDESCRIBED, "say what they answer: see the module `answer`");
}
