//! The telephone: whole calls, as their providers send them.

use crate::support::{
    calls::{Caller, OURS, THEIRS, action, said, telephone},
    client::Client,
    server::{Place, Server},
    wait::until,
};
use axum::{
    Router,
    extract::{Request, State},
    http::StatusCode,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

async fn the_call(api: &Client) -> Value {
    let mut calls = api.list("/dashboard/calls", "calls").await;
    assert_eq!(calls.len(), 1, "{calls:?}");
    let id = calls.remove(0)["id"].as_str().unwrap().to_owned();
    api.get(&format!("/dashboard/calls/{id}")).await.data()
}

// req: S4-TEL-1
// req: S4-TEL-3
// req: S4-LLM-1
// req: S4-CFG-1
// req: S4-I18N-1
// req: S4-RTE-1
// req: S2-CALL-1
// req: S2-LIFE-1
// req: S2-I18N-1
// req: S2-WHK-4
// req: S2-DSH-1
#[tokio::test]
async fn a_caller_is_greeted_answered_and_remembered_and_repeated_deliveries_change_nothing() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    telephone(api, "Echo", &json!({ "recording_notice": "Cet appel est enregistré." })).await;
    let caller = Caller::new(api, "CA0001");

    let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
    assert!(greeted.headers["content-type"].to_str().unwrap().starts_with("text/xml"), "{greeted:?}");
    assert!(greeted.text.contains("<Say voice=\"Polly.Léa\" language=\"fr-FR\">"), "{}", greeted.text);
    assert!(greeted.text.contains("<Gather input=\"speech\" language=\"fr-FR\""), "{}", greeted.text);
    assert!(action(&greeted.text).starts_with("/api/calls/process?"), "{}", greeted.text);
    let greeting = "Bonjour, vous êtes bien chez Chauffage Martin & Fils. Comment puis-je vous aider ?";
    assert_eq!(said(&greeted.text), ["Cet appel est enregistré.", greeting]);

    let first = caller.say(&greeted, "Où êtes-vous **situés** à Nîmes ?").await;
    assert_eq!(said(&first.text), ["Où êtes-vous situés à Nîmes ?"], "said without markup: {}", first.text);
    let again = caller.say(&greeted, "Où êtes-vous **situés** à Nîmes ?").await;
    assert_eq!(again.text, first.text, "a repeated delivery is answered alike");
    let silence = caller.say(&first, "").await;
    assert_eq!(said(&silence.text), ["Je ne vous ai pas entendu. Pouvez-vous répéter ?"]);
    let second = caller.say(&silence, "Réparez-vous les pompes à chaleur ?").await;
    let bye = caller.say(&second, "Merci, au revoir.").await;
    assert!(bye.text.contains("<Hangup/>") && said(&bye.text) == ["Merci de votre appel. Au revoir."], "{}", bye.text);
    let ended = [("CallDuration", "61"), ("CallbackSource", "call-progress-events"), ("Timestamp", "x")];
    assert_eq!(caller.post("/api/calls/status", "completed", &ended).await.status, 200);

    let call = the_call(api).await;
    for (field, value) in [
        ("external_call_id", json!("CA0001")),
        ("provider", json!("twilio")),
        ("direction", json!("inbound")),
        ("from", json!(THEIRS)),
        ("to", json!(OURS)),
        ("status", json!("completed")),
        ("ai_handled", json!(true)),
        ("outcome_type", json!("ANSWERED")),
        ("duration_seconds", json!(61)),
        ("billed_minutes", json!(2)),
    ] {
        assert_eq!(call[field], value, "{field}: {call}");
    }
    let transcript = [
        &format!("Agent: {greeting}"),
        "Caller: Où êtes-vous **situés** à Nîmes ?",
        "Agent: Où êtes-vous situés à Nîmes ?",
        "Caller: Réparez-vous les pompes à chaleur ?",
        "Agent: Réparez-vous les pompes à chaleur ?",
        "Caller: Merci, au revoir.",
        "Agent: Merci de votre appel. Au revoir.",
    ];
    assert_eq!(call["transcript"], transcript.join("\n"));
    let steps: Vec<_> = call["steps"].as_array().unwrap().iter().map(|s| s["kind"].as_str().unwrap()).collect();
    let life = ["incoming", "heard", "replied", "silence", "heard", "replied", "farewell", "status"];
    assert_eq!(steps, life);
    let lines = api.transcript(call["conversation"].as_str().unwrap()).await;
    assert_eq!(lines.len(), 4, "the same conversation as everywhere: {lines:?}");

    caller.post("/api/calls/incoming", "ringing", &[]).await;
    caller.say(&greeted, "Où êtes-vous **situés** à Nîmes ?").await;
    caller.post("/api/calls/status", "completed", &ended).await;
    assert_eq!(the_call(api).await, call, "nothing changes any more");

    let day = call["started_at"].as_str().unwrap().get(..10).unwrap();
    let metrics = api.get(&format!("/dashboard/calls/metrics?startDate={day}&endDate={day}")).await.data();
    assert_eq!((&metrics["totalCalls"], &metrics["aiHandledCalls"]), (&json!(1), &json!(1)), "{metrics}");
    assert_eq!((&metrics["averageDurationSeconds"], &metrics["byOutcome"]), (&json!(61.0), &json!({ "ANSWERED": 1 })));
    let earlier = api.get("/dashboard/calls/metrics?endDate=2020-01-01").await.data();
    assert_eq!(earlier["totalCalls"], 0);
    assert!(api.list("/dashboard/calls?startDate=2999-01-01", "calls").await.is_empty());
    let wrong = api.get("/dashboard/calls?startDate=soon").await;
    assert_eq!((wrong.status.as_u16(), wrong.fields()), (400, vec!["startDate".to_owned()]));
}

