//! Accounts, signed requests and a stand-in for the providers.

use colloquy_channels::{ChannelOptions, Registry};
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Part, Secret, SendError, Sent, WebhookRejection,
        WebhookRequest,
    },
    failure::{Failure, Verdict},
    ids::{AgentId, ChannelId, OutboxId, TenantId},
    message::{Content, Inbound, Peer},
    ports::ChannelDriver,
    time::Timestamp,
};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};
use uuid::Uuid;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

pub const TOKEN: &str = "123456:AA-secret-token";
pub const SECRET: &str = "the-app-secret";
pub const HOUR: i64 = 3_600_000;

pub fn options() -> ChannelOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ChannelOptions::new(Duration::from_secs(5), Duration::from_secs(5)).expect("client")
}

pub fn impatient() -> ChannelOptions {
    let _ = rustls::crypto::ring::default_provider().install_default();
    ChannelOptions::new(Duration::from_secs(5), Duration::from_millis(200)).expect("client")
}

pub fn driver(kind: &'static str) -> Arc<dyn ChannelDriver> {
    Registry::new(&options()).get(&ChannelKind::of(kind)).expect(kind)
}

pub fn account(kind: &'static str) -> ChannelAccount {
    let secrets = [
        ("bot_token", TOKEN),
        ("webhook_secret", SECRET),
        ("access_token", TOKEN),
        ("app_secret", SECRET),
        ("verify_token", "verify-me"),
    ];
    ChannelAccount {
        tenant: TenantId::new(Uuid::from_u128(1)),
        id: ChannelId::new(Uuid::from_u128(2)),
        kind: ChannelKind::of(kind),
        name: "Test".to_owned(),
        agent: AgentId::new(Uuid::from_u128(3)),
        external_id: None,
        settings: BTreeMap::new(),
        secrets: secrets.iter().map(|(k, v)| ((*k).to_owned(), Secret::new(*v))).collect(),
        enabled: true,
    }
}

pub fn with(mut account: ChannelAccount, setting: &str, value: &str) -> ChannelAccount {
    account.settings.insert(setting.to_owned(), value.to_owned());
    account
}

/// An account whose provider is the stand-in.
pub fn at(server: &MockServer, kind: &'static str) -> ChannelAccount {
    let mut account = with(account(kind), "api_base", &server.uri());
    account.external_id = Some("1122".to_owned());
    account
}

