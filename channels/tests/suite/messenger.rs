//! What Messenger sends, and what it is told.

use crate::support::{
    TOKEN, account, answering, at, driver, message, outbox, peer, receive, requests, send, summary, verdict, with,
};
use colloquy_domain::channel::{ChannelAccount, ChannelEvent};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, path},
};

fn page() -> ChannelAccount {
    with(account("messenger"), "app_id", "42")
}

fn event(extra: Value) -> Value {
    let mut event = json!({"sender": {"id": "200"}, "recipient": {"id": "100"}, "timestamp": 1_772_998_024_000_i64});
    for (key, value) in extra.as_object().expect("fields") {
        event[key] = value.clone();
    }
    event
}

fn payload(events: &[Value]) -> Value {
    json!({"object": "page", "entry": [{"id": "100", "time": 1, "messaging": events}]})
}

fn lines(account: &ChannelAccount, payload: &Value) -> String {
    receive(account, payload).iter().map(summary).collect::<Vec<_>>().join("\n")
}

// req: C-CHN-1
#[test]
fn what_a_person_can_send() {
    let location = json!({"type": "location", "title": "Here", "payload": {"coordinates": {"lat": 0.0, "long": 1.5}}});
    let events = [
        event(json!({"message": {"mid": "m1", "text": "Red", "quick_reply": {"payload": "RED"}}})),
        event(json!({"message": {"mid": "m2", "text": "look", "reply_to": {"mid": "m0"}, "attachments": [
            {"type": "image", "payload": {"url": "https://a/1"}}, {"type": "file", "payload": {"url": "https://a/2"}}]}})),
        event(json!({"message": {"mid": "m3", "attachments": [location]}})),
        event(json!({"message": {"mid": "m4", "text": "see https://a", "attachments": [{"type": "fallback"}]}})),
        event(
            json!({"message": {"mid": "m5", "attachments": [{"type": "image", "payload": {"sticker_id": 369, "url": "https://a/s"}}]}}),
        ),
        event(json!({"message": {"mid": "m6", "attachments": [{"type": "reel"}, {"type": "audio"}]}})),
        event(json!({"message": {"mid": "m7"}})),
        event(json!({"message": {"mid": "m8", "is_deleted": true}})),
        event(json!({"postback": {"mid": "m9", "title": "Start", "payload": "GO"}})),
        event(json!({"message_edit": {"mid": "m1", "text": "Blue", "num_edit": 1}})),
        event(json!({"referral": {"ref": "x"}})),
        event(json!({"optin": {"type": "notification_messages"}})),
        event(json!({"take_thread_control": {"previous_owner_app_id": "42"}})),
        event(json!({"pass_thread_control": {"new_owner_app_id": "42"}})),
        event(json!({"reaction": {"mid": "m1", "action": "react", "emoji": "x"}})),
        event(json!({"delivery": {"watermark": 1_772_998_034_000_i64}})),
        event(json!({"next_years_kind": {"a": 1}})),
        json!({"message": {"text": "from nobody"}}),
    ];
    insta::assert_snapshot!(lines(&page(), &payload(&events)));
}

#[test]
fn an_echo_tells_a_person_from_us() {
    let echo = |extra: Value| {
        let mut message = json!({"mid": "m1", "text": "hello", "is_echo": true});
        for (key, value) in extra.as_object().expect("fields") {
            message[key] = value.clone();
        }
        payload(&[json!({"sender": {"id": "100"}, "recipient": {"id": "200"}, "timestamp": 5, "message": message})])
    };
    assert_eq!(lines(&page(), &echo(json!({"app_id": 42}))), "ignored echo.own");
    assert_eq!(lines(&page(), &echo(json!({"app_id": "42"}))), "ignored echo.own");
    let by_person = message(&page(), &echo(json!({"app_id": 263_902_037_430_900_i64})));
    assert_eq!((by_person.peer.address.as_str(), by_person.content.kind()), ("200", "echo"));
    assert_eq!(message(&page(), &echo(json!({}))).content.kind(), "echo");
    // Without our own app's id, our own words would silence us.
    assert_eq!(lines(&account("messenger"), &echo(json!({"app_id": 42}))), "ignored echo.no_app_id_set");
    // What carries a delivery's id is that delivery, and proves that it arrived.
    let events = receive(&page(), &echo(json!({"app_id": 42, "metadata": outbox().to_string()})));
    let [ChannelEvent::Status(status)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((status.outbox, status.provider_message_id.as_deref()), (Some(outbox()), Some("m1")));
}

#[test]
fn on_standby_the_agent_only_listens() {
    let standby = json!({"object": "page", "entry": [{"id": "100", "standby": [
        event(json!({"message": {"mid": "m1", "text": "to the other app"}})),
        event(json!({"postback": {"title": "Start"}})),
        event(json!({"read": {"watermark": 7}})),
    ]}]});
    insta::assert_snapshot!(lines(&page(), &standby));
}

#[test]
fn bare_changes_are_read_too() {
    let value = event(json!({"message": {"mid": "test", "text": "from the dashboard"}, "timestamp": "1527459824"}));
    assert!(lines(&page(), &json!({"field": "messages", "value": value})).starts_with("text \"from the dashboard\""));
    let feed =
        json!({"object": "page", "entry": [{"id": "100", "changes": [{"field": "feed", "value": {"item": "post"}}]}]});
    assert_eq!(lines(&page(), &feed), "ignored feed");
    assert_eq!(lines(&page(), &json!({"object": "instagram", "entry": []})), "ignored object.instagram");
}

// req: C-CHN-1
#[tokio::test]
async fn a_part_goes_out_as_a_response() {
    let server = MockServer::start().await;
    Mock::given(path("/v26.0/1122/messages"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"recipient_id": "200", "message_id": "m_1"})))
        .mount(&server)
        .await;
    assert_eq!(verdict(&send(&at(&server, "messenger"), "200").await), "sent m_1");
    let expected = json!({
        "recipient": {"id": "200"}, "messaging_type": "RESPONSE",
        "message": {"text": "<b>hello</b>", "metadata": outbox().to_string()},
    });
    assert_eq!(requests(&server).await[0].1, expected);
}

#[tokio::test]
async fn refusals_carry_the_right_decision() {
    let error = |code: i64, subcode: i64| json!({"error": {"message": "m", "code": code, "error_subcode": subcode}});
    let table = [
        (400, error(10, 2_018_278), "refused reject messenger.window_closed"),
        (400, error(551, 1_545_041), "refused reject messenger.recipient"),
        (400, error(613, 0), "refused retry messenger.rate_limited"),
        (500, error(1200, 0), "refused retry messenger.unavailable"),
        (400, error(190, 460), "down fatal messenger.unauthorized"),
        (400, error(368, 0), "down fatal messenger.account_restricted"),
        (504, json!("gateway"), "uncertain retry messenger.no_answer"),
    ];
    for (status, body, expected) in table {
        let server = answering(status, body.clone()).await;
        assert_eq!(verdict(&send(&at(&server, "messenger"), "200").await), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn what_was_written_is_seen_before_typing_shows() {
    let server = answering(200, json!({"recipient_id": "200"})).await;
    let mut account = at(&server, "messenger");
    account.external_id = None;
    driver("messenger").typing(&account, &peer("200"), "m1").await.expect("shown");
    let action = |name: &str| json!({"recipient": {"id": "200"}, "sender_action": name});
    let at_me = |body| ("/v26.0/me/messages".to_owned(), body);
    assert_eq!(requests(&server).await, [at_me(action("mark_seen")), at_me(action("typing_on"))]);
}
