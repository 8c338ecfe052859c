//! A video session: an avatar of somebody else's service says what an agent answers. Each minute of one is paid for, so none
//! may be forgotten: `decide` says what follows, `evolve` applies it. Pure.
//!
//! **Never forgotten.** A session is a row before its provider is asked for it, and it is opened in two calls: the first
//! makes the provider's name of it known, which is committed before the second. Whatever is cut short after that is stopped
//! by that name; a stop is repeated until the provider says that it is over. Of a first call without an answer nobody knows
//! the name: where it may have opened something already ([`AvatarProvider::opens_at_once`]) the session is uncertain, and
//! the provider's own idle time ends it.

use crate::{
    channel::Secret,
    commerce::flow::Answer,
    ids::{ChannelId, TenantId, VideoSessionId},
    names::names,
    time::Timestamp,
};
use std::time::Duration;

/// Calls that stop one session before a person has to look.
pub const MOST_TRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How long whoever opens a session has for the first call, once somebody else wants it to end.
const OPENING: Duration = Duration::from_secs(30);
/// How long a provider may take to list a session that was just opened.
const SETTLING: Duration = Duration::from_secs(30);
/// The code of what a crash cut short.
const CUT_SHORT: &str = "video.cut_short";

/// Whose avatars they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AvatarProvider {
    /// HeyGen's streaming API.
    HeyGen,
    /// Its successor.
    LiveAvatar,
}

impl AvatarProvider {
    pub const ALL: [Self; 2] = [Self::HeyGen, Self::LiveAvatar];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeyGen => "heygen",
            Self::LiveAvatar => "liveavatar",
        }
    }

    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Whether the avatar can be told by us what to say. `LiveAvatar`'s is told in its room only.
    #[must_use]
    pub const fn speaks_itself(self) -> bool {
        matches!(self, Self::HeyGen)
    }

    /// Whether the first of the two calls opens something already. LiveAvatar's only gives a name and a token.
    #[must_use]
    pub const fn opens_at_once(self) -> bool {
        matches!(self, Self::HeyGen)
    }
}

names! {
    /// Where a session is.
    VideoStatus {
        Creating = "creating",
        Live = "live",
        /// It is being stopped at its provider.
        Ending = "ending",
        Ended = "ended",
        /// It never became live, and nothing of it is left.
        Failed = "failed",
        /// Nobody knows whether its provider still has it.
        Uncertain = "uncertain",
    }

    /// Why a session ends.
    EndReason {
        /// Somebody asked for it.
        Asked = "asked",
        /// Nobody wrote for a while.
        Idle = "idle",
        /// It has lasted as long as it may.
        Expired = "expired",
        /// The provider does not have it any more.
        Gone = "gone",
        /// It could not be opened, or whoever opened it was cut short.
        Failed = "failed",
    }
}

impl VideoStatus {
    /// Nothing follows any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Ended | Self::Failed | Self::Uncertain)
    }
}

/// A session's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Video {
    pub provider: AvatarProvider,
    pub status: VideoStatus,
    /// The provider's name of it, once it is known.
    pub external: Option<String>,
    /// How long nobody may write.
    pub idle: Duration,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When somebody wrote last.
    pub used_at: Timestamp,
    pub started_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub reason: Option<EndReason>,
    /// The code of the last trouble.
    pub code: Option<String>,
    /// Calls to stop it that settled nothing.
    pub tries: u32,
    /// When somebody has to look at it.
    pub due_at: Timestamp,
}

impl Video {
    /// One that is about to be asked for.
    #[must_use]
    pub fn new(provider: AvatarProvider, longest: Duration, idle: Duration, now: Timestamp) -> Self {
        Self {
            provider,
            status: VideoStatus::Creating,
            external: None,
            idle,
            expires_at: now + longest,
            used_at: now,
            started_at: None,
            ended_at: None,
            reason: None,
            code: None,
            tries: 0,
            due_at: now,
        }
    }

    fn next_end(&self) -> Timestamp {
        self.expires_at.min(self.used_at + self.idle)
    }
}

/// A session as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoSession {
    pub id: VideoSessionId,
    pub tenant: TenantId,
    /// The web chat that it belongs to, and the visitor's name of their conversation there.
    pub channel: ChannelId,
    pub chat: String,
    pub video: Video,
    pub access: VideoAccess,
    /// Each change counts it up: whoever was too slow writes nothing.
    pub version: i64,
    pub created_at: Timestamp,
}

/// What is secret about a session. Nothing of it is kept once it is over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VideoAccess {
    /// What it was opened with, and is stopped with: settings may change meanwhile.
    pub account: Option<AvatarAccount>,
    pub join: Option<Join>,
}

