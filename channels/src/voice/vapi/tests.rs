use super::{super::tests::account, *};
use colloquy_domain::time::Timestamp;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NOW: Timestamp = Timestamp(1_767_225_600_000);

fn receive(headers: &[(&str, &str)], body: &str) -> Result<CallNews, WebhookRejection> {
    let headers: BTreeMap<String, String> = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let query = BTreeMap::new();
    let request = CallRequest { url: "", headers: &headers, query: &query, body: body.as_bytes(), now: NOW };
    Vapi.receive(&account(&[("provider", "vapi")], &[("webhook_secret", "hush")]), &request)
}

fn sign(secret: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any key");
    mac.update(format!("{timestamp}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

// req: S2-WHK-5
#[test]
fn the_secret_is_shown_or_signed_with() {
    let body = r#"{"message":{"type":"hang","call":{"id":"c1"}}}"#;
    assert!(receive(&[("x-vapi-secret", "hush")], body).is_ok());
    assert!(receive(&[("authorization", "Bearer hush")], body).is_ok());
    let (fresh, stale) = ("1767225599", "1767225000000");
    assert!(receive(&[("x-timestamp", fresh), ("x-signature", sign("hush", fresh, body).as_str())], body).is_ok());
    for headers in [
        vec![],
        vec![("x-vapi-secret", "hus")],
        vec![("x-vapi-secret", "")],
        vec![("x-timestamp", fresh), ("x-signature", sign("loud", fresh, body).as_str())],
        vec![("x-timestamp", stale), ("x-signature", sign("hush", stale, body).as_str())],
        vec![("x-timestamp", fresh), ("x-signature", sign("hush", fresh, "{}").as_str())],
        vec![("x-signature", "zz")],
    ] {
        assert_eq!(receive(&headers, body), Err(WebhookRejection::Unauthenticated), "{headers:?}");
    }
    let malformed = receive(&[("x-vapi-secret", "hush")], "[]");
    assert!(matches!(malformed, Err(WebhookRejection::Malformed(_))), "{malformed:?}");
    let nobody = account(&[("provider", "vapi")], &[]);
    let (headers, query) = (BTreeMap::from([("x-vapi-secret".to_owned(), String::new())]), BTreeMap::new());
    let request = CallRequest { url: "", headers: &headers, query: &query, body: body.as_bytes(), now: NOW };
    assert_eq!(Vapi.receive(&nobody, &request), Err(WebhookRejection::Unauthenticated), "no secret believes nobody");
}

#[test]
fn tool_calls_come_in_every_shape() {
    let ask = |question: &str| CallTool { id: "t1".into(), name: "ask".into(), question: Some(question.into()) };
    let arguments = json!({ "question": "Où ?" });
    for message in [
        json!({ "toolCallList": [{ "id": "t1", "function": { "name": "ask", "arguments": arguments } }] }),
        json!({ "toolCallList": [{ "id": "t1", "function": { "name": "ask", "arguments": arguments.to_string() } }] }),
        json!({ "toolCallList": [{ "id": "t1", "name": "ask", "arguments": arguments }] }),
        json!({ "toolCallList": [{ "id": "t1", "name": "ask", "parameters": arguments }] }),
        json!({ "toolCalls": [{ "id": "t1", "function": { "name": "ask", "arguments": arguments } }] }),
        json!({ "toolWithToolCallList": [{ "name": "x", "toolCall": { "id": "t1", "name": "ask", "parameters": arguments } }] }),
        json!({
            "toolCalls": [{ "id": "t1", "function": { "name": "ask", "arguments": "Où ?" } }],
            "toolCallList": [{ "id": "t1", "name": "ask", "arguments": arguments }],
        }),
    ] {
        assert_eq!(tools(&message), [ask("Où ?")], "{message}");
    }
    let legacy = tools(&json!({ "functionCall": { "name": "ask", "parameters": { "query": "Où ?" } } }));
    assert_eq!((legacy[0].name.as_str(), legacy[0].question.as_deref()), ("ask", Some("Où ?")));
    assert_eq!(tools(&json!({ "toolCallList": [{ "id": "t1" }] }))[0].question, None);
}

// req: S2-CALL-1
// req: S2-I18N-1
#[test]
fn a_report_is_read_with_its_accents() {
    let report = report(&json!({
        "endedReason": "customer-ended-call", "cost": 0.1234, "durationSeconds": 61.4,
        "artifact": { "transcript": "AI: Bonjour\nUser: Où êtes-vous ? À Nîmes, près du cœur…\n" },
        "analysis": { "summary": "Le client réserve.", "structuredData": { "outcome": "booked", "prénom": "Zoé" } },
    }));
    assert_eq!(report.transcript.as_deref(), Some("AI: Bonjour\nUser: Où êtes-vous ? À Nîmes, près du cœur…\n"));
    assert_eq!((report.seconds, report.cost_cents), (Some(61), Some(12)));
    assert_eq!(report.outcome, Some(CallOutcome::Booked));
    assert!(report.structured.expect("kept").contains("Zoé"));
    let timed = super::report(&json!({
        "startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:30Z", "endedReason": "voicemail",
    }));
    assert_eq!((timed.seconds, timed.outcome), (Some(30), Some(CallOutcome::Missed)));
}

#[test]
fn answers_are_what_vapi_reads() {
    let answer = |a: CallAnswer| -> Value {
        let document = Vapi.answer(&account(&[], &[]), &a);
        serde_json::from_str(&document.body).expect("JSON")
    };
    let failed = CallToolAnswer { id: "t2".into(), name: "b".into(), result: Err("there is\nno such tool".into()) };
    let fine = CallToolAnswer { id: "t1".into(), name: "a".into(), result: Ok("à\n9 h".into()) };
    assert_eq!(
        answer(CallAnswer::Tools(vec![fine, failed])),
        json!({ "results": [
            { "toolCallId": "t1", "name": "a", "result": "à 9 h" },
            { "toolCallId": "t2", "name": "b", "error": "there is no such tool" },
        ] })
    );
    let speaks = CallAnswer::Assistant { first: "Allô".into(), agent: "a".into(), address: "https://x/v1".into() };
    assert_eq!(answer(speaks)["assistant"]["model"]["url"], "https://x/v1");
    assert_eq!(answer(CallAnswer::Noted), json!({}));
}

// req: S2-LIFE-1
#[test]
fn vapi_is_asked_about_a_call_with_its_key() {
    let asked = Vapi.question(&account(&[], &[("api_key", "k")]), "c1").expect("it can be asked");
    assert_eq!((asked.method, asked.url.as_str()), ("GET", "https://api.vapi.ai/call/c1"));
    assert_eq!(asked.headers, [("authorization".into(), "Bearer k".to_owned())]);
    assert_eq!(Vapi.question(&account(&[], &[]), "c1"), None);
    let told = json!({
        "id": "c1", "status": "ended", "endedReason": "customer-ended-call", "cost": 0.123,
        "startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:30Z", "analysis": { "summary": "Une fuite." },
    });
    let standing = Vapi.standing(told.to_string().as_bytes()).expect("understood");
    assert_eq!((standing.status, standing.report.seconds), (CallStatus::Completed, Some(30)));
    assert_eq!((standing.report.cost_cents, standing.report.summary.as_deref()), (Some(12), Some("Une fuite.")));
    assert_eq!(Vapi.standing(br#"{"statusCode":404,"message":"no such call"}"#), None);
}

proptest! {
    #[test]
    fn whatever_is_signed_is_survived(kind in "[a-z-]{0,20}", junk in "\\PC{0,40}", n in any::<f64>()) {
        let kinds = ["tool-calls", "end-of-call-report", "status-update", "transcript", "assistant-request", &kind];
        for kind in kinds {
            let message = json!({ "type": kind, "call": { "id": junk, "customer": junk }, "status": junk, "cost": n,
                "toolCallList": [junk, { "function": junk, "arguments": junk }], "artifact": junk, "analysis": [junk] });
            news(&message);
        }
    }
}
