//! Which ways lead to a person now, what each would cost, and in which order they would be tried.

use super::Purpose;
use crate::{
    channel::ChannelKind,
    ids::ChannelId,
    template::{Category, TemplateStatus},
    time::Timestamp,
};
use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

/// What messages of one account cost, as its tenant wrote it down: by what a provider charges for (`service`, `marketing`,
/// `utility`, `authentication`, `segment`), in millionths of the currency's unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    /// ISO 4217, upper case.
    pub currency: String,
    pub micros: BTreeMap<String, u64>,
}

/// What a provider charges for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charge {
    /// Free words within a window.
    Service,
    Template(Category),
    /// A piece of a text message.
    Segment,
}

impl Charge {
    /// All that can be priced.
    pub const NAMES: [&str; 5] = ["service", "marketing", "utility", "authentication", "segment"];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Template(Category::Marketing) => "marketing",
            Self::Template(Category::Utility) => "utility",
            Self::Template(Category::Authentication) => "authentication",
            Self::Segment => "segment",
        }
    }
}

/// A template as one account knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateFound {
    /// The account has none of this name and language.
    Missing,
    Known {
        status: TemplateStatus,
        category: Category,
    },
}

/// What is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Words,
    Template,
}

/// One address of a person at one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub address: String,
    pub enabled: bool,
    /// Somebody can be written to there without having asked at this moment.
    pub writable: bool,
    /// The provider stopped the account, or refuses it.
    pub barred: Option<Barred>,
    /// How long after the person's last message free words go out; `None` where they always do.
    pub window: Option<Duration>,
    pub last_inbound_at: Option<Timestamp>,
    /// The provider keeps templates, and takes them outside the window.
    pub keeps_templates: bool,
    /// Of the message that is wanted, if it is one.
    pub template: Option<TemplateFound>,
    /// Whether any template could be sent instead of free words.
    pub has_approved: bool,
    /// Of a text that is charged by the piece: how many there are.
    pub segments: Option<u32>,
    /// The person agreed to marketing here.
    pub agreed_to_marketing: bool,
    pub prices: Option<Prices>,
}

/// Why an account sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    Stopped,
    Refused,
}

/// Whether a way is open for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Openness {
    Open,
    /// Not for these words; for an approved template.
    ByTemplate,
    Closed,
}

impl Openness {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ByTemplate => "by_template",
            Self::Closed => "closed",
        }
    }
}

/// Why a way is open or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    AlwaysOpen,
    WithinWindow,
    Approved,
    WindowClosed,
    NeverWrote,
    TemplateMissing,
    TemplateNotApproved,
    OptedOut,
    NoConsent,
    ChannelDisabled,
    ChannelStopped,
    ChannelRefused,
    NotWritable,
    /// The person has no address at any account.
    NoAddress,
}

impl Reason {
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AlwaysOpen => "ALWAYS_OPEN",
            Self::WithinWindow => "WITHIN_WINDOW",
            Self::Approved => "TEMPLATE_APPROVED",
            Self::WindowClosed => "WINDOW_CLOSED",
            Self::NeverWrote => "NEVER_WROTE",
            Self::TemplateMissing => "TEMPLATE_MISSING",
            Self::TemplateNotApproved => "TEMPLATE_NOT_APPROVED",
            Self::OptedOut => "OPTED_OUT",
            Self::NoConsent => "NO_CONSENT",
            Self::ChannelDisabled => "CHANNEL_DISABLED",
            Self::ChannelStopped => "CHANNEL_STOPPED",
            Self::ChannelRefused => "CHANNEL_REFUSED",
            Self::NotWritable => "NOT_WRITABLE",
            Self::NoAddress => "NO_ADDRESS",
        }
    }

    /// The account is out of order for now: what was to go this way can wait for it.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::ChannelStopped | Self::ChannelRefused | Self::ChannelDisabled)
    }
}

/// What a message would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    pub micros: u64,
    pub currency: String,
}

/// What is known of one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WayPlan {
    pub channel: ChannelId,
    pub kind: ChannelKind,
    pub address: String,
    pub openness: Openness,
    pub reason: Reason,
    /// Until when it is open for free words, if that ends.
    pub until: Option<Timestamp>,
    pub charge: Charge,
    /// How many of what is charged.
    pub units: u32,
    /// `None` where nobody wrote down what it costs.
    pub cost: Option<Cost>,
}

