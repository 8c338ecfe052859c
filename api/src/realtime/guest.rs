//! What a visitor of a public web chat hears: what is said in their own conversation, who answers them, who writes. Nothing
//! else of the tenant reaches them.
//!
//! What was said is read from the transcript, behind the position that the visitor knows; events only say when to look. So
//! nothing can be missed or told twice, and what is told is what `GET /api/chat/messages` shows.

use super::{
    MOST_WITH_VISITORS,
    ears::{CHECK_EVERY, STOPPING, stopped},
    frame::{Frame, Kind, Told},
    lobby::Lobby,
    too_many,
};
use crate::{
    endpoints::{
        chat::{named_well, public_account},
        chat_messages::{Line, Mode, lines_since},
    },
    error::ApiResult,
    state::Api,
};
use axum::http::StatusCode;
use colloquy_domain::{
    channel::ChannelAccount,
    ids::ConversationId,
    model::Speaker,
    ports::{Notice, StoreError},
    rate::{Caller, Rate},
};
use colloquy_store::TenantStore;
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{broadcast, broadcast::error::RecvError, watch},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep},
};

/// Connections of the visitors behind one address: an office, or somebody who would take everybody's places.
const MOST_OF_ADDRESS: usize = 100;
/// Before a store in trouble is asked again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who wants to hear, as they say it.
pub struct Visitor<'v> {
    pub channel: &'v str,
    /// As `POST /api/chat` gave it, or was given it: unguessable, it is what lets its holder hear.
    pub session: String,
    /// The position of the last line that is known.
    pub after: u64,
    pub address: IpAddr,
}

/// Something that a visitor is told.
#[derive(Debug)]
pub enum Word {
    Line(Line),
    /// Who answers from now on.
    Mode(Mode),
    /// Somebody on our side writes, or does not any more.
    Typing {
        speaker: Speaker,
        on: bool,
    },
    /// The connection ends, for this reason.
    End(&'static str),
}

impl Word {
    /// Its name as an event.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Line(_) => "message",
            Self::Mode(_) => "mode",
            Self::Typing { .. } => "typing",
            Self::End(_) => "session:end",
        }
    }

    /// As it is sent.
    pub fn body(&self) -> Value {
        match self {
            Self::Line(line) => json!(line),
            Self::Mode(mode) => json!({ "mode": mode }),
            Self::Typing { speaker, on } => json!({ "speaker": speaker, "typing": on }),
            Self::End(reason) => json!({ "reason": reason }),
        }
    }
}

/// A place among the connections from one address; dropping it is leaving.
struct Place {
    api: Arc<Api>,
    caller: Caller,
}

impl Place {
    fn take(api: &Arc<Api>, address: IpAddr) -> ApiResult<Self> {
        let caller = Caller::from_address(address);
        let mut visitors = api.realtime.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let here = visitors.entry(caller).or_default();
        if *here >= MOST_OF_ADDRESS {
            return Err(too_many("too many connections from one address"));
        }
        *here += 1;
        Ok(Self { api: Arc::clone(api), caller })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut visitors = self.api.realtime.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = visitors.get_mut(&self.caller) {
            *here -= 1;
            if *here == 0 {
                visitors.remove(&self.caller);
            }
        }
    }
}

/// See the module.
pub struct Guest {
    api: Arc<Api>,
    store: TenantStore,
    account: Arc<ChannelAccount>,
    session: String,
    /// None before the first message is in the inbox.
    conversation: Option<ConversationId>,
    /// The position of the last line that was read.
    at: u64,
    /// As the visitor was told last.
    mode: Option<Mode>,
    /// Read, not told yet.
    words: VecDeque<Word>,
    /// The transcript may have what was not read.
    behind: bool,
    /// The agent writes.
    thinking: bool,
    told: broadcast::Receiver<Arc<Told>>,
    notices: broadcast::Receiver<Arc<Notice>>,
    closing: watch::Receiver<bool>,
    check: Interval,
    /// The check is due; it may be interrupted.
    unchecked: bool,
    /// Stays for as long as somebody hears.
    _lobby: Arc<Lobby>,
    _place: Place,
}

