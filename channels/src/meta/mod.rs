//! What Meta's channels share: handshake, signature, the Graph client and its errors, the 24-hour window.

mod control;
mod error;
mod graph;
mod messaging;
mod send;
mod signature;

pub(crate) use control::{Control, hands_to};
pub(crate) use error::{Class, GraphError};
pub(crate) use graph::{CallError, Graph};
pub(crate) use messaging::{Own, Platform, events};
pub(crate) use send::{HELD_ELSEWHERE, classify, compose, parts, person_window, tagged};
pub(crate) use signature::{handshake, verified};

use colloquy_domain::{
    channel::{ChannelAccount, Delivery, SendError, SettingField},
    failure::Failure,
};
use std::time::Duration;

pub(crate) const ACCESS_TOKEN: SettingField = SettingField {
    name: "access_token",
    required: true,
    secret: true,
    help: "Token of a system user (or page) that may send messages.",
};
pub(crate) const APP_SECRET: SettingField = SettingField {
    name: "app_secret",
    required: true,
    secret: true,
    help: "The app's secret, with which Meta signs webhooks (App settings, Basic).",
};
pub(crate) const VERIFY_TOKEN: SettingField = SettingField {
    name: "verify_token",
    required: true,
    secret: true,
    help: "A word of your choice, entered again where the webhook is set up.",
};
pub(crate) const GRAPH_VERSION: SettingField = SettingField {
    name: "graph_version",
    required: false,
    secret: false,
    help: "Version of the Graph API; v26.0 if not set.",
};
pub(crate) const API_BASE: SettingField = SettingField {
    name: "api_base",
    required: false,
    secret: false,
    help: "Address of the Graph API; https://graph.facebook.com if not set.",
};
pub(crate) const MESSAGES_PER_SECOND: SettingField = SettingField {
    name: "messages_per_second",
    required: false,
    secret: false,
    help: "How many messages a second the account may send; the provider's usual limit if not set.",
};

pub(crate) const HUMAN_AGENT: SettingField = SettingField {
    name: "human_agent",
    required: false,
    secret: false,
    help: "`true` if Meta granted the app the Human Agent feature: people of the team may then answer for 7 days.",
};

/// How long after a person's last message free text may be sent.
pub(crate) const WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Refuses what would leave outside the window; judged when it is sent, because queues take time.
pub(crate) fn within_window(channel: &str, delivery: &Delivery<'_>) -> Result<(), SendError> {
    if delivery.now.since(delivery.last_inbound_at) <= WINDOW {
        return Ok(());
    }
    Err(SendError::Refused(Failure::reject(
        format!("{channel}.window_closed"),
        "the person's last message is more than 24 hours old",
    )))
}

/// The provider's id of the account, or the setting that names it.
pub(crate) fn account_id<'a>(account: &'a ChannelAccount, setting: &str) -> Option<&'a str> {
    account.external_id.as_deref().or_else(|| account.setting(setting)).filter(|id| !id.is_empty())
}
