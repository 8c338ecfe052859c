//! How a tenant reaches the services that its flows use.

use crate::{
    channel::Secret,
    video::{AvatarAccount, AvatarProvider},
};
use std::{collections::BTreeMap, time::Duration};

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Calendar and Sheets.
    Google,
    Stripe,
    /// Avatars of HeyGen's or LiveAvatar's.
    Avatar,
}

impl Provider {
    pub const ALL: [Self; 3] = [Self::Google, Self::Stripe, Self::Avatar];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Stripe => "stripe",
            Self::Avatar => "avatar",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Its settings: name, whether it is a secret, whether it is needed.
    #[must_use]
    pub const fn fields(self) -> &'static [(&'static str, bool, bool)] {
        match self {
            Self::Google => &[
                ("clientEmail", false, true),
                ("privateKey", true, true),
                ("calendarId", false, false),
                ("spreadsheetId", false, false),
                ("timeZone", false, false),
                ("slotMinutes", false, false),
                ("baseUrl", false, false),
            ],
            Self::Stripe => &[
                ("secretKey", true, true),
                ("webhookSecret", true, false),
                ("publishableKey", false, false),
                ("currency", false, false),
                ("baseUrl", false, false),
            ],
            Self::Avatar => &[
                ("provider", false, true),
                ("apiKey", true, true),
                ("avatarId", false, true),
                ("voiceId", false, false),
                ("contextId", false, false),
                ("language", false, false),
                ("quality", false, false),
                ("maxSessions", false, false),
                ("maxMinutes", false, false),
                ("idleMinutes", false, false),
                ("baseUrl", false, false),
            ],
        }
    }
}

/// What was entered for one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entered {
    pub settings: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, Secret>,
}

impl Entered {
    fn setting(&self, name: &str) -> Option<String> {
        self.settings.get(name).filter(|v| !v.is_empty()).cloned()
    }
}

/// A service account of Google's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Google {
    pub client_email: String,
    /// PEM.
    pub private_key: Secret,
    pub calendar: Option<String>,
    pub spreadsheet: Option<String>,
    /// Where tables are: an IANA name.
    pub zone: String,
    /// How long a table is taken.
    pub slot_minutes: u32,
    /// Instead of Google's own addresses.
    pub base_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stripe {
    pub secret_key: Secret,
    pub webhook_secret: Option<Secret>,
    pub publishable_key: Option<String>,
    /// ISO 4217, lower case.
    pub currency: String,
    /// Instead of Stripe's own address.
    pub base_url: Option<String>,
}

/// An account of a provider of avatars, and what is shown with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avatar {
    pub account: AvatarAccount,
    /// The provider's id of who is shown.
    pub avatar: String,
    /// And of the voice; the avatar's own if there is none.
    pub voice: Option<String>,
    /// `LiveAvatar`'s id of what its own model knows. Ours answers: it is not needed.
    pub context: Option<String>,
    pub language: String,
    /// `low`, `medium` or `high`.
    pub quality: String,
    /// Sessions at once.
    pub most: u32,
    pub longest: Duration,
    /// How long nobody may write before a session ends.
    pub idle: Duration,
}

pub const USUAL_LANGUAGE: &str = "en";
pub const USUAL_QUALITY: &str = "medium";
pub const USUAL_SESSIONS: u32 = 3;
/// Of a session, in minutes.
pub const USUAL_LENGTH: u32 = 10;
pub const USUAL_IDLE: u32 = 3;

pub const USUAL_ZONE: &str = "UTC";
pub const USUAL_SLOT: u32 = 120;
pub const USUAL_CURRENCY: &str = "eur";

impl Google {
    /// None if what is needed was not entered.
    #[must_use]
    pub fn of(entered: &Entered) -> Option<Self> {
        Some(Self {
            client_email: entered.setting("clientEmail")?,
            private_key: entered.secrets.get("privateKey")?.clone(),
            calendar: entered.setting("calendarId"),
            spreadsheet: entered.setting("spreadsheetId"),
            zone: entered.setting("timeZone").unwrap_or_else(|| USUAL_ZONE.to_owned()),
            slot_minutes: entered.setting("slotMinutes").and_then(|m| m.parse().ok()).unwrap_or(USUAL_SLOT),
            base_url: entered.setting("baseUrl"),
        })
    }
}

impl Stripe {
    /// None if what is needed was not entered.
    #[must_use]
    pub fn of(entered: &Entered) -> Option<Self> {
        Some(Self {
            secret_key: entered.secrets.get("secretKey")?.clone(),
            webhook_secret: entered.secrets.get("webhookSecret").cloned(),
            publishable_key: entered.setting("publishableKey"),
            currency: entered.setting("currency").unwrap_or_else(|| USUAL_CURRENCY.to_owned()),
            base_url: entered.setting("baseUrl"),
        })
    }
}

impl Avatar {
    /// None if what is needed was not entered.
    #[must_use]
    pub fn of(entered: &Entered) -> Option<Self> {
        let number = |name, usual| entered.setting(name).and_then(|n| n.parse().ok()).unwrap_or(usual);
        let minutes = |name, usual| Duration::from_secs(60 * u64::from(number(name, usual)));
        Some(Self {
            account: AvatarAccount {
                provider: AvatarProvider::named(&entered.setting("provider")?)?,
                key: entered.secrets.get("apiKey")?.clone(),
                base_url: entered.setting("baseUrl"),
            },
            avatar: entered.setting("avatarId")?,
            voice: entered.setting("voiceId"),
            context: entered.setting("contextId"),
            language: entered.setting("language").unwrap_or_else(|| USUAL_LANGUAGE.to_owned()),
            quality: entered.setting("quality").unwrap_or_else(|| USUAL_QUALITY.to_owned()),
            most: number("maxSessions", USUAL_SESSIONS),
            longest: minutes("maxMinutes", USUAL_LENGTH),
            idle: minutes("idleMinutes", USUAL_IDLE),
        })
    }
}

/// What a tenant uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connections {
    pub google: Option<Google>,
    pub stripe: Option<Stripe>,
    pub avatar: Option<Avatar>,
}
