//! Gives a conversation that goes to people to the program in which they work, where the account names one.
//!
//! Nothing of this is durable: if the process ends before, the conversation stays with us, where people can answer it as well.

use crate::{node::Shared, supervision::Backoff};
use colloquy_domain::{
    conversation::{Key, Mode},
    failure::Verdict,
    ports::StoreError,
};
use std::{sync::Arc, time::Duration};

/// Until what was said is delivered, and while the provider cannot be reached: about five minutes.
const TRIES: usize = 15;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(250), max: Duration::from_secs(30) };

/// Who holds the conversation says nothing in it any more, so what the agent said last goes first. Ends without a word if
/// somebody of the team took the conversation meanwhile, or it was given back to the agent.
pub(crate) async fn pass(shared: Arc<Shared>, key: Key, mode: Mode) {
    let Ok(Some(account)) = shared.ports.channels.account(key.channel).await else { return };
    let Some(driver) = shared.ports.channels.driver(&account.kind).filter(|d| d.passes_control(&account)) else {
        return;
    };
    for tries in 1..=TRIES {
        match due(&shared, &key, &mode).await {
            Ok(Due::Never) => return,
            Ok(Due::Now) => match driver.pass_control(&account, &key.peer).await {
                Ok(()) => return,
                Err(failure) => {
                    tracing::warn!(
                        tenant.id = %key.tenant, conversation.id = %key.id, channel.id = %key.channel, error = %failure,
                        "the conversation could not be handed to the other program"
                    );
                    if !matches!(failure.verdict, Verdict::Retry { .. }) {
                        return;
                    }
                }
            },
            // A store that cannot be read may be read later.
            Ok(Due::Later) | Err(_) => {}
        }
        tokio::time::sleep(BACKOFF.wait(tries)).await;
    }
}

enum Due {
    Now,
    Later,
    Never,
}

async fn due(shared: &Shared, key: &Key, mode: &Mode) -> Result<Due, StoreError> {
    let loaded = shared.ports.conversations.load(key.tenant, key.id).await?;
    if loaded.snapshot.mode != *mode {
        return Ok(Due::Never);
    }
    Ok(if shared.ports.outbox.waits(key.tenant, key.id).await? { Due::Later } else { Due::Now })
}