/// All ways, the one to take first at the beginning; those that are not open for the message come last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub ways: Vec<WayPlan>,
}

impl Plan {
    /// In the order in which they would be tried.
    pub fn open(&self) -> impl Iterator<Item = &WayPlan> {
        self.ways.iter().filter(|w| w.openness == Openness::Open)
    }

    /// Why nothing is open: what the best of the ways says.
    #[must_use]
    pub fn why_closed(&self) -> Reason {
        self.ways.first().map_or(Reason::NoAddress, |w| w.reason)
    }
}

/// Plans a message to somebody. Whoever opted out is written to on no way. The order: open ways before others; the one that
/// was asked for; where the person wrote last; the cheaper; the rest as the accounts were made.
#[must_use]
pub fn plan(wanted: Wanted, opted_out: bool, preferred: Option<ChannelId>, ways: &[Way], now: Timestamp) -> Plan {
    let mut planned: Vec<(&Way, WayPlan)> = ways.iter().map(|way| (way, one(wanted, opted_out, way, now))).collect();
    planned.sort_by_key(|(way, p)| {
        let price = p.cost.as_ref().map_or(u64::MAX, |c| c.micros);
        (p.openness, preferred != Some(way.channel), Reverse(way.last_inbound_at), price, way.channel)
    });
    Plan { ways: planned.into_iter().map(|(_, p)| p).collect() }
}

fn one(wanted: Wanted, opted_out: bool, way: &Way, now: Timestamp) -> WayPlan {
    let (openness, reason, until) = judged(wanted, opted_out, way, now);
    let (charge, units) = charged(way);
    let cost = way.prices.as_ref().and_then(|prices| {
        let each = *prices.micros.get(charge.name())?;
        Some(Cost { micros: each.saturating_mul(u64::from(units)), currency: prices.currency.clone() })
    });
    WayPlan {
        channel: way.channel,
        kind: way.kind.clone(),
        address: way.address.clone(),
        openness,
        reason,
        until,
        charge,
        units,
        cost,
    }
}

fn charged(way: &Way) -> (Charge, u32) {
    match (way.segments, way.template) {
        (Some(pieces), _) => (Charge::Segment, pieces),
        (None, Some(TemplateFound::Known { category, .. })) if way.keeps_templates => (Charge::Template(category), 1),
        _ => (Charge::Service, 1),
    }
}

type Judged = (Openness, Reason, Option<Timestamp>);

fn judged(wanted: Wanted, opted_out: bool, way: &Way, now: Timestamp) -> Judged {
    let closed = |reason| (Openness::Closed, reason, None);
    if opted_out {
        return closed(Reason::OptedOut);
    }
    if !way.writable {
        return closed(Reason::NotWritable);
    }
    if wanted == Wanted::Template {
        match way.template.unwrap_or(TemplateFound::Missing) {
            TemplateFound::Missing => return closed(Reason::TemplateMissing),
            TemplateFound::Known { status, .. } if way.keeps_templates && status != TemplateStatus::Approved => {
                return closed(Reason::TemplateNotApproved);
            }
            TemplateFound::Known { category, .. }
                if Purpose::needed_for(category).is_some() && !way.agreed_to_marketing =>
            {
                return closed(Reason::NoConsent);
            }
            TemplateFound::Known { .. } => {}
        }
    }
    if !way.enabled {
        return closed(Reason::ChannelDisabled);
    }
    match way.barred {
        Some(Barred::Stopped) => return closed(Reason::ChannelStopped),
        Some(Barred::Refused) => return closed(Reason::ChannelRefused),
        None => {}
    }
    if wanted == Wanted::Template && way.keeps_templates {
        return (Openness::Open, Reason::Approved, None);
    }
    in_window(way, now)
}

fn in_window(way: &Way, now: Timestamp) -> Judged {
    let Some(window) = way.window else { return (Openness::Open, Reason::AlwaysOpen, None) };
    let shut = if way.keeps_templates && way.has_approved { Openness::ByTemplate } else { Openness::Closed };
    match way.last_inbound_at {
        None => (shut, Reason::NeverWrote, None),
        Some(at) if now.since(at) <= window => (Openness::Open, Reason::WithinWindow, Some(at + window)),
        Some(_) => (shut, Reason::WindowClosed, None),
    }
}

#[cfg(test)]
mod tests;