/// How a provider is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvatarAccount {
    pub provider: AvatarProvider,
    pub key: Secret,
    /// Instead of the provider's own address.
    pub base_url: Option<String>,
}

/// What a browser needs to see and hear the avatar: a room of LiveKit's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Join {
    pub url: String,
    pub token: Secret,
}

/// What comes to a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody looks at what is due.
    Take,
    /// What came of the first call: the provider's name of it.
    Reserved(Result<String, Answer>),
    /// What came of the second: how long the provider lets it go on.
    Started(Result<Option<Duration>, Answer>),
    /// What came of a call to stop it.
    Stopped(Answer),
    /// Somebody wrote.
    Used,
    /// The provider does not have it.
    Gone,
    End(EndReason),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Reserved { external: String },
    Started { at: Timestamp, until: Timestamp },
    Used { at: Timestamp },
    Closing { at: Timestamp, reason: EndReason, code: Option<String> },
    Postponed { until: Timestamp, code: String },
    Over { at: Timestamp, status: VideoStatus, code: Option<String> },
}

/// What is called, once the events are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Start,
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    pub events: Vec<Event>,
    pub effect: Option<Effect>,
}

impl Decision {
    fn new(events: Vec<Event>, effect: Option<Effect>) -> Self {
        Self { events, effect }
    }
}

/// What follows from an input.
#[must_use]
pub fn decide(video: &Video, input: Input, now: Timestamp) -> Decision {
    match input {
        Input::Take => take(video, now),
        Input::Reserved(Ok(external)) => reserved(video, external, now),
        Input::Reserved(Err(answer)) => not_reserved(video, answer, now),
        Input::Started(Ok(longest)) => started(video, longest, now),
        Input::Started(Err(answer)) => not_started(video, answer, now),
        Input::Stopped(answer) => stopped(video, answer, now),
        Input::Used if video.status == VideoStatus::Live => Decision::new(vec![Event::Used { at: now }], None),
        // A list may not have the newest, and stopping what is not there harms nobody.
        Input::Gone if video.status == VideoStatus::Live && video.started_at.is_some_and(|at| at + SETTLING <= now) => {
            close(EndReason::Gone, None, now)
        }
        Input::Used | Input::Gone => Decision::default(),
        Input::End(reason) => end(video, reason, now),
    }
}

fn take(video: &Video, now: Timestamp) -> Decision {
    match (video.status, &video.external) {
        (VideoStatus::Creating | VideoStatus::Ending, None) => lost(video, CUT_SHORT.to_owned(), now),
        (VideoStatus::Creating, Some(_)) => close(EndReason::Failed, Some(CUT_SHORT.to_owned()), now),
        (VideoStatus::Live, _) if video.expires_at <= now => close(EndReason::Expired, None, now),
        (VideoStatus::Live, _) if video.next_end() <= now => close(EndReason::Idle, None, now),
        (VideoStatus::Ending, Some(_)) => Decision::new(Vec::new(), Some(Effect::Stop)),
        _ => Decision::default(),
    }
}

/// The name of it is known: it can be stopped from now on, and it is if nobody wants it any more.
fn reserved(video: &Video, external: String, now: Timestamp) -> Decision {
    if video.external.is_some() {
        return Decision::default();
    }
    let known = Event::Reserved { external };
    match video.status {
        VideoStatus::Creating => Decision::new(vec![known], Some(Effect::Start)),
        VideoStatus::Ending => Decision::new(vec![known], Some(Effect::Stop)),
        // It was given up meanwhile.
        _ => {
            let Decision { events, effect } = close(EndReason::Failed, Some(CUT_SHORT.to_owned()), now);
            Decision::new(std::iter::once(known).chain(events).collect(), effect)
        }
    }
}

fn not_reserved(video: &Video, answer: Answer, now: Timestamp) -> Decision {
    let waits = matches!(video.status, VideoStatus::Creating | VideoStatus::Ending) && video.external.is_none();
    match answer {
        _ if !waits => Decision::default(),
        Answer::Unknown { code } => lost(video, code, now),
        other => nothing_left(video, code_of(other), now),
    }
}

/// A first call without an answer.
fn lost(video: &Video, code: String, now: Timestamp) -> Decision {
    if video.provider.opens_at_once() {
        return Decision::new(vec![over(now, VideoStatus::Uncertain, Some(code))], None);
    }
    nothing_left(video, Some(code), now)
}

fn nothing_left(video: &Video, code: Option<String>, now: Timestamp) -> Decision {
    let status = if video.status == VideoStatus::Ending { VideoStatus::Ended } else { VideoStatus::Failed };
    Decision::new(vec![over(now, status, code)], None)
}

