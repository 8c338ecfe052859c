//! Stand-ins for a provider on this machine; the one for the Graph API takes every reply and names it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Serves until the runtime ends; returns its address. Everything that it is sent is shown to `heard` first.
///
/// # Errors
/// No port is free.
pub async fn start(heard: impl Fn(&[u8]) + Send + Sync + 'static) -> std::io::Result<String> {
    let names = AtomicU64::new(0);
    serve(move |request| {
        heard(request);
        let name = names.fetch_add(1, Ordering::Relaxed);
        (200, format!(r#"{{"messaging_product":"whatsapp","messages":[{{"id":"wamid.out.{name}"}}]}}"#))
    })
    .await
}

/// Answers every request with a status and JSON until the runtime ends; returns its address.
///
/// # Errors
/// No port is free.
pub async fn serve(answer: impl Fn(&[u8]) -> (u16, String) + Send + Sync + 'static) -> std::io::Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A connection that breaks off was the client's to close.
            tokio::spawn(answer_all(stream, Arc::clone(&answer)));
        }
    });
    Ok(address)
}

async fn answer_all(mut stream: TcpStream, answer: Arc<impl Fn(&[u8]) -> (u16, String)>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut received = Vec::new();
    loop {
        let Some(length) = request_length(&received) else {
            if stream.read_buf(&mut received).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let (status, body) = answer(&received[..length]);
        received.drain(..length);
        let head = format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: ");
        stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes()).await?;
    }
}

/// Bytes of the first whole HTTP/1.1 message with a `Content-Length` (or none), if it is all there.
#[must_use]
pub fn request_length(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&received[..head]).ok()?;
    let named = text.lines().filter_map(|l| l.split_once(':')).find(|(k, _)| k.eq_ignore_ascii_case("content-length"));
    let body = named.and_then(|(_, v)| v.trim().parse::<usize>().ok()).unwrap_or(0);
    (received.len() >= head + body).then_some(head + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_with_its_body() {
        let message = b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST";
        assert_eq!(request_length(message), Some(message.len() - 4));
        assert_eq!(request_length(&message[..40]), None);
        assert_eq!(request_length(b"GET / HTTP/1.1\r\n\r\n"), Some(18));
    }
}