// req: S2-WHK-1
// req: S2-WHK-5
#[tokio::test]
async fn only_the_providers_own_requests_are_believed() {
    let server = Server::start().await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    let channel = telephone(api, "Echo", &json!({})).await;
    let path = format!("/webhooks/twilio-voice/{channel}");
    let shown = api.get(&format!("/api/channels/{channel}")).await.data();
    assert!(shown["webhook_url"].as_str().unwrap().ends_with(&path), "{shown}");
    assert_eq!(shown["secrets"]["auth_token"], "***");

    let caller = Caller::new(api, "CA0002");
    let forger = Caller { token: "another token", ..Caller::new(api, "CA0002") };
    for path in ["/api/calls/incoming", "/api/calls/process?turn=1", "/api/calls/status", &path] {
        let refused = forger.post(path, "ringing", &[("SpeechResult", "x")]).await;
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (403, &json!("FORBIDDEN")), "{path}");
    }
    let unsigned = api.attempt(api.bare(Method::POST, &path).body("CallSid=CA0002")).await.unwrap();
    assert_eq!(unsigned.status, 403);
    let elsewhere = Caller { to: "+33999999999", ..Caller::new(api, "CA0002") };
    assert_eq!(elsewhere.post("/api/calls/incoming", "ringing", &[]).await.status, 404, "nobody's number");
    assert_eq!(elsewhere.post(&path, "ringing", &[]).await.status, 404, "not this channel's number");
    assert!(api.list("/api/calls", "calls").await.is_empty(), "none of these was a call");

    let greeted = caller.post(&path, "ringing", &[]).await;
    assert!(action(&greeted.text).starts_with(&path), "{}", greeted.text);
    let answered = caller.say(&greeted, "Allô ?").await;
    assert_eq!(said(&answered.text), ["Allô ?"]);
    let hung_up = caller.post(&path, "completed", &[("CallDuration", "5")]).await;
    assert_eq!(hung_up.status, 200);
    let call = the_call(api).await;
    assert_eq!((&call["outcome_type"], &call["duration_seconds"]), (&json!("ANSWERED"), &json!(5)));
}

