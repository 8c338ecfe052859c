//! One stand-in for every provider of messages: it hands out a file wherever each of them has files, and takes whatever is
//! said. What a person sends is written here as each of them writes it, and signed as each signs it.

use super::{client::Client, meta, telegram, twilio};
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{Method as Verb, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Where Twilio believes the server to be.
pub const PUBLIC: &str = "https://colloquy.example";
const LINE_SECRET: &str = "the-line-secret";

pub const KINDS: [&str; 6] = ["whatsapp", "messenger", "instagram", "telegram", "twilio_sms", "line"];

/// A file, as providers call it and as it is.
#[derive(Debug, Clone, Copy)]
pub struct File {
    /// `image` or `audio`.
    pub media: &'static str,
    pub mime: &'static str,
    pub bytes: &'static [u8],
}

pub const PICTURE: File = File { media: "image", mime: "image/jpeg", bytes: b"\xff\xd8\xff the bytes of a picture" };
pub const VOICE: File = File { media: "audio", mime: "audio/ogg", bytes: b"OggS the sound of somebody" };

type Shared = Arc<Mutex<Vec<String>>>;

pub struct Providers {
    pub url: String,
    file: File,
    said: Shared,
}

impl Providers {
    pub async fn start(file: File) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let said = Shared::default();
        let app = Router::new().fallback(called).with_state((url.clone(), file, Arc::clone(&said)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, file, said }
    }

    /// The requests by which something was said, as they came.
    pub fn said(&self) -> Vec<String> {
        self.said.lock().unwrap().clone()
    }

    /// Connects an account of this kind.
    pub async fn connect(&self, api: &Client, kind: &str, agent: &str) -> String {
        match kind {
            "whatsapp" => meta::connect_whatsapp(api, agent, &self.url).await,
            "messenger" => meta::connect_messenger(api, agent, &self.url).await,
            "instagram" => meta::connect_instagram(api, agent, &self.url).await,
            "telegram" => {
                let settings = json!({
                    "bot_token": telegram::BOT_TOKEN, "mode": "webhook", "webhook_secret": telegram::WORD,
                    "api_base": self.url,
                });
                meta::connect(api, kind, agent, settings).await
            }
            "line" => {
                let settings =
                    json!({ "access_token": "line-token", "channel_secret": LINE_SECRET, "api_base": self.url });
                meta::connect(api, kind, agent, settings).await
            }
            _ => twilio::connect(api, kind, agent, &self.url).await,
        }
    }

    /// Somebody sends the file and says nothing with it.
    pub async fn send(&self, api: &Client, (kind, channel): (&str, &str), id: &str) {
        let File { media, mime, .. } = self.file;
        match kind {
            "whatsapp" => {
                let mut payload = meta::texts(&[meta::Text::new("15550001", id, "")]);
                let message = payload.pointer_mut("/entry/0/changes/0/value/messages/0").unwrap();
                message["type"] = json!(media);
                message[media] =
                    json!({ "id": "media-1", "mime_type": mime, "sha256": "x", "voice": media == "audio" });
                message.as_object_mut().unwrap().remove("text");
                assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
            }
            "messenger" | "instagram" => {
                let (object, account) =
                    if kind == "messenger" { ("page", meta::PAGE_ID) } else { ("instagram", meta::INSTAGRAM_ID) };
                let url = format!("{}/files/of/person?sig=1", self.url);
                let message = json!({ "mid": id, "attachments": [{ "type": media, "payload": { "url": url } }] });
                let event = json!({
                    "sender": { "id": "200" }, "recipient": { "id": account }, "timestamp": 1_790_000_000_000_u64,
                    "message": message,
                });
                let entry = json!({ "id": account, "time": 1_790_000_000_000_u64, "messaging": [event] });
                let payload = json!({ "object": object, "entry": [entry] });
                assert_eq!(meta::deliver(api, channel, &payload).await.unwrap().status, 200);
            }
            "telegram" => {
                let fields = match media {
                    "image" => json!({ "photo": [{ "file_id": "small" }, { "file_id": "large" }] }),
                    _ => json!({ "voice": { "file_id": "voice", "duration": 3, "mime_type": mime } }),
                };
                let update = id.bytes().fold(1_i64, |sum, byte| sum * 31 % 1_000_003 + i64::from(byte));
                telegram::deliver(api, channel, &telegram::message(update, 300, &fields)).await;
            }
            "line" => self.send_on_line(api, channel, id).await,
            _ => {
                let mut form = twilio::sms(id, "+33611111111", "");
                let url = format!("{}/2010-04-01/Accounts/{}/Messages/MM1/Media/ME1", self.url, twilio::SID);
                form.extend([
                    ("NumMedia".to_owned(), "1".to_owned()),
                    ("MediaUrl0".to_owned(), url),
                    ("MediaContentType0".to_owned(), mime.to_owned()),
                ]);
                let path = format!("/webhooks/{channel}");
                assert_eq!(twilio::deliver(api, &path, PUBLIC, &form).await.status, 200);
            }
        }
    }

    async fn send_on_line(&self, api: &Client, channel: &str, id: &str) {
        let event = json!({
            "type": "message", "mode": "active", "webhookEventId": id, "timestamp": 1_790_000_000_000_u64,
            "source": { "type": "user", "userId": "U1" }, "message": { "type": self.file.media, "id": "m1" },
        });
        let body = json!({ "destination": "U0", "events": [event] }).to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(LINE_SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let request = api.bare(Method::POST, &format!("/webhooks/{channel}")).header("x-line-signature", signature);
        assert_eq!(api.attempt(request.body(body)).await.unwrap().status, 200);
    }
}

type Place = (String, File, Shared);

async fn called(State((url, file, said)): State<Place>, verb: Verb, uri: Uri, body: Bytes) -> Response {
    let path = uri.path();
    let ends = |words: &[&str]| words.iter().any(|w| path.ends_with(w));
    if path.ends_with("/getFile") {
        return Json(json!({ "ok": true, "result": { "file_id": "f", "file_path": "files/one" } })).into_response();
    }
    let is_file = path.contains("/files/") || path.contains("/Media/") || path.ends_with("/content");
    if verb == Verb::GET && is_file {
        return ([(header::CONTENT_TYPE, file.mime)], file.bytes).into_response();
    }
    if verb == Verb::GET && path.ends_with("/media-1") {
        return Json(json!({ "url": format!("{url}/files/media-1?x=1"), "mime_type": file.mime })).into_response();
    }
    if verb == Verb::GET {
        return Json(json!({ "id": "1" })).into_response();
    }
    let body = String::from_utf8_lossy(&body).into_owned();
    let is_said = ends(&["/messages", "/sendMessage", "/Messages.json", "/push"]);
    if is_said && !body.contains("sender_action") && !body.contains("typing_indicator") {
        said.lock().unwrap().push(body);
    }
    let number = said.lock().unwrap().len();
    let id = format!("out-{number}");
    let answer: Value = json!({
        "ok": true, "result": { "message_id": number, "chat": { "id": 300 }, "date": 0, "username": "bot", "id": 7 },
        "messages": [{ "id": id }], "message_id": id, "recipient_id": "200", "sid": id, "status": "queued",
        "sentMessages": [{ "id": id }],
    });
    let status = if path.ends_with("/Messages.json") { StatusCode::CREATED } else { StatusCode::OK };
    (status, Json(answer)).into_response()
}
