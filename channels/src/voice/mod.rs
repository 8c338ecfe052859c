//! The telephone: callers speak, the agent's replies are read out. One kind of channel, several providers: Twilio asks us
//! what to say next, Vapi speaks by itself and asks our OpenAI-compatible endpoint for words.

mod relay;
mod signature;
mod twilio;
mod twiml;
mod vapi;

use crate::{http::endpoint, markup};
use async_trait::async_trait;
use colloquy_domain::{
    channel::{
        ChannelAccount, ChannelEvent, ChannelKind, Delivery, Handshake, Pacing, Part, Polled, SendError, Sent,
        SettingField, WebhookRejection, WebhookRequest,
    },
    failure::Failure,
    message::Peer,
    outbound::Citation,
    ports::{CallDriver, ChannelDriver, WebCall},
};
use std::time::Duration;
use twilio::Twilio;
use vapi::Vapi;

const FIELDS: &[SettingField] = &[
    field("provider", true, "Who carries the calls: `twilio` or `vapi`."),
    secret("auth_token", "Twilio's auth token, which signs its requests; needed for Twilio."),
    field(
        "account_sid",
        false,
        "Twilio's account; requests of another one are refused if it is set. With it, calls whose end was not told are asked about.",
    ),
    secret(
        "api_key",
        "Vapi's private key: calls whose end was not told are asked about with it; the one of the settings, if not set.",
    ),
    field("api_base", false, "Address of the provider's REST API; Twilio's or Vapi's own if not set."),
    secret("webhook_secret", "The secret that Vapi sends, or signs with; needed for Vapi."),
    field("assistant_id", false, "Vapi's own assistant that speaks; if not set, this channel's agent does."),
    field(
        "voice_mode",
        false,
        "Of Twilio: `gather` (the default) or `relay`, in which callers can interrupt (ConversationRelay).",
    ),
    field(
        "language",
        false,
        "What callers speak: fr-FR, en-US and the like; the agent's language, or else fr-FR, if not set.",
    ),
    field("other_language", false, "With relay: another language in which callers may go on, en-US and the like."),
    field(
        "interruptible",
        false,
        "With relay: what interrupts the agent, `any` (the default), `speech`, `dtmf` or `none`.",
    ),
    field(
        "voice",
        false,
        "Twilio's voice; Polly.Léa for French and Polly.Joanna for English if not set. With relay also Google.… and ElevenLabs.…",
    ),
    field("company", false, "The company's name as it is said; the tenant's name if not set."),
    field("greeting", false, "The first sentence; one with the company's name if not set."),
    field("recording_notice", false, "Said before anything else where calls are recorded."),
    field("transfer_to", false, "The number that callers are put through to when a person takes over."),
];

const fn field(name: &'static str, required: bool, help: &'static str) -> SettingField {
    SettingField { name, required, secret: false, help }
}

const fn secret(name: &'static str, help: &'static str) -> SettingField {
    SettingField { name, required: false, secret: true, help }
}

/// What a provider answers about one call.
const LONGEST_ANSWER: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Voice;

