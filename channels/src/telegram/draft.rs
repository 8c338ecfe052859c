//! What is written so far of an answer, as a draft that Telegram shows for 30 seconds or until the reply comes.

use super::{
    Telegram,
    api::{ApiError, Refusal},
    to,
};
use crate::{
    http::rate,
    markup::{self, Dialect},
};
use colloquy_domain::{
    channel::{ChannelAccount, Draft},
    failure::Failure,
    ids::ChannelId,
    message::Peer,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// As often as a message may go to one chat.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Drafts have at most this part of the account's rate: what is left is for replies, which do not ask what drafts took.
const SHARE: u32 = 3;
/// For how long a chat is left alone whose drafts Telegram refuses (an older server, a chat that takes none).
const REFUSED: Duration = Duration::from_secs(3600);
/// Messages of a minute that a group takes of us before nothing more is shown of answers: Telegram's limit is 20, edits among
/// them, and the others are for replies.
const SHOWN_UP_TO: usize = 14;
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// What drafts may not do, by account: kept on each node, and lost with it.
#[derive(Default)]
pub(super) struct Drafts(Mutex<BTreeMap<ChannelId, Book>>);

#[derive(Default)]
struct Book {
    /// Until when a chat gets no drafts.
    quiet: BTreeMap<String, Instant>,
    /// When the drafts of the last second went.
    recent: VecDeque<Instant>,
    /// What each group was sent.
    groups: BTreeMap<i64, Group>,
}

#[derive(Default)]
struct Group {
    /// When what is shown of an answer may be changed next.
    next: Option<Instant>,
    /// When the messages and edits of the last minute went.
    recent: VecDeque<Instant>,
}

impl Drafts {
    fn with<T>(&self, channel: ChannelId, act: impl FnOnce(&mut Book) -> T) -> T {
        act(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(channel).or_default())
    }

    /// Only people's own chats have drafts, and only while Telegram takes them.
    pub(super) fn every(&self, account: &ChannelAccount, peer: &Peer) -> Option<Duration> {
        let off = account.setting("streaming").is_some_and(|s| s.trim().eq_ignore_ascii_case("off"));
        let private = super::target(&peer.address).is_some_and(|(chat, _)| chat > 0);
        (!off && private && !self.is_quiet(account.id, peer)).then_some(EVERY)
    }

    pub(super) fn is_quiet(&self, channel: ChannelId, peer: &Peer) -> bool {
        self.with(channel, |book| book.quiet.get(&peer.address).is_some_and(|until| *until > Instant::now()))
    }

    /// Takes the group's turn for showing something of an answer: one in so long a time, and not the messages of a minute that are
    /// left for replies. Otherwise says how long it is still to wait.
    pub(super) fn turn(&self, channel: ChannelId, peer: &Peer, every: Duration) -> Result<(), Duration> {
        self.in_group(channel, peer, |group, now| {
            let full = group.recent.front().filter(|_| group.recent.len() >= SHOWN_UP_TO).map(|&first| first + MINUTE);
            if let Some(until) = full.max(group.next).filter(|until| *until > now) {
                return Err(until.duration_since(now));
            }
            group.next = Some(now + every);
            group.recent.push_back(now);
            Ok(())
        })
        .unwrap_or(Ok(()))
    }

    /// A reply was sent there.
    pub(super) fn spoke(&self, channel: ChannelId, peer: &Peer) {
        self.in_group(channel, peer, |group, now| group.recent.push_back(now));
    }

    /// Several topics of one group share its limit.
    fn in_group<T>(&self, channel: ChannelId, peer: &Peer, act: impl FnOnce(&mut Group, Instant) -> T) -> Option<T> {
        let (chat, _) = super::target(&peer.address).filter(|(chat, _)| *chat < 0)?;
        Some(self.with(channel, |book| {
            let now = Instant::now();
            for group in book.groups.values_mut() {
                while group.recent.front().is_some_and(|&at| at + MINUTE <= now) {
                    group.recent.pop_front();
                }
            }
            book.groups.retain(|_, group| !group.recent.is_empty());
            act(book.groups.entry(chat).or_default(), now)
        }))
    }

    /// Whether there is room for one more now.
    fn room(&self, account: &ChannelAccount) -> bool {
        let most = (rate(account, super::RATE) / SHARE).max(1) as usize;
        self.with(account.id, |book| {
            let now = Instant::now();
            while book.recent.front().is_some_and(|&at| at + SECOND <= now) {
                book.recent.pop_front();
            }
            let room = book.recent.len() < most;
            if room {
                book.recent.push_back(now);
            }
            room
        })
    }

    pub(super) fn silence(&self, channel: ChannelId, peer: &Peer, wait: Duration) {
        self.with(channel, |book| {
            let now = Instant::now();
            book.quiet.retain(|_, until| *until > now);
            book.quiet.insert(peer.address.clone(), now + wait);
        });
    }
}

impl Telegram {
    pub(super) async fn show(&self, draft: Draft<'_>) -> Result<(), Failure> {
        // Of a long answer the end: that is where it is being written.
        let parts = markup::render(draft.text, &[], Dialect::TelegramHtml, super::LIMIT);
        let Some(part) = parts.last() else { return Ok(()) };
        if !self.drafts.room(draft.account) {
            return Ok(());
        }
        let mut body = to(&draft.to.address)?;
        // Never 0, and a number of a chat's own.
        body["draft_id"] = json!(draft.turn % i32::MAX.unsigned_abs() + 1);
        body["text"] = json!(part.text);
        body["parse_mode"] = json!("HTML");
        let error = match self.api.call(draft.account, "sendMessageDraft", &body).await {
            Ok(_) => return Ok(()),
            // Nothing new to show.
            Err(ApiError::Refused(r)) if r.says("not modified") => return Ok(()),
            Err(error) => error,
        };
        if let ApiError::Refused(Refusal { code, retry_after, .. }) = &error {
            let wait = match code {
                429 => Some(retry_after.unwrap_or(EVERY)),
                400..500 => Some(REFUSED),
                _ => None,
            };
            if let Some(wait) = wait {
                self.drafts.silence(draft.account.id, draft.to, wait);
            }
        }
        Err(error.failure())
    }
}