pub fn signature(body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length");
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// What each provider sends along to prove itself.
pub fn headers(body: &[u8]) -> BTreeMap<String, String> {
    [
        ("x-hub-signature-256".to_owned(), signature(body)),
        ("x-telegram-bot-api-secret-token".to_owned(), SECRET.to_owned()),
    ]
    .into()
}

pub fn receive_as(
    account: &ChannelAccount,
    headers: &BTreeMap<String, String>,
    body: &[u8],
) -> Result<Vec<ChannelEvent>, WebhookRejection> {
    // Receiving does no IO, so one registry serves all tests; making its client is slow.
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    let registry = REGISTRY.get_or_init(|| Registry::new(&options()));
    let driver = registry.get(&account.kind).expect("registered");
    driver.receive(
        account,
        &WebhookRequest { url: "https://colloquy.example/webhooks/1", headers, query: &BTreeMap::new(), body },
    )
}

/// Decodes a properly signed payload.
pub fn receive(account: &ChannelAccount, payload: &Value) -> Vec<ChannelEvent> {
    let body = payload.to_string();
    receive_as(account, &headers(body.as_bytes()), body.as_bytes()).expect("accepted")
}

/// The only event of a payload, which must be a message.
pub fn message(account: &ChannelAccount, payload: &Value) -> Inbound {
    let mut events = receive(account, payload);
    // That a person has two addresses goes without saying.
    events.retain(|e| !matches!(e, ChannelEvent::Tied(_)));
    assert_eq!(events.len(), 1, "{events:?}");
    match events.remove(0) {
        ChannelEvent::Message(m) => m,
        other => panic!("no message: {other:?}"),
    }
}

/// One line for each event: what a reader of a snapshot wants to know.
pub fn summary(event: &ChannelEvent) -> String {
    match event {
        ChannelEvent::Ignored { kind } => format!("ignored {kind}"),
        ChannelEvent::Status(s) => {
            let failure = s.failure.as_ref().map(|f| format!(" {}", f.code)).unwrap_or_default();
            let peer = s.peer.as_deref().unwrap_or("-");
            let id = s.provider_message_id.as_deref().unwrap_or("-");
            format!("status {} id={id} peer={peer} at={}{failure}", s.status.name(), s.at.millis())
        }
        ChannelEvent::Account(n) => {
            format!("account {} {} {:?} at={}", n.gravity.name(), n.what, n.detail, n.at.millis())
        }
        ChannelEvent::Tied(t) => format!("tied {} = {} at={}", t.alias, t.address, t.at.0),
        ChannelEvent::Moved(c) => format!("moved {} -> {} at={}", c.from, c.to, c.at.0),
        ChannelEvent::Template(t) => format!("template {} {}", t.status.name(), t.id),
        ChannelEvent::Message(m) => {
            let reply = m.reply_to.as_ref().map(|r| format!(" re={r}")).unwrap_or_default();
            let name = m.peer.name.as_deref().unwrap_or("-");
            let what = what(&m.content);
            let raw = if m.raw.is_some() { " +raw" } else { "" };
            format!("{what} | {} ({name}) id={} at={}{reply}{raw}", m.peer.address, m.provider_message_id, m.sent_at.0)
        }
    }
}

fn what(content: &Content) -> String {
    match content {
        Content::Text { text } => format!("text {text:?}"),
        Content::Command { name, args } => format!("command /{name} {args:?}"),
        Content::Choice { title, payload } => format!("choice {title:?} {payload:?}"),
        Content::Media { media, caption, reference, mime, name } => {
            format!("media {media:?} caption={caption:?} ref={reference:?} mime={mime:?} name={name:?}")
        }
        Content::Location { latitude, longitude, name } => format!("location {latitude} {longitude} {name:?}"),
        Content::Echo { text } => format!("echo {text:?}"),
        Content::Signal { signal } => format!("signal {signal}"),
        Content::Unsupported { provider_kind } => format!("unsupported {provider_kind}"),
    }
}

pub fn part(text: &str, plain: &str) -> Part {
    Part::words(text.to_owned(), plain.to_owned())
}

pub fn outbox() -> OutboxId {
    OutboxId::new(Uuid::from_u128(0xABCD))
}

pub fn peer(address: &str) -> Peer {
    Peer { address: address.to_owned(), name: None }
}

/// Sends through a driver with these options, the person having written `age` milliseconds ago.
pub async fn send_with(
    options: &ChannelOptions,
    account: &ChannelAccount,
    address: &str,
    part: &Part,
    age: i64,
) -> Result<Sent, SendError> {
    delivered(options, account, address, part, age, false).await
}

/// As [`send_with`], for words that a person of the team wrote, or not.
pub async fn send_as(
    account: &ChannelAccount,
    address: &str,
    part: &Part,
    age: i64,
    by_person: bool,
) -> Result<Sent, SendError> {
    delivered(&options(), account, address, part, age, by_person).await
}

async fn delivered(
    options: &ChannelOptions,
    account: &ChannelAccount,
    address: &str,
    part: &Part,
    age: i64,
    by_person: bool,
) -> Result<Sent, SendError> {
    let driver = Registry::new(options).get(&account.kind).expect("registered");
    let now = Timestamp(1_800_000_000_000);
    let last_inbound_at = Timestamp(now.0 - age);
    let leaves_within = Duration::from_secs(60);
    let to = peer(address);
    driver
        .send(Delivery {
            account,
            to: &to,
            part,
            template: None,
            outbox: outbox(),
            last_inbound_at,
            by_person,
            now,
            leaves_within,
        })
        .await
}

pub async fn send(account: &ChannelAccount, address: &str) -> Result<Sent, SendError> {
    send_with(&options(), account, address, &part("<b>hello</b>", "hello"), HOUR).await
}

/// A server whose every `POST` is answered so.
pub async fn answering(status: u16, body: Value) -> MockServer {
    let server = MockServer::start().await;
    let template = ResponseTemplate::new(status).set_body_json(body);
    Mock::given(matchers::method("POST")).respond_with(template).mount(&server).await;
    server
}

/// The JSON bodies that the server got, with their paths.
pub async fn requests(server: &MockServer) -> Vec<(String, Value)> {
    let requests = server.received_requests().await.expect("recorded");
    requests.iter().map(|r| (r.url.path().to_owned(), serde_json::from_slice(&r.body).unwrap_or(Value::Null))).collect()
}

/// `refused retry 7s code`, `uncertain … code`, `down fatal code`.
pub fn verdict(result: &Result<Sent, SendError>) -> String {
    let of = |f: &Failure| {
        let verdict = match f.verdict {
            Verdict::Retry { after: Some(after) } => format!("retry {}s", after.as_secs()),
            Verdict::Retry { after: None } => "retry".to_owned(),
            Verdict::Reject => "reject".to_owned(),
            Verdict::Fatal => "fatal".to_owned(),
        };
        format!("{verdict} {}", f.code)
    };
    match result {
        Ok(sent) => format!("sent {}", sent.provider_message_id.as_deref().unwrap_or("-")),
        Err(SendError::Refused(f)) => format!("refused {}", of(f)),
        Err(SendError::Uncertain(f)) => format!("uncertain {}", of(f)),
        Err(SendError::Apart(f)) => format!("apart {}", of(f)),
        Err(SendError::AccountDown(f)) => format!("down {}", of(f)),
    }
}
