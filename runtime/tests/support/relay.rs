//! Twilio's side of a ConversationRelay: what it makes of the document that asks for one, and the messages on it.

use super::{
    calls::{Caller, OURS, THEIRS, attribute, parameter, signature},
    client::Answer,
};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::CloseFrame},
};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Relay {
    socket: WebSocketStream<TcpStream>,
    /// What was read out since somebody last looked.
    said: String,
}

/// What an upgrade is answered if not with 101.
pub type Refused = u16;

impl Relay {
    /// Connects as the document says and introduces the call.
    pub async fn connect(caller: &Caller, document: &Answer) -> Self {
        let url = attribute(&document.text, "ConversationRelay", "url");
        let mut relay = Self::dial(&url, &signature(caller.token, &url, &[])).await.unwrap();
        relay.tell(&setup(caller, document)).await;
        relay
    }

    pub async fn dial(url: &str, signature: &str) -> Result<Self, Refused> {
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-twilio-signature", signature.parse().unwrap());
        let host = url.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        match client_async(request, stream).await {
            Ok((socket, _)) => Ok(Self { socket, said: String::new() }),
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(e) => panic!("{e}"),
        }
    }

    pub async fn tell(&mut self, message: &Value) {
        self.socket.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The caller said something and was silent then.
    pub async fn say(&mut self, words: &str) {
        self.tell(&json!({ "type": "prompt", "voicePrompt": words, "lang": "fr-FR", "last": true })).await;
    }

    /// The next message; an error is how the other side closed.
    pub async fn hear(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something comes") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// Until so much was read out.
    pub async fn hear_up_to(&mut self, words: &str) {
        while !self.said.contains(words) {
            let message = self.hear().await.unwrap();
            assert_eq!(message["type"], "text", "{message}, after {:?}", self.said);
            self.said.push_str(message["token"].as_str().unwrap());
        }
    }

    /// All that is read out until the end of it.
    pub async fn utterance(&mut self) -> String {
        loop {
            let message = self.hear().await.unwrap();
            assert_eq!(message["type"], "text", "{message}, after {:?}", self.said);
            self.said.push_str(message["token"].as_str().unwrap());
            if message["last"] == true {
                return std::mem::take(&mut self.said).trim().to_owned();
            }
        }
    }

    /// The caller speaks over what was read out up to the end of this.
    pub async fn interrupt(&mut self, utterance: &str) {
        self.said.clear();
        let interrupt =
            json!({ "type": "interrupt", "utteranceUntilInterrupt": utterance, "durationUntilInterruptMs": "460" });
        self.tell(&interrupt).await;
    }

    /// Why the line ends: what Twilio tells where it is closed.
    pub async fn ended(&mut self) -> String {
        let end = self.hear().await.unwrap();
        assert_eq!(end["type"], "end", "{end}");
        end["handoffData"].as_str().unwrap().to_owned()
    }

    pub async fn is_closed(&mut self) -> bool {
        self.hear().await.is_err()
    }
}

/// The first message, with what the document had to be given back.
pub fn setup(caller: &Caller, document: &Answer) -> Value {
    let given = |name: &str| parameter(&document.text, name);
    json!({
        "type": "setup", "sessionId": "VX00000000000000000000000000000000",
        "accountSid": "AC00000000000000000000000000000000", "callSid": caller.sid, "parentCallSid": "",
        "from": THEIRS, "to": OURS, "forwardedFrom": OURS, "callerName": "", "direction": "inbound", "callType": "PSTN",
        "callStatus": "IN-PROGRESS", "customParameters": { "line": given("line"), "seal": given("seal") },
    })
}
