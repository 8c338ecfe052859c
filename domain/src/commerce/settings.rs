//! How a tenant reaches the services that its flows use.

use crate::channel::Secret;
use std::collections::BTreeMap;

/// Whose service it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Calendar and Sheets.
    Google,
    Stripe,
}

impl Provider {
    pub const ALL: [Self; 2] = [Self::Google, Self::Stripe];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Stripe => "stripe",
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

/// What a tenant uses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Connections {
    pub google: Option<Google>,
    pub stripe: Option<Stripe>,
}
