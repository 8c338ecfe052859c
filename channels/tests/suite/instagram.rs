//! What Instagram sends, and what it is told.

use crate::support::{
    HOUR, TOKEN, account, answering, at, driver, outbox, part, receive, requests, send_as, summary, verdict, with,
};
use colloquy_domain::channel::{ChannelAccount, ChannelEvent};
use serde_json::{Value, json};
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header, path},
};

fn own() -> ChannelAccount {
    with(account("instagram"), "app_id", "42")
}

fn event(extra: Value) -> Value {
    let mut event = json!({"sender": {"id": "200"}, "recipient": {"id": "100"}, "timestamp": 1_772_998_024_000_i64});
    for (key, value) in extra.as_object().expect("fields") {
        event[key] = value.clone();
    }
    event
}

fn payload(events: &[Value]) -> Value {
    json!({"object": "instagram", "entry": [{"id": "100", "time": 1, "messaging": events}]})
}

fn lines(account: &ChannelAccount, payload: &Value) -> String {
    receive(account, payload).iter().map(summary).collect::<Vec<_>>().join("\n")
}

// req: S1-WHK-1
#[test]
fn what_a_person_can_send() {
    let image = |kind: &str| json!([{"type": kind, "payload": {"url": format!("https://a/{kind}")}}]);
    let events = [
        event(json!({"message": {"mid": "m1", "text": "Red", "quick_reply": {"payload": "RED"}}})),
        event(json!({"message": {"mid": "m2", "text": "look", "attachments": image("image")}})),
        event(json!({"message": {"mid": "m3", "attachments": image("video")}})),
        event(json!({"message": {"mid": "m4", "attachments": image("audio")}})),
        event(json!({"message": {"mid": "m5", "attachments": image("share")}})),
        event(json!({"message": {"mid": "m6", "attachments": image("ig_reel")}})),
        event(json!({"message": {"mid": "m7", "attachments": image("ig_post")}})),
        event(json!({"message": {"mid": "m8", "attachments": [{"type": "like_heart"}]}})),
        event(json!({"message": {"mid": "m9", "attachments": image("story_mention")}})),
        event(
            json!({"message": {"mid": "m10", "text": "Is it free?", "reply_to": {"story": {"id": "s1", "url": "https://a/s"}}}}),
        ),
        event(json!({"message": {"mid": "m11", "text": "this", "reply_to": {"mid": "m1"}}})),
        event(json!({"message": {"mid": "m12", "is_unsupported": true}})),
        event(json!({"message": {"mid": "m1", "is_deleted": true}})),
        event(json!({"postback": {"mid": "m13", "title": "Prices", "payload": "PRICES"}})),
        event(json!({"reaction": {"mid": "m1", "action": "react", "reaction": "love", "emoji": "❤"}})),
        event(json!({"reaction": {"mid": "m1", "action": "unreact"}})),
        event(json!({"read": {"mid": "sent-1"}})),
        event(json!({"referral": {"ref": "ad"}})),
        event(json!({"message_edit": {"mid": "m1", "text": "Blue", "num_edit": 1}})),
        event(json!({"next_years_kind": {"a": 1}})),
    ];
    insta::assert_snapshot!(lines(&own(), &payload(&events)));
}

// req: S1-WHK-1
#[test]
fn what_else_comes_in_is_tolerated() {
    let standby = json!({"object": "instagram", "entry": [{"id": "100", "standby": [
        event(json!({"message": {"mid": "m1", "text": "to the other app"}}))]}]});
    assert!(lines(&own(), &standby).starts_with("signal standby.message"));
    let comment = json!({"object": "instagram", "entry": [{"id": "100", "time": 1, "changes": [
        {"field": "comments", "value": {"id": "c", "text": "nice"}}]}]});
    assert_eq!(lines(&own(), &comment), "ignored comments");
    // The dashboard's test names the account 0 and writes times as words.
    let test = json!({"object": "instagram", "entry": [{"id": "0", "time": "1751532412", "changes": [
        {"field": "messages", "value": {"sender": {"id": "12334"}, "recipient": {"id": "23245"}, "timestamp": "1527459824",
        "message": {"mid": "random_mid", "text": "random_text"}}}]}]});
    assert!(lines(&own(), &test).starts_with("text \"random_text\""), "{}", lines(&own(), &test));
    assert_eq!(lines(&own(), &json!({"object": "page", "entry": []})), "ignored object.page");
}

