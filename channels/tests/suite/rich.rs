//! What is more than words, as each channel is told it: one golden file for each kind of content and channel.

use crate::support::{HOUR, account, driver, send_as, with};
use colloquy_domain::{
    channel::{ChannelAccount, Secret},
    message::MediaKind,
    rich::{Button, File, Rich, Row},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};
use url::form_urlencoded;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

fn buttons(titles: &[&str]) -> Vec<Button> {
    titles.iter().map(|t| Button { id: t.to_lowercase().replace(' ', "-"), title: (*t).to_owned() }).collect()
}

fn rows(many: usize, described: bool) -> Vec<Row> {
    let row = |n| Row {
        id: format!("row-{n}"),
        title: format!("Choice {n}"),
        description: described.then(|| format!("the {n}. one")),
    };
    (1..=many).map(row).collect()
}

fn media(media: MediaKind, ending: &str, caption: Option<&str>) -> Rich {
    let name = Some(format!("file.{ending}"));
    Rich::Media { media, url: format!("https://files.example/a.{ending}"), caption: caption.map(str::to_owned), name }
}

fn album(files: &[(MediaKind, &str)], caption: Option<&str>, apart: bool) -> Rich {
    let file = |(n, (media, ending)): (usize, &(MediaKind, &str))| File {
        media: *media,
        url: format!("https://files.example/{n}.{ending}"),
        name: Some(format!("file.{ending}")),
    };
    Rich::Album { caption: caption.map(str::to_owned), files: files.iter().enumerate().map(file).collect(), apart }
}

fn contents() -> Vec<(&'static str, Rich)> {
    let text = || "Which *colour* would you like?".to_owned();
    let some = |text: &str| Some(text.to_owned());
    vec![
        ("image", media(MediaKind::Image, "png", Some("Our **new** bike"))),
        ("video", media(MediaKind::Video, "mp4", None)),
        ("audio", media(MediaKind::Audio, "mp3", Some("Listen"))),
        ("voice", media(MediaKind::Voice, "ogg", None)),
        ("document", media(MediaKind::Document, "pdf", Some("The price list"))),
        (
            "album",
            album(
                &[(MediaKind::Image, "png"), (MediaKind::Video, "mp4"), (MediaKind::Image, "jpg")],
                Some("Our *rooms*"),
                false,
            ),
        ),
        (
            "album_of_all_kinds",
            album(
                &[
                    (MediaKind::Image, "png"),
                    (MediaKind::Document, "pdf"),
                    (MediaKind::Document, "docx"),
                    (MediaKind::Voice, "ogg"),
                    (MediaKind::Audio, "mp3"),
                    (MediaKind::Audio, "m4a"),
                ],
                None,
                false,
            ),
        ),
        ("album_apart", album(&[(MediaKind::Image, "png"), (MediaKind::Image, "jpg")], Some("Our *rooms*"), true)),
        ("buttons", Rich::Buttons { text: text(), buttons: buttons(&["Red", "Blue"]) }),
        (
            "many_buttons",
            Rich::Buttons {
                text: text(),
                buttons: buttons(&["Red", "Blue", "Green", "A title that no button has room for"]),
            },
        ),
        ("list", Rich::List { text: text(), open: "Colours".into(), rows: rows(4, true) }),
        ("long_list", Rich::List { text: text(), open: "Colours".into(), rows: rows(14, false) }),
        (
            "card",
            Rich::Card {
                title: "City bike".into(),
                text: some("7 *gears*"),
                image: some("https://files.example/bike.png"),
                link: None,
                buttons: buttons(&["Buy"]),
            },
        ),
        (
            "card_with_address",
            Rich::Card {
                title: "City bike".into(),
                text: some("7 gears"),
                image: None,
                link: some("https://www.shop.example/bike"),
                buttons: Vec::new(),
            },
        ),
    ]
}

async fn provider() -> MockServer {
    let server = MockServer::start().await;
    let answer =
        json!({"ok": true, "result": {"message_id": 1}, "messages": [{"id": "w"}], "message_id": "m", "sid": "S"});
    let template = ResponseTemplate::new(200).set_body_json(answer);
    Mock::given(matchers::method("POST")).respond_with(template).mount(&server).await;
    server
}

fn connected(kind: &'static str, server: &MockServer) -> ChannelAccount {
    let mut account = with(with(account(kind), "api_base", &server.uri()), "account_sid", "AC1");
    account.secrets.insert("auth_token".to_owned(), Secret::new("token"));
    account.external_id = Some("1122".to_owned());
    account
}

/// Method's name and body of what was asked, without what is the same for each.
async fn asked(server: &MockServer) -> String {
    let mut out = String::new();
    for request in server.received_requests().await.expect("recorded") {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_else(|_| {
            let form: BTreeMap<String, String> = form_urlencoded::parse(&request.body).into_owned().collect();
            json!(form)
        });
        let name = request.url.path().rsplit('/').next().unwrap_or_default();
        let body = serde_json::to_string_pretty(&body).expect("json");
        writeln!(out, "{name} {body}").expect("a string");
    }
    out
}

async fn told(kind: &'static str) {
    for (name, rich) in contents() {
        let server = provider().await;
        let account = connected(kind, &server);
        let to = if kind == "telegram" { "5" } else { "33611111111" };
        for part in driver(kind).render_rich(&rich) {
            let sent = send_as(&account, to, &part, HOUR, false).await;
            assert!(sent.is_ok(), "{kind} {name}: {sent:?}");
        }
        insta::assert_snapshot!(format!("{kind}__{name}"), asked(&server).await);
    }
}

// req: S3-MSG-2
#[tokio::test]
async fn whatsapp() {
    told("whatsapp").await;
}

// req: S3-MSG-2
#[tokio::test]
async fn messenger() {
    told("messenger").await;
}

// req: S3-MSG-2
#[tokio::test]
async fn instagram() {
    told("instagram").await;
}

// req: S3-MSG-2
#[tokio::test]
async fn telegram() {
    told("telegram").await;
}

// req: S3-MSG-2
#[tokio::test]
async fn twilio() {
    told("twilio_sms").await;
    told("twilio_whatsapp").await;
}

#[tokio::test]
async fn line() {
    told("line").await;
}

/// What any channel says of any content without showing it.
#[test]
fn nothing_is_lost_where_nothing_can_be_shown() {
    for (name, rich) in contents() {
        let parts = driver("webchat").render_rich(&rich);
        assert_eq!(parts.len(), 1, "{name}");
        assert_eq!((&parts[0].text, &parts[0].rich), (&rich.words(), &None), "{name}");
    }
}
