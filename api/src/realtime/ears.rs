//! What one connection hears, whatever it is connected with: what happened, who writes, who is there, and its end.

use super::{
    MOST_CONNECTIONS,
    frame::{Frame, Kind, Told, Writer},
    lobby::{Lobby, Seat},
    subscription::{News, Subscription},
};
use crate::{
    auth::{self, Tenant, Who},
    error::{ApiError, ApiResult},
    state::Api,
};
use axum::http::StatusCode;
use colloquy_domain::{
    access::Action,
    ids::{ConversationId, EventId, UserId},
    ports::{Connected, Notice},
};
use colloquy_store::Moment;
use std::{borrow::Cow, collections::HashSet, sync::Arc, time::Duration};
use tokio::{
    sync::{broadcast, broadcast::error::RecvError, watch},
    time::{Instant, Interval, MissedTickBehavior, interval_at},
};

/// How often it is looked at whether the credential still opens anything.
pub(super) const CHECK_EVERY: Duration = Duration::from_secs(10);
/// The server stops.
pub const STOPPING: &str = "SERVER_STOPPING";

/// Which conversations a connection hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    All,
    Some(HashSet<ConversationId>),
}

impl Joined {
    pub fn has(&self, conversation: ConversationId) -> bool {
        match self {
            Self::All => true,
            Self::Some(some) => some.contains(&conversation),
        }
    }

    fn list(&self) -> Vec<ConversationId> {
        match self {
            Self::All => Vec::new(),
            Self::Some(some) => some.iter().copied().collect(),
        }
    }
}

/// What is to be told next.
#[derive(Debug)]
pub enum Heard {
    /// Something that happened.
    Told(Arc<Told>),
    /// Something that is not kept.
    Passing(Frame),
    /// The connection ends, for this reason.
    End(&'static str),
}

impl Heard {
    /// As it is sent.
    pub fn frame(&self) -> Option<Cow<'_, Frame>> {
        match self {
            Self::Told(told) => told.frame.as_ref().map(Cow::Borrowed),
            Self::Passing(frame) => Some(Cow::Borrowed(frame)),
            Self::End(reason) => Some(Cow::Owned(Frame::end(reason))),
        }
    }
}

/// See the module.
pub struct Ears {
    api: Arc<Api>,
    pub tenant: Tenant,
    credential: String,
    pub joined: Joined,
    /// Whether changes of conversations are told that were not joined: a list of them is kept up to date by it.
    pub lists: bool,
    seat: Option<Seat>,
    /// Stays for as long as somebody hears.
    _lobby: Arc<Lobby>,
    pub subscription: Subscription,
    /// From where a conversation that is joined for the first time is told again.
    pub since: Option<Moment>,
    /// What the client knew last is not known here.
    lost: bool,
    notices: broadcast::Receiver<Arc<Notice>>,
    /// Conversations whose agent writes.
    thinking: HashSet<ConversationId>,
    people: watch::Receiver<Arc<Vec<Connected>>>,
    closing: watch::Receiver<bool>,
    check: Interval,
    /// The check is due; it may be interrupted.
    unchecked: bool,
}

