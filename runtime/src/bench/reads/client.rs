//! Requests over keep-alive connections of clients in this process.

use super::super::graph::request_length;
use anyhow::{Context, bail};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};

pub struct Client {
    stream: TcpStream,
    /// What every request says of itself, without the last line break.
    head: String,
    answer: Vec<u8>,
}

impl Client {
    /// # Errors
    /// The server's.
    pub async fn connect(address: &str, key: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let head = format!("host: {address}\r\nauthorization: Bearer {key}\r\n");
        Ok(Self { stream, head, answer: Vec::new() })
    }

    /// From the first byte out to the last byte back, and the body.
    ///
    /// # Errors
    /// The connection broke, or the answer is not 2xx.
    pub async fn get(&mut self, path: &str) -> anyhow::Result<(Duration, &[u8])> {
        let request = format!("GET {path} HTTP/1.1\r\n{}\r\n", self.head);
        self.send(path, request).await
    }

    /// Sends JSON from a place that `from` names.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn post(&mut self, path: &str, from: &str, body: &Value) -> anyhow::Result<(Duration, &[u8])> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\n{}x-forwarded-for: {from}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.send(path, request).await
    }

    async fn send(&mut self, path: &str, request: String) -> anyhow::Result<(Duration, &[u8])> {
        let begun = Instant::now();
        self.stream.write_all(request.as_bytes()).await?;
        self.answer.clear();
        let length = loop {
            if let Some(length) = request_length(&self.answer) {
                break length;
            }
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                bail!("{path}: the server closed the connection");
            }
        };
        let took = begun.elapsed();
        let head = self.answer.windows(4).position(|w| w == b"\r\n\r\n").context("an answer without an end")? + 4;
        let body = &self.answer[head..length];
        if !self.answer.starts_with(b"HTTP/1.1 2") {
            let status = String::from_utf8_lossy(&self.answer[..head.min(40)]);
            bail!("{path}: {} {}", status.lines().next().unwrap_or_default(), String::from_utf8_lossy(body));
        }
        Ok((took, body))
    }

    /// The `data` of an answer.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn data(&mut self, path: &str) -> anyhow::Result<Value> {
        let (_, body) = self.get(path).await?;
        let mut answer: Value = serde_json::from_slice(body)?;
        Ok(answer["data"].take())
    }
}

/// Times of requests that so many clients make at once, each one after the other.
///
/// # Errors
/// As [`Client::get`].
pub async fn at_once(
    address: &str,
    key: &str,
    paths: &Arc<[String]>,
    clients: usize,
    lasting: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut reading = JoinSet::new();
    for number in 0..clients {
        let (mut client, paths) = (Client::connect(address, key).await?, Arc::clone(paths));
        reading.spawn(async move {
            let (begun, mut times) = (Instant::now(), Vec::new());
            for path in paths.iter().cycle().skip(number) {
                times.push(client.get(path).await?.0);
                if begun.elapsed() >= lasting {
                    break;
                }
            }
            anyhow::Ok(times)
        });
    }
    let mut times = Vec::new();
    while let Some(read) = reading.join_next().await {
        times.extend(read??);
    }
    Ok(times)
}
