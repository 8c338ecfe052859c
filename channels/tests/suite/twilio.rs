//! What Twilio sends, and what it is told.

use crate::support::{HOUR, SECRET, account, answering, driver, outbox, part, send_as, summary, verdict, with};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use colloquy_channels::{ChannelOptions, Registry};
use colloquy_domain::{
    channel::{ChannelAccount, ChannelEvent, ChannelKind, Delivery, Fetched, Secret, WebhookRejection, WebhookRequest},
    ports::ChannelDriver,
    time::Timestamp,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use url::form_urlencoded;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

const URL: &str = "https://colloquy.example/webhooks/1";

fn number(kind: &'static str) -> ChannelAccount {
    let mut account = with(with(account(kind), "account_sid", "AC1"), "from", "+15550001111");
    account.secrets.insert("auth_token".to_owned(), Secret::new(SECRET));
    account
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// As Twilio signs: the address, then names and values in order.
fn signature(token: &str, url: &str, fields: &[(&str, &str)]) -> String {
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    let mut mac = Hmac::<Sha1>::new_from_slice(token.as_bytes()).expect("any length");
    mac.update(url.as_bytes());
    fields.iter().for_each(|(k, v)| mac.update(format!("{k}{v}").as_bytes()));
    STANDARD.encode(mac.finalize().into_bytes())
}

fn receive_at(
    account: &ChannelAccount,
    url: &str,
    signature: &str,
    body: &str,
) -> Result<Vec<ChannelEvent>, WebhookRejection> {
    let headers = BTreeMap::from([("x-twilio-signature".to_owned(), signature.to_owned())]);
    let query = url.split_once('?').map_or("", |(_, q)| q);
    let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let driver = driver(if account.kind.as_str() == "twilio_sms" { "twilio_sms" } else { "twilio_whatsapp" });
    driver.receive(account, &WebhookRequest { url, headers: &headers, query: &query, body: body.as_bytes() })
}

fn lines(account: &ChannelAccount, url: &str, fields: &[(&str, &str)]) -> String {
    let events = receive_at(account, url, &signature(SECRET, url, fields), &form(fields)).expect("accepted");
    events.iter().map(summary).collect::<Vec<_>>().join("\n")
}

// req: S2-WHK-5
#[test]
fn twilios_own_example_verifies() {
    let mut account = number("twilio_sms");
    account.secrets.insert("auth_token".to_owned(), Secret::new("tok"));
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let fields = [("Digits", "1234"), ("CallSid", "CA1"), ("To", "+18005551212")];
    let example = "NwkpWsAtz2VzC65M/3aFOMLNXMY=";
    assert_eq!(signature("tok", url, &fields), example);
    assert!(receive_at(&account, url, example, &form(&fields)).is_ok());
    // With the port that it was called on, or without it.
    let with_port = "https://mycompany.com:443/myapp.php?foo=1&bar=2";
    assert!(receive_at(&account, with_port, example, &form(&fields)).is_ok());
    for (url, signature, body) in [
        (url, "", form(&fields)),
        (url, &example[1..], form(&fields)),
        (url, example, form(&fields[..2])),
        (&url[..url.len() - 1], example, form(&fields)),
        ("http://mycompany.com/myapp.php?foo=1&bar=2", example, form(&fields)),
    ] {
        assert_eq!(receive_at(&account, url, signature, &body), Err(WebhookRejection::Unauthenticated), "{url}");
    }
    account.secrets.clear();
    assert_eq!(receive_at(&account, url, example, &form(&fields)), Err(WebhookRejection::Unauthenticated));
}

// req: S2-WHK-5
#[test]
fn a_body_in_json_is_signed_by_its_hash() {
    let (account, body) = (number("twilio_sms"), r#"{"a":1}"#);
    let url = format!("{URL}?bodySHA256={}", hex::encode(Sha256::digest(body.as_bytes())));
    let signature = signature(SECRET, &url, &[]);
    assert!(receive_at(&account, &url, &signature, body).is_ok());
    let got = receive_at(&account, &url, &signature, r#"{"a":2}"#);
    assert_eq!(got, Err(WebhookRejection::Unauthenticated));
}

#[test]
fn what_a_person_can_send() {
    let sms = |extra: &[(&str, &str)]| {
        let mut fields = vec![("MessageSid", "SM1"), ("From", "+33611111111"), ("To", "+15550001111")];
        fields.extend_from_slice(extra);
        lines(&number("twilio_sms"), URL, &fields)
    };
    let whatsapp = |extra: &[(&str, &str)]| {
        let mut fields = vec![
            ("MessageSid", "SM2"),
            ("From", "whatsapp:+33611111111"),
            ("To", "whatsapp:+15550001111"),
            ("ProfileName", "Ana"),
        ];
        fields.extend_from_slice(extra);
        lines(&number("twilio_whatsapp"), URL, &fields)
    };
    let told = [
        sms(&[("Body", "Bonjour, ça va ?"), ("NumMedia", "0"), ("SmsStatus", "received"), ("NextYears", "1")]),
        sms(&[
            ("Body", "look"),
            ("NumMedia", "2"),
            ("MediaUrl0", "https://api.twilio.com/m/0"),
            ("MediaContentType0", "image/jpeg"),
            ("MediaUrl1", "https://api.twilio.com/m/1"),
            ("MediaContentType1", "application/pdf"),
        ]),
        sms(&[("Body", "STOP")]),
        sms(&[("Body", "arrêt ")]),
        sms(&[("Body", "whatever"), ("OptOutType", "STOP")]),
        sms(&[("Body", "START")]),
        sms(&[("Body", "Where does the bus stop?")]),
        sms(&[("Body", "")]),
        whatsapp(&[("Body", "Yes"), ("ButtonText", "Yes"), ("ButtonPayload", "yes-1")]),
        whatsapp(&[("Body", "Paris"), ("ListId", "p"), ("ListTitle", "Paris")]),
        whatsapp(&[("Latitude", "48.85"), ("Longitude", "2.35"), ("Label", "Shop")]),
        whatsapp(&[("NumMedia", "1"), ("MediaUrl0", "https://a/1"), ("MediaContentType0", "audio/ogg")]),
        lines(
            &number("twilio_sms"),
            URL,
            &[("MessageSid", "SM3"), ("From", "+33611111111"), ("To", "+1999"), ("Body", "to another number")],
        ),
        lines(&number("twilio_sms"), URL, &[("CallSid", "CA1")]),
    ];
    insta::assert_snapshot!(told.join("\n"));
}

// req: S2-WHK-4
#[test]
fn statuses_name_what_they_are_about() {
    let url = format!("{URL}?outbox={}", outbox());
    let status = |fields: &[(&str, &str)]| {
        let mut all = vec![("MessageSid", "SM1"), ("To", "+33611111111"), ("From", "+15550001111")];
        all.extend_from_slice(fields);
        lines(&number("twilio_sms"), &url, &all)
    };
    let told = [
        status(&[("MessageStatus", "queued")]),
        status(&[("MessageStatus", "sent")]),
        status(&[("MessageStatus", "delivered")]),
        status(&[("MessageStatus", "read")]),
        status(&[("MessageStatus", "undelivered"), ("ErrorCode", "30003")]),
        status(&[("MessageStatus", "failed"), ("ErrorCode", "21610")]),
        status(&[("MessageStatus", "invented")]),
    ];
    insta::assert_snapshot!(told.join("\n"));
    let fields = [("MessageSid", "SM1"), ("MessageStatus", "sent")];
    let got = receive_at(&number("twilio_sms"), &url, &signature(SECRET, &url, &fields), &form(&fields));
    let Ok([ChannelEvent::Status(status)]) = got.as_deref() else { panic!("{got:?}") };
    assert_eq!(status.outbox, Some(outbox()));
}

fn at(server: &MockServer, kind: &'static str) -> ChannelAccount {
    with(number(kind), "api_base", &server.uri())
}

async fn forms(server: &MockServer) -> Vec<Vec<(String, String)>> {
    let requests = server.received_requests().await.expect("recorded");
    requests.iter().map(|r| form_urlencoded::parse(&r.body).into_owned().collect()).collect()
}

#[tokio::test]
async fn a_part_goes_out_as_a_form_with_an_address_for_its_status() {
    let server = MockServer::start().await;
    let basic = format!("Basic {}", STANDARD.encode(format!("AC1:{SECRET}")));
    Mock::given(matchers::path("/2010-04-01/Accounts/AC1/Messages.json"))
        .and(matchers::header("authorization", basic))
        .respond_with(ResponseTemplate::new(201).set_body_json(json!({"sid": "SM9", "status": "queued"})))
        .mount(&server)
        .await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = ChannelOptions::new(Duration::from_secs(5), Duration::from_secs(5)).expect("client");
    let options = options.reached_at("https://colloquy.example/");
    let account = at(&server, "twilio_sms");
    let driver: Arc<dyn ChannelDriver> =
        Registry::new(&options).get(&ChannelKind::of("twilio_sms")).expect("registered");
    let (part, now) = (part("hello", "hello"), Timestamp(1_800_000_000_000));
    let to = crate::support::peer("+33611111111");
    let delivery = Delivery {
        account: &account,
        to: &to,
        part: &part,
        outbox: outbox(),
        last_inbound_at: now,
        by_person: false,
        now,
        leaves_within: Duration::from_secs(60),
    };
    assert_eq!(verdict(&driver.send(delivery).await), "sent SM9");
    let expected = [
        ("To", "+33611111111".to_owned()),
        ("From", "+15550001111".to_owned()),
        ("Body", "hello".to_owned()),
        ("StatusCallback", format!("https://colloquy.example/webhooks/{}?outbox={}", account.id, outbox())),
    ];
    assert_eq!(forms(&server).await, [expected.map(|(k, v)| (k.to_owned(), v))]);
}

#[tokio::test]
async fn whatsapp_has_its_window_and_its_addresses() {
    let server = answering(201, json!({"sid": "SM9"})).await;
    let account = at(&server, "twilio_whatsapp");
    let hello = part("hello", "hello");
    let late = send_as(&account, "whatsapp:+33611111111", &hello, 25 * HOUR, true).await;
    assert_eq!(verdict(&late), "refused reject twilio_whatsapp.window_closed");
    let sent = send_as(&account, "whatsapp:+33611111111", &hello, HOUR, true).await;
    assert_eq!(verdict(&sent), "sent SM9");
    let from = forms(&server).await[0].iter().find(|(k, _)| k == "From").expect("a sender").1.clone();
    assert_eq!(from, "whatsapp:+15550001111");
    // SMS have no window; a messaging service chooses the number itself.
    let service = with(at(&server, "twilio_sms"), "from", "MG1");
    assert_eq!(verdict(&send_as(&service, "+33611111111", &hello, 999 * HOUR, false).await), "sent SM9");
    assert!(forms(&server).await[1].contains(&("MessagingServiceSid".to_owned(), "MG1".to_owned())));
}

#[tokio::test]
async fn errors_say_what_to_do() {
    for (status, code, expected) in [
        (400, Some(21_610), "refused reject twilio_sms.opted_out"),
        (400, Some(21_211), "refused reject twilio_sms.recipient"),
        (429, Some(20_429), "refused retry twilio_sms.rate_limited"),
        (401, Some(20_003), "down fatal twilio_sms.unauthorized"),
        (503, None, "refused retry twilio_sms.server_error"),
        (500, None, "uncertain retry twilio_sms.server_error"),
        (400, None, "refused reject twilio_sms.refused"),
        (200, None, "uncertain retry twilio_sms.no_answer"),
    ] {
        let server = answering(status, json!({"code": code, "message": format!("no, {SECRET}")})).await;
        let sent = send_as(&at(&server, "twilio_sms"), "+33611111111", &part("a", "a"), HOUR, false).await;
        assert_eq!(verdict(&sent), expected, "{status} {code:?}");
        assert!(!format!("{sent:?}").contains(SECRET), "{sent:?}");
    }
}

#[test]
fn parts_are_whole_messages_in_the_alphabet_that_they_need() {
    let driver = driver("twilio_sms");
    // Ten messages of 153 septets, or of 67 units.
    assert_eq!(driver.render(&"a".repeat(1530), &[]).len(), 1);
    assert_eq!(driver.render(&"a".repeat(1531), &[]).len(), 2);
    assert_eq!(driver.render(&"é".repeat(1530), &[]).len(), 1, "known to the alphabet");
    assert_eq!(driver.render(&"€".repeat(766), &[]).len(), 2, "two places each");
    assert_eq!(driver.render(&"ê".repeat(670), &[]).len(), 1);
    assert_eq!(driver.render(&"ê".repeat(671), &[]).len(), 2);
    let folded = driver.render("L’été — *déjà* « là »…\n\n- un\n- deux", &[]);
    assert_eq!(folded[0].text, "L'été - déjà \" là \"...\n\n- un\n- deux");
}

#[tokio::test]
async fn files_are_brought_with_our_password_from_twilio_alone() {
    let server = MockServer::start().await;
    let basic = format!("Basic {}", STANDARD.encode(format!("AC1:{SECRET}")));
    Mock::given(matchers::path("/media/1"))
        .and(matchers::header("authorization", basic.as_str()))
        .respond_with(ResponseTemplate::new(200).set_body_raw(b"bytes".to_vec(), "image/png"))
        .mount(&server)
        .await;
    let moved = ResponseTemplate::new(307).insert_header("location", "https://cdn.example/1");
    Mock::given(matchers::path("/media/2")).respond_with(moved).mount(&server).await;
    let account = at(&server, "twilio_sms");
    let driver = driver("twilio_sms");
    let fetch = async |reference: &str, most| driver.fetch(&account, reference, most).await;
    let file = Fetched::File { bytes: b"bytes".to_vec(), mime: Some("image/png".to_owned()) };
    assert_eq!(fetch(&format!("{}/media/1", server.uri()), 5).await, Ok(file));
    assert!(fetch(&format!("{}/media/1", server.uri()), 4).await.is_err(), "too large");
    assert_eq!(
        fetch(&format!("{}/media/2", server.uri()), 5).await,
        Ok(Fetched::At("https://cdn.example/1".to_owned()))
    );
    let elsewhere = "http://169.254.169.254/latest";
    assert_eq!(fetch(elsewhere, 5).await, Ok(Fetched::At(elsewhere.to_owned())));
    assert_eq!(server.received_requests().await.expect("recorded").len(), 3);
}
