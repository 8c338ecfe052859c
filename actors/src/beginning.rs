//! The first words of an answer as a message of their own, which is changed while the rest is being written. The reply takes its
//! place (`delivery`), so that an answer is one message.
//!
//! That it is about to be sent is written down before, and its name before it is changed: after a crash, or on another node,
//! the reply still finds it. Each change is written down as well, and refused to who has lost the conversation; none leaves
//! later than another node could have taken it over. So nothing is changed behind the reply's back.

use crate::{channel::Desk, conversation::RETRY_STORE, draft::ended_within, node::Shared};
use colloquy_domain::{
    channel::{ChannelAccount, Draft, SendError, Sent},
    conversation::Key,
    failure::{Failure, Verdict},
    ids::TurnNo,
    ports::{Beginning, ChannelDriver, OutboxItem, StoreError},
    time::Timestamp,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

/// Nothing leaves later than this after the store was asked. A node that hears nothing of the database for 6 seconds gives up
/// what it owns, and another takes it after 8.
const LEAVES: Duration = Duration::from_secs(2);
/// A request is not on its way any more that was begun so long ago: longer than it may leave and be answered in.
const OVER: Duration = Duration::from_secs(35);
/// How often is looked again at what is on its way, or waits.
const LOOK: Duration = Duration::from_secs(1);
/// When a reply looks again whose first words are being changed.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// How often it is tried to write down what came of a request, and to take a message away.
const TRIES: usize = 5;

/// Where an answer is shown.
pub(crate) struct Stage {
    pub shared: Arc<Shared>,
    pub account: Arc<ChannelAccount>,
    pub driver: Arc<dyn ChannelDriver>,
    pub key: Key,
    pub turn: TurnNo,
}

/// How a request about the message ended.
enum Asked {
    Stands,
    /// Nothing came of it: the next not before this.
    Wait(Duration),
    /// No more of this answer.
    Enough,
}

/// Shows what is written, until its end. What is under way by then is ended, not broken off: the reply waits for it.
pub(crate) async fn show(stage: &Stage, every: Duration, written: &mut watch::Receiver<String>) {
    let Some((message, mut shown)) = begun(stage, every, written).await else { return };
    let mut wait = every;
    while !ended_within(written, wait).await {
        wait = every;
        let text = written.borrow_and_update().clone();
        if text.trim().is_empty() || text == shown {
            continue;
        }
        if !stage.spare() {
            wait = LOOK;
            continue;
        }
        match stage.amend(&text, &message).await {
            Asked::Stands => shown = text,
            Asked::Wait(longer) => wait = longer.max(every),
            Asked::Enough => return,
        }
    }
}

/// The message and what it says, once there is one.
async fn begun(stage: &Stage, every: Duration, written: &mut watch::Receiver<String>) -> Option<(String, String)> {
    let (mut wait, now) = (Duration::ZERO, || stage.shared.ports.clock.now());
    while !ended_within(written, wait).await {
        wait = LOOK;
        let text = written.borrow_and_update().clone();
        // Behind an earlier reply that is still to be sent, the message would stand in the wrong place.
        if text.trim().is_empty() || stage.replies_wait().await.ok()? || !stage.spare() {
            continue;
        }
        let asked_at = now();
        let store = &stage.shared.ports.outbox;
        match store.begin(stage.key.tenant, stage.key.id, stage.turn, asked_at).await.ok()? {
            // The completion has ended meanwhile: the reply comes, or nothing does.
            None if written.has_changed().is_err() => {
                let _ = stage.amended(None).await;
                return None;
            }
            None => match stage.begin(&text, asked_at).await {
                Ok(message) => return Some((message, text)),
                Err(Asked::Wait(longer)) => wait = longer.max(every),
                Err(_) => return None,
            },
            Some(Beginning { busy: Some(since), .. }) if now().since(since) < OVER => {}
            Some(left) if left.turn != stage.turn => stage.clear(&left).await,
            // An earlier run of the same turn began it.
            Some(Beginning { message: Some(message), busy: None, .. }) => return Some((message, String::new())),
            Some(_) => return None,
        }
    }
    None
}

impl Stage {
    fn spare(&self) -> bool {
        self.shared.paces.spare(self.account.id, &self.key.peer.address, self.shared.ports.clock.now())
    }

    async fn replies_wait(&self) -> Result<bool, StoreError> {
        self.shared.ports.outbox.waits(self.key.tenant, self.key.id).await
    }

    fn draft<'a>(&'a self, text: &'a str, asked_at: Timestamp) -> Draft<'a> {
        let leaves_within = LEAVES.saturating_sub(self.shared.ports.clock.now().since(asked_at));
        Draft { account: &self.account, to: &self.key.peer, turn: self.turn, text, leaves_within }
    }

    /// Sends the first words; they are written down as being sent.
    async fn begin(&self, text: &str, asked_at: Timestamp) -> Result<String, Asked> {
        match self.driver.begin(self.draft(text, asked_at)).await {
            Ok(Sent { provider_message_id: Some(message) }) => {
                self.amended(Some(message.clone())).await.map_err(|_| Asked::Enough)?;
                Ok(message)
            }
            // It may stand there, nobody knows where: the reply is of unknown outcome.
            Ok(Sent { provider_message_id: None }) | Err(SendError::Uncertain(_)) => Err(Asked::Enough),
            Err(SendError::Refused(failure) | SendError::Apart(failure) | SendError::AccountDown(failure)) => {
                self.amended(None).await.map_err(|_| Asked::Enough)?;
                Err(self.refused(&failure))
            }
        }
    }

    async fn amend(&self, text: &str, message: &str) -> Asked {
        let (store, asked_at) = (&self.shared.ports.outbox, self.shared.ports.clock.now());
        match store.amend(self.key.tenant, self.key.id, self.turn, asked_at).await {
            Ok(true) => {}
            Ok(false) | Err(_) => return Asked::Enough,
        }
        let asked = match self.driver.amend(self.draft(text, asked_at), message).await {
            Ok(()) => Asked::Stands,
            // It may be on its way for a while: the reply waits until it is not.
            Err(SendError::Uncertain(_)) => return Asked::Enough,
            Err(SendError::Refused(failure) | SendError::Apart(failure) | SendError::AccountDown(failure)) => {
                self.refused(&failure)
            }
        };
        match self.amended(Some(message.to_owned())).await {
            Ok(()) => asked,
            Err(_) => Asked::Enough,
        }
    }

    fn refused(&self, failure: &Failure) -> Asked {
        tracing::debug!(channel.id = %self.account.id, failure.code = failure.code, "answer in the making not shown");
        match failure.verdict {
            Verdict::Retry { after } => Asked::Wait(after.unwrap_or(LOOK)),
            Verdict::Reject | Verdict::Fatal => Asked::Enough,
        }
    }

    async fn amended(&self, message: Option<String>) -> Result<(), StoreError> {
        self.written_down(self.turn, message).await
    }

    /// Waits out passing troubles of the store: a message whose name is forgotten is of unknown outcome.
    async fn written_down(&self, turn: TurnNo, message: Option<String>) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.shared.ports.outbox.amended(self.key.tenant, self.key.id, turn, message.clone()).await {
                Err(e) if e.is_retry() && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(RETRY_STORE.wait(tries)).await;
                }
                done => return done,
            }
        }
    }

    /// Takes away what a turn left behind that said nothing in the end. What cannot be taken away, or is of unknown name, stays
    /// and is forgotten: nothing takes its place.
    async fn clear(&self, left: &Beginning) {
        for tried in 1..=TRIES {
            let Some(message) = &left.message else { break };
            match self.driver.withdraw(&self.account, &self.key.peer, message).await {
                Err(Failure { verdict: Verdict::Retry { after }, .. }) if tried < TRIES => {
                    tokio::time::sleep(after.unwrap_or(LOOK)).await;
                }
                _ => break,
            }
        }
        if let Err(e) = self.written_down(left.turn, None).await {
            tracing::debug!(channel.id = %self.account.id, error = %e, "what was shown of an answer is not forgotten");
        }
    }
}

