//! Shows a person what is written so far of an answer: as a draft where a channel knows such, of which nothing is durable or
//! counts (the reply comes by the outbox, and what was shown goes by itself), otherwise as a message that is changed
//! (`beginning`). Nobody waits for it but, shortly, the end of the same completion.

use crate::{
    beginning::{self, Stage},
    node::Shared,
    work::Task,
};
use colloquy_domain::{
    channel::Draft,
    conversation::{Key, Mode},
    failure::Verdict,
    ids::TurnNo,
};
use futures::FutureExt;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};

/// An answer that is there sooner than this after its first word needs no draft.
const SOON: Duration = Duration::from_millis(300);
/// How long the end of a completion waits for what is under way, so that no draft comes behind the reply. A message is not
/// broken off then: the reply waits for it by itself.
const LAST: Duration = Duration::from_secs(1);

/// The drafts of one completion; they end with it.
pub(crate) struct Drafts {
    text: watch::Sender<String>,
    showing: Option<JoinHandle<()>>,
}

impl Drafts {
    /// Nothing is shown where a client reads by itself, and nothing of a turn that is to say nothing.
    pub(crate) fn begin(task: &Task, turn: TurnNo) -> Self {
        let (text, written) = watch::channel(String::new());
        let key = &task.conversation.key;
        let shown = !key.pull && task.conversation.mode == Mode::Agent;
        let showing = shown.then(|| {
            let show = show(Arc::clone(&task.shared), key.clone(), turn, written);
            tokio::spawn(AssertUnwindSafe(show).catch_unwind().map(drop))
        });
        Self { text, showing }
    }

    pub(crate) fn write(&self, text: &str) {
        self.text.send_modify(|written| written.push_str(text));
    }

    /// What was written is void.
    pub(crate) fn reset(&self) {
        self.text.send_modify(String::clear);
    }

    pub(crate) async fn end(self) {
        drop(self.text);
        if let Some(showing) = self.showing {
            // Late: it ends by itself.
            let _ = tokio::time::timeout(LAST, showing).await;
        }
    }
}

async fn show(shared: Arc<Shared>, key: Key, turn: TurnNo, mut written: watch::Receiver<String>) {
    if written.wait_for(|text| !text.is_empty()).await.is_err() || ended_within(&mut written, SOON).await {
        return;
    }
    let Ok(Some(account)) = shared.ports.channels.account(key.channel).await else { return };
    let Some(driver) = shared.ports.channels.driver(&account.kind) else { return };
    if let Some(every) = driver.amends_every(&account, &key.peer) {
        let stage = Stage { shared, account, driver, key, turn };
        return beginning::show(&stage, every, &mut written).await;
    }
    let mut shown = String::new();
    while let Some(every) = driver.drafts_every(&account, &key.peer) {
        let text = written.borrow_and_update().clone();
        let mut wait = every;
        let new = !text.trim().is_empty() && text != shown;
        if new && shared.paces.spare(account.id, &key.peer.address, shared.ports.clock.now()) {
            let draft = Draft { account: &account, to: &key.peer, turn, text: &text, leaves_within: LAST };
            let drawn = tokio::select! {
                drawn = driver.draft(draft) => drawn,
                () = late(written.clone()) => return,
            };
            if let Err(failure) = drawn {
                tracing::debug!(channel.id = %account.id, failure.code = failure.code, "draft not shown");
                let Verdict::Retry { after } = failure.verdict else { return };
                wait = after.unwrap_or(every).max(every);
            }
            shown = text;
        }
        if ended_within(&mut written, wait).await {
            return;
        }
    }
}

/// Some time after the end of the completion.
async fn late(mut written: watch::Receiver<String>) {
    // An error is the end.
    let _ = written.wait_for(|_| false).await;
    tokio::time::sleep(LAST).await;
}

/// Waits so long; true at once when the completion has ended.
pub(crate) async fn ended_within(written: &mut watch::Receiver<String>, wait: Duration) -> bool {
    tokio::time::timeout(wait, written.wait_for(|_| false)).await.is_ok()
}
