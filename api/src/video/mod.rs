//! Sessions with an avatar: opened and ended here, each change committed before what it calls.
//!
//! A request opens a session while it waits. What was cut short, is idle or has lasted long enough is found by the loop that
//! runs on each node ([`run`]): a provider counts every minute of a session that nobody ends.

mod run;
#[cfg(test)]
mod tests;

pub use run::run;

use crate::commerce::Refusal;
use colloquy_domain::{
    commerce::{flow::Answer, settings::Avatar},
    ids::{ChannelId, TenantId, VideoSessionId},
    ports::{Avatars, Clock, Reserved, Spoken, StoreError},
    video::{Effect, EndReason, Input, Join, VideoSession, VideoStatus, decide, evolve},
};
use colloquy_store::{NewVideo, OpenedVideo, Store};
use std::{sync::Arc, time::Duration};

/// How long one node has a session while it calls; longer than a call takes.
const LEASE: Duration = Duration::from_secs(30);
/// For one call.
const CALL: Duration = Duration::from_secs(15);
/// How long a request waits for what it asked for.
const PATIENCE: Duration = Duration::from_secs(25);

/// What sessions with avatars need.
pub struct Videos {
    store: Store,
    avatars: Arc<dyn Avatars>,
    clock: Arc<dyn Clock>,
}

/// What became of words that an avatar was to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It was told now.
    Now(Spoken),
    /// It was told before, and is told once.
    Before,
    Failed {
        code: String,
    },
}

impl Videos {
    #[must_use]
    pub fn new(store: Store, avatars: Arc<dyn Avatars>, clock: Arc<dyn Clock>) -> Self {
        Self { store, avatars, clock }
    }

    /// The visitor's session, opened as far as it could be by now; whether it is a new one. A visitor has one at a time, and
    /// the same `key` asks for one.
    ///
    /// # Errors
    /// [`Refusal`]: no avatar is set up, or as many as may run do.
    pub async fn open(
        self: &Arc<Self>,
        tenant: TenantId,
        channel: ChannelId,
        chat: &str,
        key: Option<String>,
    ) -> Result<(VideoSession, bool), Refusal> {
        let rows = self.store.tenant(tenant);
        let avatar = rows.avatar().await?;
        let avatar = avatar.ok_or(Refusal::NotNow("AVATAR_NOT_CONFIGURED", "no avatar is set up"))?;
        let now = self.clock.now();
        let new = NewVideo {
            key,
            channel,
            chat: chat.to_owned(),
            account: avatar.account.clone(),
            video: colloquy_domain::video::Video::new(avatar.account.provider, avatar.longest, avatar.idle, now),
            most: avatar.most,
        };
        match rows.open_video(new, LEASE).await? {
            OpenedVideo::Known(session) => Ok((session, false)),
            OpenedVideo::TooMany => Err(Refusal::NotNow("VIDEO_LIMIT", "as many video sessions run as may at once")),
            OpenedVideo::New(session) => {
                let (id, videos) = (session.id, Arc::clone(self));
                // Whoever asked may go away: it goes on.
                let work = tokio::spawn(async move { log(tenant, id, videos.create(session, &avatar).await) });
                let _ = tokio::time::timeout(PATIENCE, work).await;
                Ok((rows.video(id).await?, true))
            }
        }
    }

    /// Both calls, each written down before the next.
    async fn create(&self, session: VideoSession, avatar: &Avatar) -> Result<(), StoreError> {
        let reserved = in_time(self.avatars.reserve(avatar)).await.unwrap_or_else(Err);
        let join = reserved.as_ref().ok().and_then(|r| r.join.clone());
        let named = reserved.as_ref().map(|r| r.external.clone()).map_err(Clone::clone);
        let (session, effect) = self.put(session, Input::Reserved(named), join).await?;
        match (effect, reserved) {
            (Some(Effect::Start), Ok(reserved)) => self.start(session, avatar, &reserved).await,
            (Some(Effect::Stop), _) => self.stop(session).await,
            _ => Ok(()),
        }
    }

    async fn start(&self, session: VideoSession, avatar: &Avatar, reserved: &Reserved) -> Result<(), StoreError> {
        let joined = in_time(self.avatars.start(&avatar.account, reserved)).await.unwrap_or_else(Err);
        let (answer, join) = match joined {
            Ok(joined) => (Ok(joined.longest), Some(joined.join)),
            Err(answer) => (Err(answer), None),
        };
        match self.put(session, Input::Started(answer), join).await? {
            (session, Some(Effect::Stop)) => self.stop(session).await,
            _ => Ok(()),
        }
    }

