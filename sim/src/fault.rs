//! Faults: where they can happen, what they can be, and when one does.

use crate::{scenario::Span, seed::Seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A seam of the world at which something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// A provider's delivery. Entity: `channel/peer`.
    Webhook,
    /// Writing to the ingress log. Entity: `channel/peer` of the first entry.
    Append,
    /// Reading the ingress log. Entity: `lane/n`.
    ReadLog,
    /// Moving entries into inboxes. Entity: `lane/n`.
    TakeIn,
    /// Loading a conversation. Entity: `channel/peer`, as of all that follow but where another one is named.
    Load,
    /// Reading pending items or a transcript.
    Read,
    /// Committing a conversation's decision.
    Commit,
    /// Claiming replies to deliver. Entity: `channel`.
    ClaimReplies,
    /// Writing down how deliveries went.
    Settle,
    /// One completion.
    Model,
    /// Listening to a recording.
    Listen,
    /// One tool call. Entity: `channel/peer/tool`.
    Tool,
    /// One search. Entity: the names of the knowledge bases, with `+` between them.
    Knowledge,
    /// A part of an ingestion: reading the document, writing some of its passages, showing them. Entity: `base/document`.
    Ingest,
    /// One request to a provider. Entity: `channel/peer`.
    Send,
    /// A heartbeat. Entity: the node.
    Beat,
    /// A claim of partitions. Entity: the node.
    Claim,
    /// A signal from node to node. Entity: the node that tells.
    Signal,
    /// The node itself, looked at once a second. Entity: the node.
    Node,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It fails and nothing happened.
    Fail,
    /// The disk is full: nothing happened.
    Full,
    /// It takes longer, by `lasts`.
    Slow,
    /// The outcome is unknown for `lasts`; then the truth comes out, which may be that it happened.
    Unknown,
    /// Whoever calls panics.
    Panic,
    /// The node dies before it happens…
    CrashBefore,
    /// …or just after, before anybody learns of it.
    CrashAfter,
    /// It comes twice.
    Duplicate,
    /// It comes later, by `lasts`: others overtake it.
    Late,
    /// It comes after the same person's next one, at most `lasts` later.
    Reordered,
    /// The signature is wrong the first time.
    BadSignature,
    /// The first delivery is larger than is accepted.
    Oversized,
    /// It is lost.
    Lost,
    /// Refused for good; by a provider, because the person has blocked the account.
    Refuse,
    /// 401, to everything that the account asks for `lasts`: then somebody has renewed its token.
    Expired,
    /// The answer ends in the middle.
    Truncated,
    /// A tool call's arguments are no JSON.
    Garbled,
    /// A tool that does not exist is called.
    UnknownTool,
    /// The model calls a tool again and again.
    Endless,
    /// 429, with the wait `lasts`.
    Throttled,
    /// 503: not taken.
    ServerError,
    /// No answer, and the provider did not take it.
    LostRequest,
    /// No answer, but the other side took it.
    LostAnswer,
    /// The status comes before the answer.
    EarlyStatus,
    /// It is taken, and a status says later that it did not arrive; where there are statuses.
    Undelivered,
    /// The node dies and starts anew after `lasts`.
    Kill,
    /// The node stands still for `lasts`; at a tool, while it runs.
    Pause,
    /// The node ends in an orderly way and starts anew after `lasts`.
    Restart,
    /// The node's clock goes wrong by `lasts`, ahead or behind.
    Skew,
    /// The node reaches neither the log nor the other nodes for `lasts`.
    Cut,
}

