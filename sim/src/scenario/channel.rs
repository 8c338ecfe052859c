//! Connected accounts, and what their providers approved.

use super::{Action, LoadError, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connected account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelSpec {
    pub name: String,
    /// The agent that answers there; the channel is its tenant's.
    pub agent: String,
    pub kind: ChannelKind,
    /// Meta granted the Human Agent feature: people of the team may answer for 7 days. Messenger and Instagram only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub human_agent: bool,
    /// Templates that the provider knows. WhatsApp only.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<TemplateSpec>,
}

impl Default for ChannelSpec {
    fn default() -> Self {
        Self {
            name: "wa".to_owned(),
            agent: "desk".to_owned(),
            kind: ChannelKind::Whatsapp,
            human_agent: false,
            templates: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    Whatsapp,
    Messenger,
    Instagram,
    /// By webhook.
    Telegram,
    /// By long polling.
    TelegramPoll,
    Line,
    TwilioSms,
    /// People are written `whatsapp:+33…`, as Twilio writes them.
    TwilioWhatsapp,
    Webchat,
}

impl ChannelKind {
    /// What its driver is called.
    #[must_use]
    pub const fn driver(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Instagram => "instagram",
            Self::Telegram | Self::TelegramPoll => "telegram",
            Self::Line => "line",
            Self::TwilioSms => "twilio_sms",
            Self::TwilioWhatsapp => "twilio_whatsapp",
            Self::Webchat => "webchat",
        }
    }

    /// Whether it can be played to a running server. Twilio signs the address that the server has outside, which is not known here.
    #[must_use]
    pub const fn plays_outside(self) -> bool {
        !matches!(self, Self::TwilioSms | Self::TwilioWhatsapp)
    }

    /// Whether its provider tells that somebody does not want to be written to any more.
    #[must_use]
    pub const fn tells_of_consent(self) -> bool {
        matches!(self, Self::Telegram | Self::TelegramPoll | Self::Line | Self::TwilioSms | Self::TwilioWhatsapp)
    }
}

/// A template at its provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    pub name: String,
    pub text: String,
    #[serde(default)]
    pub status: Approval,
}

/// What a provider says of a template; only an approved one leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    Pending,
    #[default]
    Approved,
    Rejected,
    Paused,
    Disabled,
}

/// Who speaks for the team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    #[default]
    Person,
    /// A program, with an API key.
    Program,
}

/// Names and features that must fit the channels.
pub(super) fn check(scenario: &Scenario) -> Result<(), LoadError> {
    let channels = &scenario.world.channels;
    for (n, channel) in channels.iter().enumerate() {
        let wrong = |field: &str, why: &str| Err(LoadError::Field(format!("world.channels[{n}].{field}"), why.into()));
        if channel.human_agent && !matches!(channel.kind, ChannelKind::Messenger | ChannelKind::Instagram) {
            return wrong("human_agent", "only Messenger and Instagram have it");
        }
        if !channel.templates.is_empty() && channel.kind != ChannelKind::Whatsapp {
            return wrong("templates", "only WhatsApp has them");
        }
    }
    for (n, agent) in scenario.world.agents.iter().enumerate() {
        let Some(name) = &agent.template_fallback else { continue };
        let known = |c: &&ChannelSpec| c.agent == agent.name && c.templates.iter().any(|t| t.name == *name);
        if !channels.iter().any(|c| known(&c)) {
            let why = format!("no channel of the agent has a template {name:?}");
            return Err(LoadError::Field(format!("world.agents[{n}].template_fallback"), why));
        }
    }
    for (n, event) in scenario.timeline.iter().enumerate() {
        let field = format!("timeline[{n}].do");
        let Some((name, template, consent)) = at(&event.action) else { continue };
        let Some(channel) = channels.iter().find(|c| c.name == *name) else {
            return Err(LoadError::Field(field, format!("there is no channel {name:?}")));
        };
        if let Some(template) = template.filter(|t| !channel.templates.iter().any(|known| &known.name == *t)) {
            return Err(LoadError::Field(field, format!("{name:?} has no template {template:?}")));
        }
        if consent && !channel.kind.tells_of_consent() {
            let why = format!("the provider of {name:?} does not tell whether somebody wants to be written to");
            return Err(LoadError::Field(field, why));
        }
    }
    Ok(())
}

/// The channel of an action of the team or the provider, the template that it names, and whether it is about consent.
fn at(action: &Action) -> Option<(&String, Option<&String>, bool)> {
    match action {
        Action::Say { channel, template, .. } => Some((channel, template.as_ref(), false)),
        Action::Template { channel, template, .. } => Some((channel, Some(template), false)),
        Action::OptOut { channel, .. } | Action::OptIn { channel, .. } => Some((channel, None, true)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::from_yaml;

    #[test]
    fn what_a_channel_does_not_have_is_named() {
        let wrong = |channel: &str, action: &str| {
            let text = format!(
                "format: convsim/1\nname: n\nconversations: []\nworld:\n  channels: [{{name: c, agent: desk, {channel}}}]\n\
                 timeline: [{{at: 1s, do: {action}}}]\n"
            );
            from_yaml(&text).expect_err("wrong").to_string()
        };
        let back = "{give_back: {channel: c, peer: '1'}}";
        assert!(wrong("kind: line, human_agent: true", back).starts_with("world.channels[0].human_agent: only"));
        assert!(wrong("kind: line, templates: [{name: t, text: x}]", back).starts_with("world.channels[0].templates"));
        let say = "{say: {channel: c, peer: '1', template: t}}";
        assert_eq!(wrong("kind: whatsapp", say), "timeline[0].do: \"c\" has no template \"t\"");
        assert!(wrong("kind: messenger", "{opt_out: {channel: c, peer: '1'}}").contains("does not tell"));
        assert!(wrong("kind: line", "{opt_out: {channel: d, peer: '1'}}").contains("no channel \"d\""));
    }
}