    /// Ends it, as far as it could be by now. One that is over stays as it is.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn end(
        self: &Arc<Self>,
        tenant: TenantId,
        id: VideoSessionId,
        why: EndReason,
    ) -> Result<VideoSession, Refusal> {
        let rows = self.store.tenant(tenant);
        let input = if why == EndReason::Gone { Input::Gone } else { Input::End(why) };
        let (session, effect) = self.put(rows.video(id).await?, input, None).await?;
        if effect == Some(Effect::Stop) {
            let videos = Arc::clone(self);
            let work = tokio::spawn(async move { log(tenant, id, videos.stop(session).await) });
            let _ = tokio::time::timeout(PATIENCE, work).await;
        }
        Ok(rows.video(id).await?)
    }

    /// How it is now, by its provider's own word if it is said to be live.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn look(self: &Arc<Self>, session: VideoSession) -> Result<VideoSession, Refusal> {
        let (Some(account), Some(external), VideoStatus::Live) =
            (&session.access.account, &session.video.external, session.video.status)
        else {
            return Ok(session);
        };
        match in_time(self.avatars.look(account, external)).await {
            Ok(Answer::Absent) => self.end(session.tenant, session.id, EndReason::Gone).await,
            _ => Ok(session),
        }
    }

    /// Somebody wrote: it goes on for a while.
    ///
    /// # Errors
    /// [`Refusal`]: it is not live.
    pub async fn used(&self, session: VideoSession) -> Result<VideoSession, Refusal> {
        let (session, _) = self.put(session, Input::Used, None).await?;
        if session.video.status == VideoStatus::Live {
            return Ok(session);
        }
        Err(Refusal::NotNow("VIDEO_NOT_LIVE", "the video session is not live (any more)"))
    }

    /// Has the avatar say the answer of a turn. One that says it itself is told once, whatever is asked again.
    ///
    /// # Errors
    /// The store's.
    pub async fn say(&self, session: &VideoSession, turn: u32, words: &str) -> Result<Said, Refusal> {
        let first = self.store.tenant(session.tenant).claim_spoken_turn(session.id, turn).await?;
        if !first && session.video.provider.speaks_itself() {
            return Ok(Said::Before);
        }
        let (Some(account), Some(external)) = (&session.access.account, &session.video.external) else {
            return Ok(Said::Failed { code: "video.over".to_owned() });
        };
        let said = in_time(self.avatars.speak(account, external, words)).await.unwrap_or_else(Err);
        Ok(match said {
            Ok(spoken) => {
                // Who listens to an answer that was long in coming is there.
                self.put(session.clone(), Input::Used, None).await?;
                Said::Now(spoken)
            }
            Err(Answer::Refused { code } | Answer::Later { code, .. } | Answer::Unknown { code }) => {
                tracing::warn!(tenant.id = %session.tenant, video.id = %session.id, failure.code = code, "avatar silent");
                Said::Failed { code }
            }
            Err(_) => Said::Failed { code: "video.silent".to_owned() },
        })
    }

    /// Stops it at its provider, and writes down what came of it.
    async fn stop(&self, session: VideoSession) -> Result<(), StoreError> {
        let (Some(account), Some(external)) = (&session.access.account, &session.video.external) else {
            return Ok(());
        };
        let answer = in_time(self.avatars.stop(account, external)).await.unwrap_or_else(|late| late);
        self.put(session, Input::Stopped(answer), None).await.map(|_| ())
    }

    /// Writes down what follows from an input, and says what is to be called then. Who was slower than somebody else decides
    /// again, on what is written now.
    async fn put(
        &self,
        mut session: VideoSession,
        input: Input,
        join: Option<Join>,
    ) -> Result<(VideoSession, Option<Effect>), StoreError> {
        let rows = self.store.tenant(session.tenant);
        loop {
            let decided = decide(&session.video, input.clone(), self.clock.now());
            if decided.events.is_empty() {
                return Ok((session, decided.effect));
            }
            let mut next = session.clone();
            next.video = decided.events.iter().fold(next.video, evolve);
            if join.is_some() {
                next.access.join.clone_from(&join);
            }
            let lease = if decided.effect.is_some() { LEASE } else { Duration::ZERO };
            match rows.save_video(&next, lease).await {
                Ok(saved) => return Ok((told(saved), decided.effect)),
                Err(StoreError::Stale) => {
                    let now = rows.video(session.id).await?;
                    // What is over keeps no secret; what has to be stopped after all is stopped with ours.
                    let access = if now.access.account.is_some() { now.access } else { session.access };
                    session = VideoSession { access, ..now };
                }
                Err(e) => return Err(e),
            }
        }
    }
}

fn told(session: VideoSession) -> VideoSession {
    let v = &session.video;
    tracing::info!(
        tenant.id = %session.tenant, video.id = %session.id, video.provider = v.provider.name(),
        video.status = v.status.name(), video.reason = v.reason.map_or("", EndReason::name),
        failure.code = v.code.as_deref().unwrap_or_default(), "video session changed"
    );
    session
}

fn log(tenant: TenantId, id: VideoSessionId, done: Result<(), StoreError>) {
    if let Err(e) = done {
        // The lease runs out, and it is found again.
        tracing::warn!(tenant.id = %tenant, video.id = %id, error = %e, "video session not carried on");
    }
}

/// # Errors
/// What is known of a call that took too long.
async fn in_time<T>(call: impl Future<Output = T>) -> Result<T, Answer> {
    let late = |_| Answer::Unknown { code: "video.timeout".to_owned() };
    tokio::time::timeout(CALL, call).await.map_err(late)
}
