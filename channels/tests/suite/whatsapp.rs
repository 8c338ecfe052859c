//! What the Cloud API is told, and what its answers mean.

use crate::support::{
    HOUR, TOKEN, account, answering, at, driver, impatient, message, outbox, part, peer, receive, requests, send,
    send_with, summary, verdict, with,
};
use colloquy_domain::{channel::ChannelEvent, failure::Verdict};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, method, path, query_param},
};

fn error(code: i64) -> Value {
    json!({"error": {"message": "m", "type": "OAuthException", "code": code, "error_data": {"details": "why"}}})
}

// req: C-CHN-1
#[tokio::test]
async fn a_part_goes_out_with_the_outbox_id() {
    let server = MockServer::start().await;
    let taken = json!({"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]});
    Mock::given(path("/v26.0/1122/messages"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(taken))
        .mount(&server)
        .await;
    let account = at(&server, "whatsapp");
    assert_eq!(verdict(&send(&account, "15550002222").await), "sent wamid.1");
    assert_eq!(verdict(&send(&account, "US.13491208655302741918").await), "sent wamid.1");
    let bodies: Vec<Value> = requests(&server).await.into_iter().map(|(_, b)| b).collect();
    let expected = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": "15550002222", "type": "text",
        "text": {"body": "<b>hello</b>", "preview_url": false}, "biz_opaque_callback_data": outbox().to_string(),
    });
    assert_eq!(bodies[0], expected);
    assert_eq!((bodies[1].get("to"), &bodies[1]["recipient"]), (None, &json!("US.13491208655302741918")));
}

#[tokio::test]
async fn the_window_is_judged_when_the_message_is_sent() {
    let server = answering(200, json!({"messages": [{"id": "wamid.1"}], "message_id": "m_1"})).await;
    for channel in ["whatsapp", "messenger"] {
        let account = at(&server, channel);
        let text = part("a", "a");
        let open = send_with(&crate::support::options(), &account, "1", &text, 24 * HOUR).await;
        assert!(open.is_ok(), "{open:?}");
        let before = requests(&server).await.len();
        let closed = send_with(&crate::support::options(), &account, "1", &text, 24 * HOUR + 1).await;
        assert_eq!(verdict(&closed), format!("refused reject {channel}.window_closed"));
        assert_eq!(requests(&server).await.len(), before, "nothing was asked of the provider");
    }
}

#[tokio::test]
async fn refusals_carry_the_right_decision() {
    let table = [
        (400, error(131_056), "refused retry 6s whatsapp.pair_rate_limited"),
        (429, error(130_429), "refused retry whatsapp.rate_limited"),
        (500, error(131_000), "refused retry whatsapp.unavailable"),
        (500, error(999_999), "refused retry whatsapp.server_error"),
        (400, error(131_047), "refused reject whatsapp.needs_template"),
        (400, error(131_026), "refused reject whatsapp.recipient"),
        (400, error(131_050), "refused reject whatsapp.opted_out"),
        (400, error(100), "refused reject whatsapp.payload"),
        (401, error(190), "down fatal whatsapp.unauthorized"),
        (400, error(131_031), "down fatal whatsapp.account_restricted"),
        (400, error(424_242), "refused reject whatsapp.refused"),
        (
            400,
            json!({"error": {"code": 424_242, "is_transient": true, "error_data": "words"}}),
            "refused retry whatsapp.transient",
        ),
        (503, json!("busy"), "refused retry whatsapp.server_error"),
        (502, json!("gateway"), "uncertain retry whatsapp.no_answer"),
        (200, json!({}), "sent -"),
    ];
    for (status, body, expected) in table {
        let server = answering(status, body.clone()).await;
        assert_eq!(verdict(&send(&at(&server, "whatsapp"), "1").await), expected, "{status} {body}");
        assert_eq!(requests(&server).await.len(), 1);
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(429).insert_header("retry-after", "11").set_body_json(error(80_007));
    Mock::given(method("POST")).respond_with(template).mount(&server).await;
    assert_eq!(verdict(&send(&at(&server, "whatsapp"), "1").await), "refused retry 11s whatsapp.rate_limited");
}

#[tokio::test]
async fn a_lost_answer_is_uncertain() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(200).set_body_json(json!({})).set_delay(Duration::from_secs(20));
    Mock::given(method("POST")).respond_with(slow).mount(&server).await;
    for channel in ["whatsapp", "messenger"] {
        let account = at(&server, channel);
        let result = send_with(&impatient(), &account, "1", &part("a", "a"), HOUR).await;
        assert_eq!(verdict(&result), format!("uncertain retry {channel}.no_answer"));
        let gone = with(account, "api_base", "http://127.0.0.1:1");
        assert_eq!(verdict(&send(&gone, "1").await), format!("refused retry {channel}.unreachable"));
    }
}

#[tokio::test]
async fn a_broken_account_is_down_before_anything_is_sent() {
    let server = answering(200, json!({})).await;
    let mut account = at(&server, "whatsapp");
    account.secrets.clear();
    assert_eq!(verdict(&send(&account, "1").await), "down fatal whatsapp.bad_settings");
    let mut account = at(&server, "whatsapp");
    account.external_id = None;
    assert_eq!(verdict(&send(&account, "1").await), "down fatal whatsapp.bad_settings");
    assert!(requests(&server).await.is_empty());
    let named = with(account, "phone_number_id", "1122");
    assert_eq!(verdict(&send(&named, "1").await), "sent -");
}

#[tokio::test]
async fn a_token_in_an_error_is_not_passed_on() {
    let body = json!({"error": {"code": 190, "message": format!("Malformed access token {TOKEN}")}});
    let server = answering(400, body).await;
    let result = send(&at(&server, "whatsapp"), "1").await;
    assert!(format!("{result:?}").contains("Malformed access token ***"), "{result:?}");
}

#[tokio::test]
async fn reading_and_typing_are_one_call() {
    let server = answering(200, json!({"success": true})).await;
    driver("whatsapp").typing(&at(&server, "whatsapp"), &peer("1"), "wamid.9").await.expect("shown");
    let expected = json!({
        "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.9", "typing_indicator": {"type": "text"},
    });
    assert_eq!(requests(&server).await, [("/v26.0/1122/messages".to_owned(), expected)]);
}

#[tokio::test]
async fn the_check_names_the_number() {
    let server = MockServer::start().await;
    let answer = json!({"verified_name": "Concierge", "display_phone_number": "+1 555", "id": "1122"});
    Mock::given(path("/v27.0/1122"))
        .and(query_param("fields", "verified_name,display_phone_number"))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let account = with(at(&server, "whatsapp"), "graph_version", "v27.0");
    assert_eq!(driver("whatsapp").check(&account).await.expect("fine"), "Concierge (+1 555)");
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(401).set_body_json(error(190));
    Mock::given(method("GET")).respond_with(answer).mount(&server).await;
    let failure = driver("whatsapp").check(&at(&server, "whatsapp")).await.expect_err("expired");
    assert_eq!(failure.verdict, Verdict::Fatal);
}

fn payload(value: Value) -> Value {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]})
}