// req: S4-TEL-3
// req: S2-CALL-1
#[tokio::test]
async fn a_person_takes_over_by_telephone() {
    let server = Server::start().await;
    let api = &server.api;
    let agent = api.agent("Absent", "scripted", &[]).await;
    // An agent that is switched off hands everything over.
    api.patch(&format!("/api/agents/{agent}"), &json!({ "enabled": false })).await.data();
    telephone(api, "Absent", &json!({ "transfer_to": "+33600000000", "language": "en-GB", "voice": "Polly.Amy" }))
        .await;
    for (sid, dialled, outcome) in [("CA1", "completed", "TRANSFERRED"), ("CA2", "no-answer", "CALLBACK")] {
        let caller = Caller::new(api, sid);
        let greeted = caller.post("/api/calls/incoming", "ringing", &[]).await;
        assert!(greeted.text.contains("<Say voice=\"Polly.Amy\" language=\"en-GB\">Hello"), "{}", greeted.text);
        let through = caller.say(&greeted, "I want to talk to somebody").await;
        assert!(through.text.contains(">+33600000000</Dial>"), "{}", through.text);
        assert_eq!(said(&through.text), ["I'm putting you through to a person of our team."]);
        let after = caller.post(&action(&through.text), "in-progress", &[("DialCallStatus", dialled)]).await;
        assert!(after.text.contains("<Hangup/>"), "{}", after.text);
        let calls = api.list("/api/calls", "calls").await;
        let call = calls.iter().find(|c| c["external_call_id"] == sid).unwrap();
        assert_eq!((&call["outcome_type"], &call["ai_handled"]), (&json!(outcome), &json!(false)), "{call}");
    }
}

type Heard = Arc<Mutex<Vec<Value>>>;

async fn hear(State(heard): State<Heard>, body: String) {
    heard.lock().unwrap().push(serde_json::from_str(&body).unwrap());
}

/// A system that is told what happens.
async fn receiver() -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}/events", listener.local_addr().unwrap().port());
    let heard = Heard::default();
    let site = Router::new().fallback(hear).with_state(Arc::clone(&heard));
    tokio::spawn(async move { axum::serve(listener, site).await });
    (url, heard)
}

async fn vapi(api: &Client, secret: &str, message: Value) -> crate::support::client::Answer {
    let request = api.bare(Method::POST, "/webhooks/vapi/default").header("x-vapi-secret", secret);
    api.attempt(request.json(&json!({ "message": message }))).await.unwrap()
}

fn call_of(id: &str) -> Value {
    json!({ "id": id, "type": "inboundPhoneCall", "customer": { "number": THEIRS }, "phoneNumber": { "number": OURS } })
}

