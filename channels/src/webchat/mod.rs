//! Web chat: the client speaks to our own API and reads replies there, so nothing is sent and nothing is signed.

use async_trait::async_trait;
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Handshake, Pacing, Part, Polled, SendError, Sent,
        SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    message::Peer,
    outbound::Citation,
    ports::ChannelDriver,
};
use std::time::Duration;

pub(crate) struct WebChat;

#[async_trait]
impl ChannelDriver for WebChat {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of("webchat")
    }

    fn fields(&self) -> &'static [SettingField] {
        &[
            SettingField {
                name: "public",
                required: false,
                secret: false,
                help: "`true` lets visitors chat without an API key, on the page /chat/{channel id} or by the widget",
            },
            SettingField {
                name: "files",
                required: false,
                secret: false,
                help: "`true` lets them send files, too: pictures, recordings, PDF, Office documents and text, of at most 10 MB",
            },
        ]
    }

    fn pull(&self) -> bool {
        true
    }

    fn pacing(&self, _account: &ChannelAccount) -> Pacing {
        Pacing { per_second: u32::MAX, peer_interval: Duration::ZERO, peer_burst: u32::MAX }
    }

    fn handshake(&self, _account: &ChannelAccount, _request: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    fn receive(
        &self,
        _account: &ChannelAccount,
        _request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        Err(WebhookRejection::NotSupported)
    }

    /// The client renders Markdown itself and gets the citations as data beside it.
    fn render(&self, markdown: &str, _citations: &[Citation]) -> Vec<Part> {
        let text = markdown.trim();
        if text.is_empty() { Vec::new() } else { vec![Part::words(text.to_owned(), text.to_owned())] }
    }

    async fn send(&self, _delivery: Delivery<'_>) -> Result<Sent, SendError> {
        Err(SendError::Refused(Failure::reject("webchat.pull", "web chat clients read their replies themselves")))
    }

    async fn typing(&self, _account: &ChannelAccount, _to: &Peer, _last_message: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal("webchat.not_polled", "web chat has nothing to poll"))
    }

    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        Ok(account.name.clone())
    }
}