#[test]
fn several_accounts_and_messages_in_one_payload_are_kept_apart() {
    let change = |phone: &str, id: &str| {
        let messages = json!([{"id": id, "from": "1", "type": "text", "text": {"body": id}}, {"id": "b", "from": "2", "type": "poll"}]);
        json!({"field": "messages", "value": {"metadata": {"phone_number_id": phone}, "messages": messages}})
    };
    let payload = json!({"object": "whatsapp_business_account", "entry": [
        {"changes": [change("1122", "x"), change("3344", "y")]},
        {"changes": [change("1122", "z"), {"field": "flows", "value": {}}]},
    ]});
    let mut account = account("whatsapp");
    account.external_id = Some("1122".to_owned());
    let lines: Vec<String> = receive(&account, &payload).iter().map(summary).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn people_are_found_by_whichever_id_they_have() {
    let contacts = json!([{"profile": {"username": "ana.li"}, "user_id": "US.9"}]);
    let text = json!({"body": "hi"});
    let lines: Vec<String> = [
        json!({"contacts": contacts, "messages": [{"id": "1", "from_user_id": "US.9", "type": "text", "text": text}]}),
        json!({"contacts": contacts, "messages": [{"id": "2", "from": "US.9", "type": "text", "text": text}]}),
        json!({"contacts": contacts, "messages": [{"id": "3", "type": "text", "text": text}]}),
        json!({"messages": [{"id": "4", "type": "text", "text": text}]}),
        json!({"contacts": contacts, "messages": [{"id": "5", "from": "1", "group_id": "g", "type": "text", "text": text}]}),
    ]
    .into_iter()
    .flat_map(|v| receive(&account("whatsapp"), &payload(v)))
    .map(|e| summary(&e))
    .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_message_without_an_id_gets_the_same_one_each_time() {
    let payload = payload(json!({"messages": [{"from": "1", "type": "text", "text": {"body": "hi"}}]}));
    let first = message(&account("whatsapp"), &payload);
    assert!(first.provider_message_id.starts_with("whatsapp:"));
    assert_eq!(first, message(&account("whatsapp"), &payload));
}

#[test]
fn a_status_names_our_delivery_and_what_went_wrong() {
    let status = json!({
        "id": "wamid.1", "status": "failed", "timestamp": "1700000000", "recipient_user_id": "US.9",
        "biz_opaque_callback_data": outbox().to_string(), "errors": [{"code": 131_047, "title": "Re-engagement message"}],
    });
    let events =
        receive(&account("whatsapp"), &payload(json!({"statuses": [status, {"id": "2", "status": "deleted"}]})));
    let ChannelEvent::Status(update) = &events[0] else { panic!("no status: {events:?}") };
    assert_eq!((update.outbox, update.peer.as_deref()), (Some(outbox()), Some("US.9")));
    assert_eq!(update.failure.as_ref().map(|f| f.code.as_str()), Some("whatsapp.needs_template"));
    assert_eq!(summary(&events[1]), "ignored status.deleted");
}