/// What a provider is asked at its REST API.
fn question(account: &ChannelAccount, base: &str, path: &[&str], authorization: String) -> Option<WebCall> {
    let base = account.setting("api_base").filter(|b| !b.is_empty()).unwrap_or(base);
    Some(WebCall {
        method: "GET",
        url: endpoint("voice", base, path).ok()?.into(),
        headers: vec![("authorization".into(), authorization)],
        body: None,
        most: LONGEST_ANSWER,
        timeout: PATIENCE,
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and saturates")]
fn rounded(number: f64) -> u64 {
    number.round() as u64
}

/// What an account's callers speak, as a tag.
fn language(account: &ChannelAccount) -> &str {
    account.setting("language").filter(|l| !l.is_empty()).unwrap_or("fr-FR")
}

/// The voice that reads out in a language.
fn usual_voice(language: &str) -> &'static str {
    if language.starts_with("fr") { "Polly.Léa" } else { "Polly.Joanna" }
}

/// Whether a setting is one of these, if it is set.
fn is_one_of(account: &ChannelAccount, name: &'static str, all: &[&str]) -> Result<(), Failure> {
    match account.setting(name).filter(|v| !v.is_empty()) {
        Some(value) if !all.contains(&value) => {
            Err(Failure::fatal("voice.bad_settings", format!("{name} must be one of {}", all.join(", "))))
        }
        _ => Ok(()),
    }
}

#[async_trait]
impl ChannelDriver for Voice {
    fn kind(&self) -> ChannelKind {
        ChannelKind::of("voice")
    }

    fn fields(&self) -> &'static [SettingField] {
        FIELDS
    }

    /// The answer to the provider's request is how a reply gets to the caller.
    fn pull(&self) -> bool {
        true
    }

    fn pacing(&self, _account: &ChannelAccount) -> Pacing {
        Pacing { per_second: u32::MAX, peer_interval: Duration::ZERO, peer_burst: u32::MAX }
    }

    fn handshake(&self, _account: &ChannelAccount, _request: &WebhookRequest<'_>) -> Handshake {
        Handshake::Unsupported
    }

    /// Calls have endpoints of their own, which answer.
    fn receive(
        &self,
        _account: &ChannelAccount,
        _request: &WebhookRequest<'_>,
    ) -> Result<Vec<ChannelEvent>, WebhookRejection> {
        Err(WebhookRejection::NotSupported)
    }

    /// Words to be read out. Sources are not read out.
    fn render(&self, markdown: &str, _citations: &[Citation]) -> Vec<Part> {
        let text = markup::speech(markdown);
        if text.is_empty() { Vec::new() } else { vec![Part::words(text.clone(), text)] }
    }

    async fn send(&self, _delivery: Delivery<'_>) -> Result<Sent, SendError> {
        Err(SendError::Refused(Failure::reject("voice.pull", "callers hear replies in the answer to their provider")))
    }

    async fn typing(&self, _account: &ChannelAccount, _to: &Peer, _last_message: &str) -> Result<(), Failure> {
        Ok(())
    }

    async fn poll(&self, _account: &ChannelAccount, _cursor: Option<String>) -> Result<Polled, Failure> {
        Err(Failure::fatal("voice.not_polled", "calls come by webhook only"))
    }

    fn calls(&self, account: &ChannelAccount) -> Option<&dyn CallDriver> {
        match account.setting("provider")? {
            "twilio" => Some(&Twilio),
            "vapi" => Some(&Vapi),
            _ => None,
        }
    }

    fn mistake(&self, account: &ChannelAccount) -> Option<(&'static str, &'static str)> {
        let lacks = |name: &str| account.secret(name).is_none_or(str::is_empty);
        match account.setting("provider") {
            Some("twilio") if lacks("auth_token") => Some(("auth_token", "is needed for Twilio")),
            Some("vapi") if lacks("webhook_secret") => Some(("webhook_secret", "is needed for Vapi")),
            Some("twilio" | "vapi") => None,
            _ => Some(("provider", "must be twilio or vapi")),
        }
    }

    /// Whether all is set that the provider's requests need to be believed.
    async fn check(&self, account: &ChannelAccount) -> Result<String, Failure> {
        let missing = |what: &str| Failure::fatal("voice.bad_settings", format!("{what} is not set"));
        let has = |name: &str| account.secret(name).is_some_and(|s| !s.is_empty());
        is_one_of(account, "voice_mode", &["gather", "relay"])?;
        is_one_of(account, "interruptible", &["any", "speech", "dtmf", "none"])?;
        match account.setting("provider") {
            Some("twilio") if !has("auth_token") => Err(missing("auth_token")),
            Some("vapi") if !has("webhook_secret") => Err(missing("webhook_secret")),
            Some("twilio" | "vapi") => Ok(account.external_id.clone().unwrap_or_else(|| account.name.clone())),
            _ => Err(Failure::fatal("voice.bad_settings", "provider must be twilio or vapi")),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use colloquy_domain::{
        channel::Secret,
        ids::{AgentId, ChannelId, TenantId},
    };
    use uuid::Uuid;

    pub(crate) fn account(settings: &[(&str, &str)], secrets: &[(&str, &str)]) -> ChannelAccount {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ChannelAccount {
            tenant: TenantId::new(Uuid::from_u128(1)),
            id: ChannelId::new(Uuid::from_u128(2)),
            kind: ChannelKind::of("voice"),
            name: "Phone".to_owned(),
            agent: AgentId::new(Uuid::from_u128(3)),
            external_id: Some("+33187654321".to_owned()),
            settings: settings.iter().map(own).collect(),
            secrets: secrets.iter().map(own).map(|(name, value)| (name, Secret::new(value))).collect(),
            enabled: true,
        }
    }

    // req: S2-PROV-1
    #[tokio::test]
    async fn the_provider_is_a_setting() {
        let twilio = account(&[("provider", "twilio")], &[("auth_token", "t")]);
        let vapi = account(&[("provider", "vapi")], &[]);
        assert_eq!(Voice.calls(&twilio).map(CallDriver::provider), Some("twilio"));
        assert_eq!(Voice.calls(&vapi).map(CallDriver::provider), Some("vapi"));
        assert!(Voice.calls(&account(&[("provider", "pigeon")], &[])).is_none());
        assert_eq!(Voice.check(&twilio).await.as_deref(), Ok("+33187654321"));
        let mistake = |settings: &[(&str, &str)]| Voice.mistake(&account(settings, &[])).map(|(name, _)| name);
        assert_eq!(Voice.mistake(&twilio), None);
        assert_eq!(mistake(&[("provider", "twilio")]), Some("auth_token"));
        assert_eq!(mistake(&[("provider", "vapi")]), Some("webhook_secret"));
        assert_eq!(mistake(&[("provider", "pigeon")]), Some("provider"));
        assert_eq!(Voice.check(&vapi).await.unwrap_err().code, "voice.bad_settings");
        for wrong in [("voice_mode", "shout"), ("interruptible", "sometimes")] {
            let wrong = account(&[("provider", "twilio"), wrong], &[("auth_token", "t")]);
            assert_eq!(Voice.check(&wrong).await.unwrap_err().code, "voice.bad_settings");
        }
    }
}
