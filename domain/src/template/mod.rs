//! Messages that a provider approves beforehand: what they consist of, what is wrong with one, and what fills its gaps.
//!
//! Their JSON is the one that WhatsApp's Cloud API documents, the same for callers of ours, in the database and to the
//! provider.

mod check;
mod fill;
mod gaps;

pub use check::{Problem, check};
pub use fill::{ButtonValue, Filled, HeaderValue, Parameters, TemplateCall, fill};

use serde::{Deserialize, Serialize};

/// A message with gaps `{{1}}`, `{{2}}`, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    pub category: Category,
    /// `en`, `en_US`, …
    pub language: String,
    pub components: Vec<Component>,
}

/// What a provider charges and polices it as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Category {
    #[serde(alias = "marketing")]
    Marketing,
    #[serde(alias = "utility")]
    Utility,
    #[serde(alias = "authentication")]
    Authentication,
}

impl Category {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Marketing => "MARKETING",
            Self::Utility => "UTILITY",
            Self::Authentication => "AUTHENTICATION",
        }
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub enum Component {
    #[serde(alias = "header")]
    Header {
        #[serde(default)]
        format: Format,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        example: Option<HeaderExample>,
    },
    #[serde(alias = "body")]
    Body {
        #[serde(default)]
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        example: Option<BodyExample>,
    },
    #[serde(alias = "footer")]
    Footer {
        #[serde(default)]
        text: String,
    },
    #[serde(alias = "buttons")]
    Buttons { buttons: Vec<Button> },
    /// A kind that we do not know: such a template is shown, but not sent.
    #[serde(other)]
    Unknown,
}

/// What a header shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Format {
    #[default]
    #[serde(alias = "text")]
    Text,
    #[serde(alias = "image")]
    Image,
    #[serde(alias = "video")]
    Video,
    #[serde(alias = "document")]
    Document,
    #[serde(other)]
    Unknown,
}

/// What would fill the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct HeaderExample {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header_text: Vec<String>,
    /// The provider's handle of an uploaded file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header_handle: Vec<String>,
}

/// What would fill the body; the first list counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(default)]
pub struct BodyExample {
    pub body_text: Vec<Vec<String>>,
}

/// Something to press below the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Button {
    QuickReply {
        text: String,
    },
    Url {
        text: String,
        /// May end with one gap.
        url: String,
        /// The whole address as it would be.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        example: Vec<String>,
    },
    PhoneNumber {
        text: String,
        phone_number: String,
    },
    #[serde(other)]
    Unknown,
}

/// What the provider says of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateStatus {
    /// Ours alone: its text is sent where no approval is needed.
    Local,
    Pending,
    Approved,
    Rejected,
    /// People did not want it: not to be sent for a while.
    Paused,
    Disabled,
    /// The provider has it no more.
    Deleted,
}

impl TemplateStatus {
    pub const ALL: [Self; 7] =
        [Self::Local, Self::Pending, Self::Approved, Self::Rejected, Self::Paused, Self::Disabled, Self::Deleted];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "LOCAL",
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Rejected => "REJECTED",
            Self::Paused => "PAUSED",
            Self::Disabled => "DISABLED",
            Self::Deleted => "DELETED",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }
}

/// A template as its provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The provider's.
    pub id: String,
    pub status: TemplateStatus,
    /// Why it was rejected.
    pub reason: Option<String>,
    pub template: Template,
}