impl Guest {
    /// Begins to hear, from behind the line that the visitor knows.
    ///
    /// # Errors
    /// 404 for a channel that is not public, 429 if too many ask or are connected, or the store's.
    pub async fn open(api: &Arc<Api>, visitor: Visitor<'_>) -> ApiResult<Self> {
        let Visitor { channel, session, after, address } = visitor;
        api.limits.take(Rate::Chat, Caller::from_address(address), api.clock.now())?;
        named_well("session", &session)?;
        let account = public_account(api, channel).await?;
        let place = Place::take(api, address)?;
        let lobby = api.realtime.lobby(api, account.tenant, MOST_WITH_VISITORS).await?;
        let mut check = interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            api: Arc::clone(api),
            store: api.store.tenant(account.tenant),
            session,
            conversation: None,
            at: after,
            mode: None,
            words: VecDeque::new(),
            behind: true,
            thinking: false,
            told: lobby.listen(),
            notices: api.hub.overhear(account.tenant),
            closing: api.realtime.closing.subscribe(),
            check,
            unchecked: false,
            account,
            _lobby: lobby,
            _place: place,
        })
    }

    /// What comes next. Nothing is lost if this is dropped before it is done.
    pub async fn next(&mut self) -> Word {
        loop {
            if let Some(word) = self.words.pop_front() {
                return word;
            }
            if self.unchecked {
                let found = public_account(&self.api, &self.account.id.to_string()).await;
                self.unchecked = false;
                if let Some(gone) = found.err().filter(|e| e.status == StatusCode::NOT_FOUND) {
                    return Word::End(gone.code);
                }
            }
            if self.behind {
                self.look().await;
                continue;
            }
            tokio::select! {
                biased;
                () = stopped(&mut self.closing) => return Word::End(STOPPING),
                _ = self.check.tick() => self.unchecked = true,
                told = self.told.recv() => {
                    self.behind = told.map_or(true, |told| told.frame.as_ref().is_some_and(|f| self.concerns(f)));
                }
                notice = self.notices.recv() => {
                    let word = self.passing(notice);
                    self.words.extend(word);
                }
            }
        }
    }

    /// Whether it is about this visitor's conversation and changes what they see.
    fn concerns(&self, frame: &Frame) -> bool {
        if !matches!(frame.kind, Kind::Message { .. } | Kind::Conversation) {
            return false;
        }
        match self.conversation {
            Some(own) => frame.conversation == Some(own),
            None => {
                frame.body["peer"] == self.session.as_str() && frame.body["channelId"] == self.account.id.to_string()
            }
        }
    }

    /// Reads what is new.
    async fn look(&mut self) {
        match self.read().await {
            Ok(()) => {}
            // It was erased meanwhile.
            Err(StoreError::NotFound(_)) => (self.conversation, self.behind) = (None, false),
            Err(e) => {
                tracing::warn!(tenant.id = %self.account.tenant, error = %e, "a visitor's messages not read");
                sleep(PATIENCE).await;
            }
        }
    }

    async fn read(&mut self) -> Result<(), StoreError> {
        if self.conversation.is_none() {
            self.conversation = self.store.conversation_with(self.account.id, &self.session).await?;
        }
        let Some(conversation) = self.conversation else {
            self.behind = false;
            return Ok(());
        };
        let (lines, more) = lines_since(&self.store, conversation, self.at).await?;
        let mode = Mode::of(&self.store.conversation(conversation).await?);
        let changed = (self.mode != Some(mode)).then_some(Word::Mode(mode));
        let (before, after) = if mode == Mode::Operator { (changed, None) } else { (None, changed) };
        self.at = lines.last().map_or(self.at, |line| line.position);
        self.mode = Some(mode);
        self.behind = more;
        self.words.extend(before.into_iter().chain(lines.into_iter().map(Word::Line)).chain(after));
        Ok(())
    }

    fn passing(&mut self, notice: Result<Arc<Notice>, RecvError>) -> Option<Word> {
        let own = |conversation: &ConversationId| self.conversation == Some(*conversation);
        let (speaker, on) = match notice.as_deref() {
            Ok(Notice::Typing { conversation, .. }) if own(conversation) => {
                (!std::mem::replace(&mut self.thinking, true)).then_some((Speaker::Agent, true))?
            }
            Ok(Notice::Replied { conversation, .. } | Notice::Settled { conversation, .. }) if own(conversation) => {
                std::mem::take(&mut self.thinking).then_some((Speaker::Agent, false))?
            }
            Ok(Notice::Writing { conversation, on, .. }) if own(conversation) => (Speaker::Operator, *on),
            Ok(_) => return None,
            Err(RecvError::Lagged(_)) => {
                self.thinking = false;
                return None;
            }
            Err(RecvError::Closed) => {
                self.notices = self.api.hub.overhear(self.account.tenant);
                return None;
            }
        };
        Some(Word::Typing { speaker, on })
    }
}
