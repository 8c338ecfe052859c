//! The same providers for a server that really runs: what they post to its webhooks, and what they answer to its requests.

use super::{Said, Terms, What, dialect, line, meta, telegram};
use crate::{
    scenario::{ChannelKind, ChannelSpec},
    world::Payload,
};
use colloquy_channels::Answer;
use colloquy_domain::{
    channel::{self, ChannelAccount, Secret},
    ids::{AgentId, ChannelId, TenantId},
    time::Timestamp,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A message that the provider took for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The person's address.
    pub peer: String,
    pub text: String,
    /// What was handed over to be recognised by.
    pub tag: Option<String>,
    /// Counts the messages to this person, from 1.
    pub number: String,
}

/// A channel's account at its provider, as a running server is told of it.
pub struct Connected {
    account: ChannelAccount,
    sent: Mutex<BTreeMap<String, u64>>,
}

impl Connected {
    /// `token`: letters and digits that nobody guesses; secrets and ids are made from it. `api_base`: where the server finds
    /// the provider. `None` for the web chat, which has no provider, and where [`ChannelKind::plays_outside`] says no.
    #[must_use]
    pub fn new(spec: &ChannelSpec, token: &str, api_base: &str) -> Option<Self> {
        let digits: String = token.bytes().map(|b| char::from(b'0' + b % 10)).take(15).collect();
        let secret = |of: &str| format!("{of}-{token}");
        let (kind, settings, secrets) = match spec.kind {
            ChannelKind::Webchat | ChannelKind::TwilioSms | ChannelKind::TwilioWhatsapp => return None,
            ChannelKind::Whatsapp => (
                "whatsapp",
                vec![("phone_number_id", digits.clone())],
                vec![("access_token", secret("a")), ("app_secret", secret("s")), ("verify_token", secret("v"))],
            ),
            ChannelKind::Instagram => (
                "instagram",
                vec![("instagram_id", digits.clone()), ("app_id", "1".to_owned())],
                vec![("access_token", secret("a")), ("app_secret", secret("s")), ("verify_token", secret("v"))],
            ),
            ChannelKind::Line => {
                ("line", Vec::new(), vec![("access_token", secret("a")), ("channel_secret", secret("s"))])
            }
            ChannelKind::Messenger => (
                "messenger",
                vec![("page_id", digits.clone()), ("app_id", "1".to_owned())],
                vec![("access_token", secret("a")), ("app_secret", secret("s")), ("verify_token", secret("v"))],
            ),
            // A server behind a name is reached by webhooks either way.
            ChannelKind::Telegram | ChannelKind::TelegramPoll => (
                "telegram",
                vec![("mode", "webhook".to_owned()), ("bot_username", "simbot".to_owned())],
                vec![("bot_token", format!("{digits}:{token}")), ("webhook_secret", secret("h"))],
            ),
        };
        let mut settings: BTreeMap<String, String> = settings.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        settings.insert("api_base".to_owned(), api_base.to_owned());
        let account = ChannelAccount {
            // Only the server knows these.
            tenant: TenantId::new(uuid::Uuid::nil()),
            id: ChannelId::new(uuid::Uuid::nil()),
            agent: AgentId::new(uuid::Uuid::nil()),
            kind: channel::ChannelKind::of(kind),
            name: spec.name.clone(),
            external_id: Some(digits),
            settings: settings.into_iter().collect(),
            secrets: secrets.into_iter().map(|(k, v)| (k.to_owned(), Secret::new(v))).collect(),
            enabled: true,
        };
        Some(Self { account, sent: Mutex::default() })
    }

    /// `whatsapp`, `messenger`, `instagram`, `telegram`, `line`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.account.kind.as_str()
    }

    /// Settings and secrets alike, as the server's API takes them.
    #[must_use]
    pub fn settings(&self) -> BTreeMap<String, String> {
        let secrets = self.account.secrets.iter().map(|(k, v)| (k.clone(), v.expose().to_owned()));
        self.account.settings.iter().map(|(k, v)| (k.clone(), v.clone())).chain(secrets).collect()
    }

    /// The webhook by which the provider tells that a person wrote; `number` counts the person's messages.
    #[must_use]
    pub fn wrote(&self, peer: &str, number: u64, at: Timestamp, text: &str) -> Payload {
        dialect::delivery(&self.account, peer, number, at, &Said::Text(text))
    }

    /// The webhook by which the provider tells that a message arrived, where it tells.
    #[must_use]
    pub fn arrived(&self, sent: &Delivered, at: Timestamp) -> Option<Payload> {
        let statuses = || meta::statuses(&self.account, &sent.peer, &sent.number, sent.tag.as_deref(), at);
        (self.kind() == "whatsapp").then(statuses)
    }

    /// Answers a request of the server, and says what it brought. `path`: after the address of the provider.
    #[must_use]
    pub fn answer(&self, path: &[&str], body: Option<&Value>) -> (Answer, Option<Delivered>) {
        let what = match self.kind() {
            "telegram" => telegram::understand("", path, body, Duration::ZERO),
            // It is never asked twice: nothing gets lost here.
            "line" => line::understand("", path, body, None),
            _ => meta::understand("", body),
        };
        let What::Send { peer, text, tag, terms, .. } = what else { return (dialect::fine(self.kind()), None) };
        let number = if let Terms::InPlaceOf(number) = terms {
            number.to_string()
        } else {
            let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
            let count = sent.entry(peer.clone()).or_default();
            *count += 1;
            count.to_string()
        };
        let answer = dialect::sent(&self.account, &peer, &number);
        (answer, Some(Delivered { peer, text, tag, number }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use colloquy_channels::{ChannelOptions, NoAnswer, Registry, Request, Transport};
    use colloquy_domain::channel::{ChannelEvent, WebhookRequest};

    struct Nowhere;

    #[async_trait::async_trait]
    impl Transport for Nowhere {
        async fn exchange(&self, _: Request) -> Result<Answer, NoAnswer> {
            Err(NoAnswer::NotSent("there is no network".to_owned()))
        }
    }

    #[test]
    fn the_real_drivers_accept_what_is_posted() {
        let drivers = Registry::new(&ChannelOptions::over(std::sync::Arc::new(Nowhere), Duration::from_secs(1)));
        for kind in [
            ChannelKind::Whatsapp,
            ChannelKind::Messenger,
            ChannelKind::Instagram,
            ChannelKind::Telegram,
            ChannelKind::Line,
        ] {
            let spec = ChannelSpec { kind, ..ChannelSpec::default() };
            let connected =
                Connected::new(&spec, "0a1b2c3d4e5f60718293a4b5", "http://127.0.0.1:9/wa").expect("a provider");
            let driver = drivers.get(&connected.account.kind).expect("a driver");
            let payload = connected.wrote("33600000001", 0, Timestamp(1_772_442_000_000), "Hello");
            let query = BTreeMap::new();
            let request = WebhookRequest { url: "", headers: &payload.headers, query: &query, body: &payload.body };
            let events = driver.receive(&connected.account, &request).expect("accepted");
            let [ChannelEvent::Message(inbound)] = events.as_slice() else { panic!("{events:?}") };
            assert_eq!(
                (inbound.peer.address.as_str(), inbound.content.words().as_deref()),
                ("33600000001", Some("Hello"))
            );
        }
        assert!(
            Connected::new(&ChannelSpec { kind: ChannelKind::Webchat, ..ChannelSpec::default() }, "t", "").is_none()
        );
    }
}