impl Ears {
    /// Begins to hear, from the event on that the client saw last, if it says one.
    ///
    /// # Errors
    /// 403, 429 if too many are connected, or the store's.
    pub async fn open(
        api: &Arc<Api>,
        tenant: Tenant,
        credential: String,
        joined: Joined,
        last: Option<&str>,
    ) -> ApiResult<Self> {
        auth::allow(&tenant.who, Action::ViewConversations)?;
        let lobby = api.realtime.lobby(api, tenant.id, MOST_CONNECTIONS).await?;
        let notices = api.hub.overhear(tenant.id);
        let since = match last.map(str::parse::<EventId>) {
            Some(Ok(event)) => tenant.store.moment(event).await?,
            Some(Err(_)) | None => None,
        };
        let subscription = Subscription::begin(lobby.listen(), tenant.store.clone(), since).await?;
        let people = lobby.people();
        let seat = person(&tenant)
            .map(|(user, name)| lobby.seat(Connected { user, name: name.to_owned(), conversations: joined.list() }));
        let mut check = interval_at(Instant::now() + CHECK_EVERY, CHECK_EVERY);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self {
            api: Arc::clone(api),
            tenant,
            credential,
            joined,
            lists: true,
            seat,
            _lobby: lobby,
            subscription,
            since,
            lost: last.is_some() && since.is_none(),
            notices,
            thinking: HashSet::new(),
            people,
            closing: api.realtime.closing.subscribe(),
            check,
            unchecked: false,
        })
    }

    /// What comes next. Nothing is lost if this is dropped before it is done.
    pub async fn next(&mut self) -> Heard {
        loop {
            if std::mem::take(&mut self.lost) {
                return Heard::Passing(Frame::resync(None));
            }
            if self.unchecked {
                let checked = self.fresh().await;
                self.unchecked = false;
                if let Some(code) = checked.err().filter(ended).map(|e| e.code) {
                    return Heard::End(code);
                }
            }
            let heard = tokio::select! {
                biased;
                () = stopped(&mut self.closing) => Some(Heard::End(STOPPING)),
                _ = self.check.tick() => {
                    self.unchecked = true;
                    None
                }
                news = self.subscription.next() => self.told(news),
                notice = self.notices.recv() => self.passing(notice),
                changed = self.people.changed() => changed.is_ok().then(|| self.here()),
            };
            if let Some(heard) = heard {
                return heard;
            }
        }
    }

    /// Looks again whose credential it is, and whether they still may be here.
    ///
    /// # Errors
    /// 401, 403, or the store's.
    pub async fn fresh(&mut self) -> ApiResult<()> {
        let tenant = auth::tenant_of(&self.api, &self.credential).await?;
        self.renew(tenant)
    }

    /// Goes on with another credential of the same tenant.
    ///
    /// # Errors
    /// 401, 403, or the store's.
    pub async fn change_credential(&mut self, credential: String) -> ApiResult<()> {
        let tenant = auth::tenant_of(&self.api, &credential).await?;
        if person(&tenant).map(|(user, _)| user) != person(&self.tenant).map(|(user, _)| user) {
            return Err(ApiError::forbidden("this token is somebody else's: connect anew"));
        }
        self.renew(tenant)?;
        self.credential = credential;
        Ok(())
    }

    fn renew(&mut self, tenant: Tenant) -> ApiResult<()> {
        if tenant.id != self.tenant.id {
            return Err(ApiError::forbidden("this token is another tenant's: connect anew"));
        }
        auth::allow(&tenant.who, Action::ViewConversations)?;
        self.tenant = tenant;
        Ok(())
    }

    /// Hears other conversations from now on.
    pub fn join(&mut self, joined: Joined) {
        if let Some(seat) = &self.seat {
            seat.open(joined.list());
        }
        self.joined = joined;
    }

    /// Those that were joined one by one.
    pub fn joined_ones(&self) -> HashSet<ConversationId> {
        self.joined.list().into_iter().collect()
    }

    fn told(&self, news: News) -> Option<Heard> {
        match news {
            News::Lost => Some(Heard::Passing(Frame::resync(None))),
            News::Told(told) => {
                let wanted = told.frame.as_ref().is_some_and(|f| self.wants(f));
                wanted.then_some(Heard::Told(told))
            }
        }
    }

    fn wants(&self, frame: &Frame) -> bool {
        let joined = frame.conversation.is_some_and(|id| self.joined.has(id));
        joined || (self.lists && matches!(frame.kind, Kind::Conversation | Kind::Approval))
    }

    fn passing(&mut self, notice: Result<Arc<Notice>, RecvError>) -> Option<Heard> {
        let (conversation, by, on) = match notice.as_deref() {
            Ok(Notice::Typing { conversation, .. }) => {
                let begins = self.joined.has(*conversation) && self.thinking.insert(*conversation);
                begins.then_some((*conversation, Writer { user: None, name: None }, true))?
            }
            Ok(Notice::Replied { conversation, .. } | Notice::Settled { conversation, .. }) => {
                let ends = self.thinking.remove(conversation);
                ends.then_some((*conversation, Writer { user: None, name: None }, false))?
            }
            Ok(Notice::Writing { conversation, user, name, on, .. }) => {
                let own = person(&self.tenant).is_some_and(|(own, _)| own == *user);
                let by = Writer { user: Some(user.to_string()), name: Some(name) };
                (self.joined.has(*conversation) && !own).then_some((*conversation, by, *on))?
            }
            Err(RecvError::Lagged(_)) => {
                self.thinking.clear();
                return None;
            }
            Err(RecvError::Closed) => {
                self.notices = self.api.hub.overhear(self.tenant.id);
                return None;
            }
            Ok(_) => return None,
        };
        Some(Heard::Passing(Frame::typing(self.id(), conversation, &by, on)))
    }

    fn here(&mut self) -> Heard {
        let people = Arc::clone(&self.people.borrow_and_update());
        Heard::Passing(Frame::people(self.id(), &people))
    }

    /// Who is connected now.
    pub fn people(&self) -> Arc<Vec<Connected>> {
        Arc::clone(&self.people.borrow())
    }

    /// Of something that is not kept.
    fn id(&self) -> String {
        self.api.ids.uuid().to_string()
    }
}

pub(super) async fn stopped(closing: &mut watch::Receiver<bool>) {
    // An error: nobody is left who could stop it, which is the same.
    let _ = closing.wait_for(|closing| *closing).await;
}

/// Whether an error means that the credential opens nothing any more; a store in trouble does not.
fn ended(e: &ApiError) -> bool {
    matches!(e.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Who it is, if it is a person.
pub fn person(tenant: &Tenant) -> Option<(UserId, &str)> {
    match &tenant.who {
        Who::Person { user, .. } => Some((user.id, &user.name)),
        Who::Key { .. } | Who::System => None,
    }
}
