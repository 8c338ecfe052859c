use super::{
    answer::{Lost, answered, lost, offered},
    open::over_http,
    sessions::{Key, Sessions},
};
use crate::web::Internet;
use colloquy_domain::{
    egress::Egress,
    failure::Failure,
    ids::{TenantId, ToolServerId},
    time::Timestamp,
    tool::{EffectClass, ToolStatus},
    tool_server::{Speaks, ToolServer, ToolServerSettings},
};
use rmcp::{model::Tool, service::ServiceError};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

fn content(result: Value) -> (String, ToolStatus) {
    let result = answered(serde_json::from_value(result).unwrap());
    (result.content, result.status)
}

#[test]
fn a_model_reads_the_words_and_hears_of_what_is_none() {
    let mixed = json!({ "content": [
        { "type": "text", "text": "Two rooms." },
        { "type": "image", "data": "AAAA", "mimeType": "image/png" },
        { "type": "resource", "resource": { "uri": "file:///plan", "text": "A plan." } },
        { "type": "resource_link", "name": "Map", "uri": "https://example.com/map" },
    ] });
    let words = "Two rooms.\n[a picture, image/png]\nA plan.\n[Map: https://example.com/map]";
    assert_eq!(content(mixed), (words.to_owned(), ToolStatus::Done));
    let structured = json!({ "content": [], "structuredContent": { "rooms": 2 } });
    assert_eq!(content(structured), (r#"{"rooms":2}"#.to_owned(), ToolStatus::Done));
    let both = json!({ "content": [{ "type": "text", "text": "2" }], "structuredContent": { "rooms": 2 } });
    assert_eq!(content(both).0, "2", "what is said twice is read once");
    let failed = json!({ "content": [{ "type": "text", "text": "no such room" }], "isError": true });
    let (words, status) = content(failed);
    assert!(words.contains("no such room") && matches!(status, ToolStatus::Failed { .. }), "{words}");
}

#[test]
fn a_long_answer_is_cut_between_characters() {
    let (words, _) = content(json!({ "content": [{ "type": "text", "text": "é".repeat(40_000) }] }));
    assert!(words.len() < 33_000 && words.ends_with("[cut: it was longer]"), "{}", words.len());
}

#[test]
fn what_a_server_says_of_effects() {
    let effect = |annotations: Value| {
        let tool = json!({ "name": "t", "inputSchema": { "type": "object" }, "annotations": annotations });
        offered(serde_json::from_value::<Tool>(tool).unwrap()).effect
    };
    assert_eq!(effect(json!({ "readOnlyHint": true })), EffectClass::Read);
    assert_eq!(effect(json!({ "readOnlyHint": false, "idempotentHint": true })), EffectClass::Idempotent);
    assert_eq!(effect(json!({ "destructiveHint": false })), EffectClass::Unsafe);
    assert_eq!(effect(Value::Null), EffectClass::Unsafe);
}

#[test]
fn only_the_servers_own_refusal_says_that_nothing_happened() {
    let refused = rmcp::ErrorData::invalid_params("no such date", None);
    assert!(matches!(lost(&ServiceError::McpError(refused)), Lost::Refused(f) if f.code == "mcp.refused"));
    let forgotten = rmcp::ErrorData::new(rmcp::model::ErrorCode(-32000), "No valid session ID provided", None);
    assert!(matches!(lost(&ServiceError::McpError(forgotten)), Lost::NotSent(_)), "another session, the same call");
    assert!(matches!(lost(&ServiceError::TransportClosed), Lost::Unknown(f) if f.code == "mcp.unreachable"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_is_left_alone_for_a_while() {
    let (sessions, tries) = (Sessions::default(), AtomicUsize::new(0));
    let away = async || {
        tries.fetch_add(1, Ordering::Relaxed);
        Err(Failure::retry("mcp.unreachable", "away"))
    };
    let key = || Key::Local("files".into());
    for _ in 0..3 {
        assert!(sessions.get(key(), away).await.is_err_and(|f| f.code == "mcp.unreachable"));
    }
    assert_eq!(tries.load(Ordering::Relaxed), 1);
    assert!(sessions.get(Key::Local("others".into()), away).await.is_err());
    assert_eq!(tries.load(Ordering::Relaxed), 2, "each by itself");
    tokio::time::advance(Duration::from_secs(11)).await;
    assert!(sessions.get(key(), away).await.is_err());
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

fn connected(url: String) -> ToolServer {
    ToolServer {
        tenant: TenantId::new(uuid::Uuid::from_u128(1)),
        id: ToolServerId::new(uuid::Uuid::from_u128(2)),
        settings: ToolServerSettings {
            name: "shop".into(),
            url,
            speaks: Speaks::Mcp,
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            enabled: true,
            trusted: false,
            rules: BTreeMap::new(),
        },
        tools: Vec::new(),
        asked_at: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

#[tokio::test]
async fn why_there_is_no_session_is_told_apart() {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let open = async |private: &[String], url: String| {
        let internet = Internet::new(Egress::with_private_hosts(private)).unwrap();
        let failed = over_http(&internet, &connected(url)).await.map(|_| ()).unwrap_err();
        (failed.code.to_string(), failed.is_retry())
    };
    let by_name = format!("http://localhost:{port}/mcp");
    assert_eq!(open(&[], by_name.clone()).await, ("egress.private".to_owned(), false), "the guard looks at names, too");
    assert_eq!(open(&["localhost".to_owned()], by_name).await, ("mcp.unreachable".to_owned(), true));
    let answering = axum::Router::new()
        .route(
            "/locked",
            axum::routing::any(async || (axum::http::StatusCode::UNAUTHORIZED, [("www-authenticate", "Bearer")], "")),
        )
        .route("/page", axum::routing::any(async || "hello"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, answering).await });
    for (path, code) in [("locked", "mcp.unauthorized"), ("page", "mcp.refused")] {
        let told = open(&["localhost".to_owned()], format!("http://localhost:{port}/{path}")).await;
        assert_eq!(told, (code.to_owned(), false));
    }
}