impl Site {
    /// Every seam with what can go wrong there.
    pub const ALL: &'static [(Self, &'static [Kind])] = {
        use Kind::{
            BadSignature, CrashAfter, CrashBefore, Cut, Duplicate, EarlyStatus, Endless, Expired, Fail, Full, Garbled,
            Kill, Late, Lost, LostAnswer, LostRequest, Oversized, Panic, Pause, Refuse, Reordered, Restart,
            ServerError, Skew, Slow, Throttled, Truncated, Undelivered, Unknown, UnknownTool,
        };
        &[
            (Self::Webhook, &[Duplicate, Late, Reordered, BadSignature, Oversized]),
            (Self::Append, &[Fail, Full, Slow, Unknown, Duplicate, LostAnswer, CrashBefore, CrashAfter]),
            (Self::ReadLog, &[Fail, Slow, Panic, CrashBefore]),
            (Self::TakeIn, &[Fail, Full, Slow, Unknown, Panic, CrashBefore, CrashAfter]),
            (Self::Load, &[Fail, Slow, Panic, CrashBefore]),
            (Self::Read, &[Fail, Slow, Panic, CrashBefore]),
            (Self::Commit, &[Fail, Full, Slow, Unknown, Panic, CrashBefore, CrashAfter]),
            (Self::ClaimReplies, &[Fail, Slow, Panic, CrashBefore, CrashAfter]),
            (Self::Settle, &[Fail, Slow, Unknown, Panic, CrashBefore, CrashAfter]),
            (
                Self::Model,
                &[Fail, Slow, Refuse, Truncated, Garbled, UnknownTool, Endless, Panic, CrashBefore, CrashAfter],
            ),
            (Self::Listen, &[Fail, Slow, Refuse, Panic, CrashBefore, CrashAfter]),
            (Self::Tool, &[Fail, Slow, Pause, Panic, CrashBefore, CrashAfter]),
            (Self::Knowledge, &[Fail, Slow, Panic, CrashBefore]),
            (Self::Ingest, &[Fail, Slow, Panic, CrashBefore, CrashAfter]),
            (
                Self::Send,
                &[
                    Throttled,
                    ServerError,
                    LostRequest,
                    LostAnswer,
                    EarlyStatus,
                    Slow,
                    Panic,
                    CrashBefore,
                    CrashAfter,
                    Refuse,
                    Expired,
                    Undelivered,
                ],
            ),
            (Self::Beat, &[Fail, Slow, Panic, CrashBefore]),
            (Self::Claim, &[Fail, Slow, Panic, CrashBefore, CrashAfter]),
            (Self::Signal, &[Lost, Slow]),
            (Self::Node, &[Kill, Pause, Restart, Skew, Cut]),
        ]
    };

    /// What can go wrong here.
    #[must_use]
    pub fn kinds(self) -> &'static [Kind] {
        Self::ALL.iter().find(|(site, _)| *site == self).map_or(&[], |(_, kinds)| kinds)
    }

    /// What goes wrong here in worlds that are made up. Not what ends a reply by design, or stops an account until somebody
    /// acts: that says nothing unless a scenario says what must have come of it.
    #[must_use]
    pub fn drawn(self) -> Vec<Kind> {
        let by_design = |kind| self == Self::Send && matches!(kind, Kind::Refuse | Kind::Expired | Kind::Undelivered);
        self.kinds().iter().copied().filter(|kind| !by_design(*kind)).collect()
    }

    #[must_use]
    pub fn name(self) -> String {
        format!("{self:?}")
    }
}

impl Kind {
    /// Whether a node's life ends with it.
    #[must_use]
    pub const fn ends_a_life(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter | Self::Kill | Self::Restart)
    }

    /// How long it lasts where a scenario does not say.
    #[must_use]
    pub const fn usual(self) -> Duration {
        match self {
            Self::Kill | Self::Restart => Duration::from_secs(3),
            Self::Pause | Self::Cut => Duration::from_secs(12),
            Self::Reordered => Duration::from_secs(30),
            Self::Throttled => Duration::from_secs(5),
            Self::Skew => Duration::from_secs(45),
            Self::Expired => Duration::from_secs(600),
            _ => Duration::from_secs(2),
        }
    }
}

/// A fault of a scenario: drawn with `chance`, or once at an `occurrence`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    pub site: Site,
    pub kind: Kind,
    /// Only there: mostly `channel/peer`; everywhere, if it is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<String>,
    /// How likely it is each time, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
    /// The n-th time, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurrence: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
}

/// A fault that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    pub lasts: Duration,
    /// For what has more than one way.
    pub coin: bool,
}

/// A fault that happened, in full: as a [`FaultSpec`] it makes the same fault happen again, alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    pub site: Site,
    pub kind: Kind,
    pub entity: String,
    pub occurrence: u64,
    pub lasts: Duration,
}

impl From<&Fired> for FaultSpec {
    fn from(f: &Fired) -> Self {
        Self {
            site: f.site,
            kind: f.kind,
            entity: Some(f.entity.clone()),
            chance: None,
            occurrence: Some(f.occurrence),
            lasts: Some(Span(f.lasts)),
        }
    }
}

impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} #{} {:?}", self.site, self.kind, self.occurrence, self.lasts)
    }
}

/// Decides, at each seam and each time, whether something goes wrong.
#[derive(Debug)]
pub struct Faults {
    seed: Seed,
    by_site: BTreeMap<Site, Vec<FaultSpec>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<(Site, String), u64>,
    fired: Vec<Fired>,
    over: bool,
}

