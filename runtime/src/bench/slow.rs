//! A stand-in for a model that writes as slowly as large ones do, so that there is something to show meanwhile.

use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};

/// Words of an answer, and how long each takes.
const WORDS: u32 = 40;
const EACH: Duration = Duration::from_millis(200);

/// Serves the OpenAI-compatible endpoint; gives back its address.
///
/// # Errors
/// No port is free.
pub async fn serve() -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}/v1", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A connection that breaks off was the client's to close.
            tokio::spawn(answer(stream));
        }
    });
    Ok(address)
}

async fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut received = Vec::new();
    while super::graph::request_length(&received).is_none() {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n").await?;
    for n in 1..=WORDS {
        sleep(EACH).await;
        tell(&mut stream, &json!({ "role": "assistant", "content": format!("word {n} ") }), &Value::Null).await?;
    }
    tell(&mut stream, &json!({}), &json!("stop")).await?;
    stream.write_all(b"data: [DONE]\n\n").await
}

async fn tell(stream: &mut TcpStream, delta: &Value, end: &Value) -> std::io::Result<()> {
    let chunk = json!({
        "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "slow",
        "choices": [{ "index": 0, "delta": delta, "finish_reason": end }],
    });
    stream.write_all(format!("data: {chunk}\n\n").as_bytes()).await
}