fn started(video: &Video, longest: Option<Duration>, now: Timestamp) -> Decision {
    match video.status {
        VideoStatus::Creating if video.external.is_some() => {
            let until = longest.map_or(video.expires_at, |l| video.expires_at.min(now + l));
            Decision::new(vec![Event::Started { at: now, until }], None)
        }
        _ => started_too_late(video, now),
    }
}

/// Somebody wanted it to end while it was being started: it may run now, whatever an earlier stop was answered.
fn started_too_late(video: &Video, now: Timestamp) -> Decision {
    match video.status {
        VideoStatus::Ending => Decision::new(Vec::new(), Some(Effect::Stop)),
        status if status.is_over() => close(video.reason.unwrap_or(EndReason::Failed), video.code.clone(), now),
        _ => Decision::default(),
    }
}

fn not_started(video: &Video, answer: Answer, now: Timestamp) -> Decision {
    match video.status {
        VideoStatus::Creating if video.external.is_some() => close(EndReason::Failed, code_of(answer), now),
        _ if matches!(answer, Answer::Unknown { .. }) => started_too_late(video, now),
        _ => Decision::default(),
    }
}

fn stopped(video: &Video, answer: Answer, now: Timestamp) -> Decision {
    if video.status != VideoStatus::Ending {
        return Decision::default();
    }
    let failed = video.reason == Some(EndReason::Failed);
    let events = match answer {
        Answer::Happened | Answer::Absent | Answer::Unneeded if failed => {
            vec![over(now, VideoStatus::Failed, video.code.clone())]
        }
        Answer::Happened | Answer::Absent | Answer::Unneeded => vec![over(now, VideoStatus::Ended, None)],
        Answer::Later { code, after } => later(video, code, after, now),
        // A key that is refused now may be entered again.
        Answer::Refused { code } | Answer::Unknown { code } => later(video, code, None, now),
    };
    Decision::new(events, None)
}

fn later(video: &Video, code: String, after: Option<Duration>, now: Timestamp) -> Vec<Event> {
    if video.tries + 1 >= MOST_TRIES {
        return vec![over(now, VideoStatus::Uncertain, Some(code))];
    }
    let usual = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(video.tries));
    let wait = after.unwrap_or(usual).max(usual).min(LONGEST_WAIT);
    vec![Event::Postponed { until: now + wait, code }]
}

/// Ending what ends already, or is over, changes nothing.
fn end(video: &Video, reason: EndReason, now: Timestamp) -> Decision {
    let Decision { events, effect } = match video.status {
        VideoStatus::Creating | VideoStatus::Live => close(reason, None, now),
        _ => Decision::default(),
    };
    // Before its name is known, whoever opens it will hear of it.
    Decision::new(events, effect.filter(|_| video.external.is_some()))
}

fn close(reason: EndReason, code: Option<String>, now: Timestamp) -> Decision {
    Decision::new(vec![Event::Closing { at: now, reason, code }], Some(Effect::Stop))
}

const fn over(at: Timestamp, status: VideoStatus, code: Option<String>) -> Event {
    Event::Over { at, status, code }
}

fn code_of(answer: Answer) -> Option<String> {
    match answer {
        Answer::Refused { code } | Answer::Later { code, .. } | Answer::Unknown { code } => Some(code),
        Answer::Happened | Answer::Unneeded | Answer::Absent => None,
    }
}

/// The session after an event.
#[must_use]
pub fn evolve(mut video: Video, event: &Event) -> Video {
    match event {
        Event::Reserved { external } => video.external = Some(external.clone()),
        Event::Started { at, until } => {
            video.status = VideoStatus::Live;
            video.started_at = Some(*at);
            video.used_at = *at;
            video.expires_at = *until;
            video.due_at = video.next_end();
        }
        Event::Used { at } => {
            video.used_at = *at;
            video.due_at = video.next_end();
        }
        Event::Closing { at, reason, code } => {
            video.status = VideoStatus::Ending;
            video.reason = Some(*reason);
            video.code.clone_from(code);
            video.ended_at = None;
            video.tries = 0;
            video.due_at = if video.external.is_some() { *at } else { *at + OPENING };
        }
        Event::Postponed { until, code } => {
            video.tries += 1;
            video.code = Some(code.clone());
            video.due_at = *until;
        }
        Event::Over { at, status, code } => {
            video.status = *status;
            video.code.clone_from(code);
            video.ended_at = Some(*at);
        }
    }
    video
}

#[cfg(test)]
mod tests;