// req: S2-PROV-1
// req: S2-WHK-1
// req: S2-WHK-4
// req: S2-WHK-5
// req: S2-EVT-2
// req: S2-I18N-1
#[tokio::test]
async fn another_provider_leads_the_call_and_reports_it() {
    let (url, heard) = receiver().await;
    let server = Server::start_on(Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost")).await;
    let api = &server.api;
    let agent = api.agent("Echo", "scripted", &[]).await;
    let events = json!({ "url": url, "events": ["call.started", "call.ended"] });
    api.post("/api/webhook-endpoints", &events).await.data();
    let half = json!({ "kind": "voice", "name": "Vapi", "agent": "Echo", "settings": { "provider": "vapi" } });
    assert_eq!(api.post("/api/channels", &half).await.fields(), ["settings.webhook_secret"]);
    let settings = json!({ "provider": "vapi", "webhook_secret": "hush", "company": "Zoé" });
    let body = json!({ "kind": "voice", "name": "Vapi", "agent": "Echo", "external_id": OURS, "settings": settings });
    api.post("/api/channels", &body).await.data();

    let call = call_of("call-1");
    let forged = vapi(api, "loud", json!({ "type": "hang", "call": call })).await;
    assert_eq!(forged.status, 403, "{forged:?}");
    let wanted = vapi(api, "hush", json!({ "type": "assistant-request", "call": call })).await.body;
    assert_eq!(wanted["assistant"]["model"]["provider"], "custom-llm");
    assert_eq!(
        (&wanted["assistant"]["model"]["model"], &wanted["assistant"]["model"]["url"]),
        (&json!(agent), &json!(format!("{}/v1", api.url)))
    );
    vapi(api, "hush", json!({ "type": "status-update", "status": "in-progress", "call": call })).await;
    let said = json!({ "model": agent, "stream": false, "call": { "id": "call-1" }, "messages": [
        { "role": "system", "content": "x" }, { "role": "assistant", "content": "Bonjour" }, { "role": "user", "content": "**Où** êtes-vous ?" },
    ] });
    let answer = api.post("/v1/chat/completions", &said).await;
    assert_eq!(answer.body["choices"][0]["message"]["content"], "Où êtes-vous ?", "{answer:?}");
    let tools = json!([{ "id": "t1", "name": "ask", "arguments": { "question": "À quelle heure ?" } }, { "id": "t2", "name": "nothing" }]);
    let results = vapi(api, "hush", json!({ "type": "tool-calls", "call": call, "toolCallList": tools })).await.body;
    assert_eq!(results["results"][0], json!({ "toolCallId": "t1", "name": "ask", "result": "À quelle heure ?" }));
    assert!(results["results"][1]["error"].is_string(), "{results}");

    let report = json!({
        "type": "end-of-call-report", "call": call, "endedReason": "customer-ended-call", "cost": 0.25,
        "durationSeconds": 83.2, "artifact": { "transcript": "AI: Bonjour\nUser: Où êtes-vous ? À Nîmes, cœur…" },
        "analysis": { "summary": "Rendez-vous pris.", "structuredData": { "outcome": "BOOKED", "prénom": "Zoé" } },
    });
    for _ in 0..2 {
        assert_eq!(vapi(api, "hush", report.clone()).await.status, 200);
    }
    let call = the_call(api).await;
    for (field, value) in [
        ("provider", json!("vapi")),
        ("status", json!("completed")),
        ("outcome_type", json!("BOOKED")),
        ("ai_handled", json!(true)),
        ("transcript", json!("AI: Bonjour\nUser: Où êtes-vous ? À Nîmes, cœur…")),
        ("duration_seconds", json!(83)),
        ("billed_minutes", json!(2)),
        ("provider_cost_cents", json!(25)),
        ("structured_data", json!({ "outcome": "BOOKED", "prénom": "Zoé" })),
    ] {
        assert_eq!(call[field], value, "{field}: {call}");
    }
    assert_eq!(api.transcript(call["conversation"].as_str().unwrap()).await.len(), 4);
    let told = until("both events", async || Some(heard.lock().unwrap().clone()).filter(|h| h.len() >= 2)).await;
    assert_eq!((&told[0]["eventType"], &told[1]["eventType"]), (&json!("call.started"), &json!("call.ended")));
    let data = &told[1]["data"];
    for (field, value) in [
        ("direction", json!("inbound")),
        ("from", json!(THEIRS)),
        ("to", json!(OURS)),
        ("status", json!("completed")),
        ("duration", json!(83)),
        ("aiHandled", json!(true)),
        ("transcript", call["transcript"].clone()),
        ("outcome", json!("BOOKED")),
    ] {
        assert_eq!(data[field], value, "{field}: {data}");
    }
    assert_eq!(data["provider"]["callId"], "call-1");
    assert_eq!(
        (&data["provider"]["summary"], &data["provider"]["structuredData"]["prénom"]),
        (&json!("Rendez-vous pris."), &json!("Zoé"))
    );
    assert_eq!(heard.lock().unwrap().len(), 2, "a repeated report is told once");
}

/// The REST APIs of both providers: what they know of calls, and what they were asked.
async fn providers() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let answer = move |request: Request| {
        let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
        noted.lock().unwrap().push(format!("{authorization} {}", request.uri().path()));
        let known = match request.uri().path().rsplit('/').next().unwrap() {
            "CA-ended.json" => json!({ "status": "completed", "duration": "61", "price": "-0.0170" }),
            "CA-talks.json" => json!({ "status": "in-progress", "duration": null, "price": null }),
            "vapi-ended" => json!({
                "id": "vapi-ended", "status": "ended", "endedReason": "customer-ended-call", "cost": 0.25,
                "startedAt": "2026-01-01T00:00:00.000Z", "endedAt": "2026-01-01T00:00:30.000Z",
            }),
            _ => Value::Null,
        };
        let status = if known.is_null() { StatusCode::NOT_FOUND } else { StatusCode::OK };
        async move { (status, axum::Json(known)) }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    (url, asked)
}

// req: S2-LIFE-1
// req: S2-EVT-2
#[tokio::test]
async fn a_call_whose_end_nobody_told_is_asked_about_and_lost_if_nobody_knows() {
    let ((url, heard), (rest, asked)) = (receiver().await, providers().await);
    let place = Place::default().with("COLLOQUY_PRIVATE_HOSTS", "localhost");
    let server = Server::start_on(place.with("COLLOQUY_CALL_SILENCE_SECONDS", "2")).await;
    let api = &server.api;
    api.agent("Echo", "scripted", &[]).await;
    api.post("/api/webhook-endpoints", &json!({ "url": url, "events": ["call.ended"] })).await.data();
    let sid = "AC00000000000000000000000000000000";
    telephone(api, "Echo", &json!({ "account_sid": sid, "api_base": rest })).await;
    let settings = json!({ "provider": "vapi", "webhook_secret": "hush", "api_key": "vk", "api_base": rest });
    let body = json!({ "kind": "voice", "name": "Vapi", "agent": "Echo", "settings": settings });
    api.post("/api/channels", &body).await.data();
    for sid in ["CA-ended", "CA-talks", "CA-gone"] {
        assert_eq!(Caller::new(api, sid).post("/api/calls/incoming", "ringing", &[]).await.status, 200);
    }
    vapi(api, "hush", json!({ "type": "status-update", "status": "in-progress", "call": call_of("vapi-ended") })).await;

    let ended = until("three ends", async || Some(heard.lock().unwrap().clone()).filter(|h| h.len() >= 3)).await;
    let calls = api.list("/dashboard/calls", "calls").await;
    let call = |id: &str| calls.iter().find(|c| c["external_call_id"] == id).unwrap();
    for (id, outcome, seconds, cents) in [
        ("CA-ended", json!("ABANDONED"), json!(61), json!(2)),
        ("CA-gone", json!("LOST"), Value::Null, Value::Null),
        ("vapi-ended", json!("ABANDONED"), json!(30), json!(25)),
    ] {
        let call = call(id);
        assert_eq!((&call["status"], &call["outcome_type"]), (&json!("completed"), &outcome), "{call}");
        assert_eq!((&call["duration_seconds"], &call["provider_cost_cents"]), (&seconds, &cents), "{call}");
        assert!(call["ended_at"].is_string(), "{call}");
    }
    assert_eq!((&call("CA-talks")["status"], &call("CA-talks")["ended_at"]), (&json!("in-progress"), &Value::Null));
    let told: Vec<_> = ended.iter().map(|e| e["data"]["provider"]["callId"].clone()).collect();
    assert!(!told.contains(&json!("CA-talks")), "{told:?}");
    {
        let asked = asked.lock().unwrap();
        assert!(asked.contains(&"Bearer vk /call/vapi-ended".to_owned()), "{asked:?}");
        let twilio = format!("/2010-04-01/Accounts/{sid}/Calls/CA-gone.json");
        assert!(asked.iter().any(|a| a.starts_with("Basic ") && a.ends_with(&twilio)), "{asked:?}");
    }

    // Twilio tells of it after all: the figures are its own, and nobody is told of a second end.
    let late = [("CallDuration", "95"), ("CallbackSource", "call-progress-events")];
    assert_eq!(Caller::new(api, "CA-gone").post("/api/calls/status", "completed", &late).await.status, 200);
    let calls = api.list("/dashboard/calls", "calls").await;
    let found = calls.iter().find(|c| c["external_call_id"] == "CA-gone").unwrap();
    assert_eq!((&found["outcome_type"], &found["duration_seconds"]), (&json!("ABANDONED"), &json!(95)), "{found}");
    // Meanwhile the call that went on ended, as its provider tells.
    let over = Caller::new(api, "CA-talks").post("/api/calls/status", "completed", &late).await;
    assert_eq!(over.status, 200);
    let told = until("the last end", async || Some(heard.lock().unwrap().clone()).filter(|h| h.len() >= 4)).await;
    let mut told: Vec<_> = told.iter().map(|e| e["data"]["provider"]["callId"].as_str().unwrap().to_owned()).collect();
    told.sort();
    assert_eq!(told, ["CA-ended", "CA-gone", "CA-talks", "vapi-ended"], "each once");
}
