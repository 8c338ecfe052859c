//! Webhooks accepted per second: signed WhatsApp deliveries over keep-alive connections, while the actors work on them.

use super::{
    graph::request_length,
    rig::{APP_SECRET, Rig},
};
use anyhow::{Context, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

/// Connections, each with one request on its way.
const CONNECTIONS: u64 = 192;
/// People who write.
const PEERS: u64 = 5000;

pub struct Accepted {
    pub per_second: f64,
    /// Of each accepted webhook, from its first byte out to the last byte back.
    pub times: Vec<Duration>,
    pub refused: u64,
}

/// What the connections ask for.
#[derive(Clone, Copy)]
pub enum Request {
    /// A signed delivery of one message.
    Webhook,
    /// `/health/live`: what HTTP and this load generator alone allow.
    Alive,
}

/// # Errors
/// A connection broke.
pub async fn measure(rig: &Rig, request: Request, lasting: Duration) -> anyhow::Result<Accepted> {
    let address = rig.app.url.strip_prefix("http://").context("the address of the server")?.to_owned();
    let path = format!("/webhooks/{}", rig.whatsapp);
    let numbers = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let client = Client {
            stream: TcpStream::connect(&address).await?,
            request,
            alive: format!("GET /health/live HTTP/1.1\r\nhost: {address}\r\n\r\n"),
            head: format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n"),
            numbers: Arc::clone(&numbers),
            answer: Vec::new(),
        };
        clients.spawn(client.run(start + lasting));
    }
    let (mut times, mut refused) = (Vec::new(), 0);
    while let Some(done) = clients.join_next().await {
        let (accepted, not) = done??;
        times.extend(accepted);
        refused += not;
    }
    Ok(Accepted { per_second: times.len() as f64 / start.elapsed().as_secs_f64(), times, refused })
}

struct Client {
    stream: TcpStream,
    request: Request,
    alive: String,
    head: String,
    numbers: Arc<AtomicU64>,
    answer: Vec<u8>,
}

impl Client {
    /// Times of what was accepted, and how many were not.
    async fn run(mut self, until: Instant) -> anyhow::Result<(Vec<Duration>, u64)> {
        self.stream.set_nodelay(true)?;
        let (mut times, mut refused) = (Vec::new(), 0);
        while Instant::now() < until {
            let request = self.next_request();
            let start = Instant::now();
            self.stream.write_all(request.as_bytes()).await?;
            if self.is_accepted().await? {
                times.push(start.elapsed());
            } else {
                refused += 1;
            }
        }
        Ok((times, refused))
    }

    fn next_request(&self) -> String {
        match self.request {
            Request::Alive => self.alive.clone(),
            Request::Webhook => {
                let number = self.numbers.fetch_add(1, Ordering::Relaxed);
                let text = "Hello, what are your opening hours, please?";
                signed(&self.head, &text_message("100000000000001", number % PEERS, number, text))
            }
        }
    }

    async fn is_accepted(&mut self) -> anyhow::Result<bool> {
        self.answer.clear();
        while request_length(&self.answer).is_none() {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the server closed a connection");
            }
        }
        Ok(self.answer.starts_with(b"HTTP/1.1 200"))
    }
}

/// A text message as WhatsApp delivers it to the account of this number. `peer` is who writes.
pub fn text_message(account: &str, peer: u64, number: u64, text: &str) -> String {
    let peer = 33_600_000_000 + peer;
    format!(
        concat!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[{{"value":{{"#,
            r#""messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","#,
            r#""phone_number_id":"{account}"}},"contacts":[{{"profile":{{"name":"Camille Martin"}},"#,
            r#""wa_id":"{peer}"}}],"messages":[{{"from":"{peer}","id":"wamid.{number:048}","#,
            r#""timestamp":"1749416383","type":"text","text":{{"body":"{text}"}}}}]"#,
            r#"}},"field":"messages"}}]}}]}}"#
        ),
        account = account,
        peer = peer,
        number = number,
        text = text,
    )
}

/// The request: `head` ends with its own line break and needs the signature, the length and the body.
pub fn signed(head: &str, body: &str) -> String {
    let (signature, length) = (sign(body), body.len());
    format!("{head}x-hub-signature-256: sha256={signature}\r\ncontent-length: {length}\r\n\r\n{body}")
}

fn sign(body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(APP_SECRET.as_bytes()) else { return String::new() };
    mac.update(body.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}