/// What stands without an answer to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// This turn's, which ended without a word.
    By(TurnNo),
    /// That of any turn before this one, which has just begun.
    Before(TurnNo),
}

/// Takes it away, once nothing about it is on its way and no reply is to take its place.
pub(crate) async fn withdraw(shared: Arc<Shared>, key: Key, what: Left) {
    let Ok(Some(account)) = shared.ports.channels.account(key.channel).await else { return };
    let Some(driver) = shared.ports.channels.driver(&account.kind).filter(|d| d.amends(&key.peer)) else { return };
    let (Left::By(turn) | Left::Before(turn)) = what;
    let stage = Stage { shared, account, driver, key, turn };
    loop {
        let ports = &stage.shared.ports;
        // Asked first: once nothing waits, what still stands is nobody's.
        let Ok(waits) = stage.replies_wait().await else { return };
        let Ok(Some(left)) = ports.outbox.beginning(stage.key.tenant, stage.key.id, None).await else { return };
        if (left.turn == turn) != matches!(what, Left::By(_)) {
            return;
        }
        let still = left.busy.is_none_or(|since| ports.clock.now().since(since) >= OVER);
        if still && (!waits || matches!(what, Left::By(_))) {
            return stage.clear(&left).await;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Where a reply goes.
pub(crate) enum Place {
    /// It is a message of its own.
    New,
    /// It takes the place of this one, in which its first words stand.
    Of(String),
    /// A request about that message is on its way.
    Later(Timestamp),
    /// Its first words may stand in a message that nobody knows the name of.
    Unknown,
}

pub(crate) async fn place(desk: &Desk, item: &OutboxItem) -> Result<Place, StoreError> {
    if item.parts_sent > 0 || !desk.driver.amends(&item.peer) {
        return Ok(Place::New);
    }
    let ports = &desk.shared.ports;
    let found = ports.outbox.beginning(item.tenant, item.conversation, Some(item.message)).await?;
    let Some(Beginning { message, busy, .. }) = found else { return Ok(Place::New) };
    let now = ports.clock.now();
    Ok(match (busy, message) {
        (Some(since), _) if now.since(since) < OVER => Place::Later((now + LOOK_AGAIN).min(since + OVER)),
        (_, Some(message)) => Place::Of(message),
        (_, None) => Place::Unknown,
    })
}

pub(crate) fn nameless() -> Failure {
    let why = "the beginning of the reply may have been sent, and its provider's answer is not known";
    Failure::reject("delivery.beginning_unknown", why)
}