#[test]
fn an_echo_silences_nobody_unless_it_names_another_app() {
    let echo = |extra: Value| {
        let mut message = json!({"mid": "m1", "text": "hello", "is_echo": true});
        for (key, value) in extra.as_object().expect("fields") {
            message[key] = value.clone();
        }
        payload(&[json!({"sender": {"id": "100"}, "recipient": {"id": "200"}, "timestamp": 5, "message": message})])
    };
    assert_eq!(lines(&own(), &echo(json!({}))), "ignored echo.no_app_id");
    assert_eq!(lines(&own(), &echo(json!({"app_id": 42}))), "ignored echo.own");
    assert!(lines(&own(), &echo(json!({"app_id": 7}))).starts_with("echo"));
    let events = receive(&own(), &echo(json!({"metadata": outbox().to_string()})));
    let [ChannelEvent::Status(status)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((status.outbox, status.provider_message_id.as_deref()), (Some(outbox()), Some("m1")));
}

// req: S1-WHK-1
#[tokio::test]
async fn a_part_goes_out_as_a_response() {
    let server = MockServer::start().await;
    Mock::given(path("/v26.0/1122/messages"))
        .and(header("authorization", format!("Bearer {TOKEN}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"recipient_id": "200", "message_id": "m_1"})))
        .mount(&server)
        .await;
    let sent = send_as(&at(&server, "instagram"), "200", &part("hello", "hello"), HOUR, false).await;
    assert_eq!(verdict(&sent), "sent m_1");
    let expected = json!({
        "recipient": {"id": "200"}, "messaging_type": "RESPONSE",
        "message": {"text": "hello", "metadata": outbox().to_string()},
    });
    assert_eq!(requests(&server).await[0].1, expected);
}

#[tokio::test]
async fn the_tag_for_people_is_for_words_of_people_alone() {
    for kind in ["instagram", "messenger"] {
        let server = answering(200, json!({"message_id": "m"})).await;
        let plain = at(&server, kind);
        let granted = with(plain.clone(), "human_agent", "true");
        let (day, week) = (25 * HOUR, 8 * 24 * HOUR);
        let hello = part("hello", "hello");
        let closed = format!("refused reject {kind}.window_closed");
        for (account, age, by_person, expected) in [
            (&plain, day, true, closed.as_str()),
            (&granted, day, false, &closed),
            (&granted, week, true, &closed),
            (&granted, day, true, "sent m"),
        ] {
            let sent = send_as(account, "200", &hello, age, by_person).await;
            assert_eq!(verdict(&sent), expected, "{kind} {age} {by_person}");
        }
        let sent = requests(&server).await;
        assert_eq!(sent.len(), 1);
        assert_eq!((&sent[0].1["messaging_type"], &sent[0].1["tag"]), (&json!("MESSAGE_TAG"), &json!("HUMAN_AGENT")));
        let windows = |a| driver(kind).person_window(a).map(|w| w.as_secs() / 3600);
        assert_eq!((windows(&plain), windows(&granted)), (Some(24), Some(168)));
    }
}

#[test]
fn a_thousand_bytes_are_counted_in_bytes() {
    let driver = driver("instagram");
    let parts = driver.render(&"été ".repeat(500), &[]);
    assert!(parts.len() > 2 && parts.iter().all(|p| p.text.len() <= 1000), "{}", parts.len());
    assert_eq!(driver.render(&"a".repeat(1000), &[]).len(), 1);
    assert_eq!(driver.render(&"é".repeat(501), &[]).len(), 2);
}

#[tokio::test]
async fn errors_say_what_to_do() {
    for (status, code, subcode, expected) in [
        (400, 10, 2_534_022, "refused reject instagram.window_closed"),
        (400, 551, 1_545_041, "refused reject instagram.recipient"),
        (400, 190, 0, "down fatal instagram.unauthorized"),
        (400, 613, 0, "refused retry instagram.rate_limited"),
        (500, 2, 0, "refused retry instagram.unavailable"),
    ] {
        let error = json!({"error": {"code": code, "error_subcode": subcode, "message": "no"}});
        let server = answering(status, error).await;
        let sent = send_as(&at(&server, "instagram"), "200", &part("a", "a"), HOUR, false).await;
        assert_eq!(verdict(&sent), expected, "{code}");
    }
}
