//! How a connected account stands with its provider.

use crate::{failure::Failure, time::Timestamp};

/// What was learnt of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The provider refuses the account itself: its token, its permissions, its number.
    Refused(Failure),
    /// The provider took something.
    Served,
    /// Deliveries to the webhook that are not signed as the account's are, or cannot be read.
    Unreadable { deliveries: u64, why: String },
    /// The provider's own word.
    Told(AccountNotice),
}

/// What a provider says of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountNotice {
    /// The provider's name for it.
    pub what: String,
    pub gravity: Gravity,
    pub detail: String,
    pub at: Timestamp,
}

/// What follows from a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    /// Nothing.
    Good,
    /// Somebody should look.
    Warning,
    /// Nothing more is sent until it is lifted: going on would make it worse.
    Stop,
    /// A stop is over.
    Lifted,
}

impl Gravity {
    pub const ALL: [Self; 4] = [Self::Good, Self::Warning, Self::Stop, Self::Lifted];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Stop => "stop",
            Self::Lifted => "lifted",
        }
    }
}