impl Faults {
    #[must_use]
    pub fn new(seed: Seed, specs: &[FaultSpec]) -> Self {
        let mut by_site: BTreeMap<Site, Vec<FaultSpec>> = BTreeMap::new();
        for spec in specs {
            by_site.entry(spec.site).or_default().push(spec.clone());
        }
        Self { seed, by_site, state: Mutex::default() }
    }

    /// Called each time that something could go wrong at `site` for `entity`.
    pub fn at(&self, site: Site, entity: &str) -> Option<Fault> {
        let specs = self.by_site.get(&site)?;
        let mut state = self.state();
        let seen = state.seen.entry((site, entity.to_owned())).or_default();
        let occurrence = *seen;
        *seen += 1;
        let over = state.over;
        // What a scenario asks for outright strikes whenever its time comes.
        let spec = specs.iter().find(|s| !(over && s.chance.is_some()) && self.strikes(s, entity, occurrence))?;
        let lasts = spec.lasts.map_or_else(|| spec.kind.usual(), |s| s.0);
        // Drawn anew in each run: what is written into a scenario is what it said, not half of it.
        let fired = Fired { site, kind: spec.kind, entity: entity.to_owned(), occurrence, lasts };
        state.fired.push(fired);
        let coin = self.seed.draw("coin", entity, occurrence).is_multiple_of(2);
        Some(Fault { kind: spec.kind, lasts, coin })
    }

    fn strikes(&self, spec: &FaultSpec, entity: &str, occurrence: u64) -> bool {
        if spec.entity.as_ref().is_some_and(|e| e != entity) {
            return false;
        }
        if let Some(chance) = spec.chance {
            let name = format!("{:?}/{:?}", spec.site, spec.kind);
            return self.seed.unit(&name, entity, occurrence) < chance;
        }
        spec.occurrence.unwrap_or(0) == occurrence
    }

    /// From now on nothing goes wrong by chance: what was begun must come to rest.
    pub fn end(&self) {
        self.state().over = true;
    }

    /// Faults that were asked for outright and never struck, in words.
    #[must_use]
    pub fn unstruck(&self) -> Vec<String> {
        let fired = self.fired();
        let struck = |s: &FaultSpec| {
            fired
                .iter()
                .any(|f| f.site == s.site && f.kind == s.kind && s.entity.as_ref().is_none_or(|e| *e == f.entity))
        };
        let missed = self.by_site.values().flatten().filter(|s| s.chance.is_none() && !struck(s));
        missed.map(|s| format!("a fault that is asked for never struck: {:?} {:?}", s.site, s.kind)).collect()
    }

    /// What went wrong so far, in order.
    #[must_use]
    pub fn fired(&self) -> Vec<Fired> {
        self.state().fired.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(site: Site, kind: Kind) -> FaultSpec {
        FaultSpec { site, kind, entity: None, chance: None, occurrence: None, lasts: None }
    }

    #[test]
    fn what_happened_by_chance_happens_again_alone() {
        let chances: Vec<FaultSpec> =
            [Kind::Fail, Kind::Slow].map(|k| FaultSpec { chance: Some(0.2), ..spec(Site::Commit, k) }).into();
        let faults = Faults::new(Seed(3), &chances);
        let all: Vec<_> = (0..50).map(|_| faults.at(Site::Commit, "wa/1").map(|f| f.kind)).collect();
        let fired = faults.fired();
        assert!(fired.len() > 3 && fired.len() < 40, "{}", fired.len());
        for one in &fired {
            let alone = Faults::new(Seed(999), &[FaultSpec::from(one)]);
            for (n, kind) in all.iter().enumerate() {
                let again = alone.at(Site::Commit, "wa/1").map(|f| f.kind);
                assert_eq!(again, kind.filter(|_| n as u64 == one.occurrence));
            }
        }
        faults.end();
        assert!((0..100).all(|_| faults.at(Site::Commit, "wa/1").is_none()));
    }

    #[test]
    fn every_site_is_in_the_table_once() {
        for (site, kinds) in Site::ALL {
            assert!(!kinds.is_empty());
            let kept: Vec<Kind> = kinds.iter().copied().filter(|k| !site.drawn().contains(k)).collect();
            let ends: &[Kind] = &[Kind::Refuse, Kind::Expired, Kind::Undelivered];
            let by_design = if *site == Site::Send { ends } else { &[] };
            assert_eq!(kept, by_design);
            assert_eq!(Site::ALL.iter().filter(|(s, _)| s == site).count(), 1);
        }
    }
}
