//! One planned message to one person, by the first way that is open.

use super::ways::{There, look};
use crate::{auth::Tenant, desk, endpoints::messages, error::ApiError, state::Api};
use axum::http::StatusCode;
use colloquy_domain::{
    conversation::{Input, Written},
    ids::{ChannelId, ConversationId},
    message::Peer,
    outreach::{WayPlan, Words},
    ports::StoreError,
};
use colloquy_store::{Planned, PutOut};

/// How often it is decided anew because something else happened in the conversation.
const TRIES: usize = 8;
/// Why nothing is sent where the words do not fit the template.
const WRONG_WORDS: &str = "PARAMETERS_WRONG";

/// What came of it.
pub enum Went {
    Out,
    /// It does not wait any more, or its person withdrew at this moment: it is looked at anew, if it is still there.
    Elsewhere,
    /// No way is open: the reason's code.
    Not(String),
}

/// # Errors
/// The store's; nothing was sent, and it is tried again.
pub async fn send(
    api: &Api,
    tenant: &Tenant,
    planned: &Planned,
    words: &Words,
    only: Option<ChannelId>,
) -> Result<Went, StoreError> {
    let looked = match look(api, tenant, planned.contact, words, only).await {
        // Erased at this moment, with all that was planned.
        Err(e) if e.status == StatusCode::NOT_FOUND => return Ok(Went::Elsewhere),
        looked => looked.map_err(passing)?,
    };
    let plan = looked.plan(api, words, planned.channel);
    let mut why = plan.why_closed().code();
    for way in plan.open() {
        let Some(there) = looked.there.get(&way.channel) else { continue };
        if there.said.is_err() {
            why = WRONG_WORDS;
            continue;
        }
        let name = looked.contact.details.name.clone();
        return by(api, tenant, planned, way, there, name).await;
    }
    Ok(Went::Not(why.to_owned()))
}

async fn by(
    api: &Api,
    tenant: &Tenant,
    planned: &Planned,
    way: &WayPlan,
    there: &There,
    name: Option<String>,
) -> Result<Went, StoreError> {
    let Ok(said) = &there.said else { return Ok(Went::Not(WRONG_WORDS.to_owned())) };
    let id = match &there.conversation {
        Some(conversation) => conversation.id,
        None => {
            let peer = Peer { address: way.address.clone(), name };
            messages::start(api, tenant, &there.account, peer, said).await.map_err(passing)?
        }
    };
    put_out(api, tenant, planned, there, id).await
}

async fn put_out(
    api: &Api,
    tenant: &Tenant,
    planned: &Planned,
    there: &There,
    id: ConversationId,
) -> Result<Went, StoreError> {
    let Ok(said) = &there.said else { return Ok(Went::Not(WRONG_WORDS.to_owned())) };
    for _ in 0..TRIES {
        let last_inbound_at = tenant.store.conversation(id).await?.last_inbound_at;
        let (text, template) = (said.text.clone(), said.template.clone());
        let words = Written { text, rich: None, author: None, template, planned: true, last_inbound_at };
        let commit = desk::decided(api, tenant, id, Input::Wrote(words)).await.map_err(passing)?;
        let Some(commit) = commit else { return Ok(Went::Elsewhere) };
        let kind = there.account.kind.clone();
        let out = PutOut { id: planned.id, commit: commit.clone(), kind, purpose: there.needs };
        match tenant.store.put_out(out).await {
            Ok(()) => {
                desk::told(api, &commit);
                return Ok(Went::Out);
            }
            Err(StoreError::Stale) => {}
            Err(StoreError::Conflict(_)) => return Ok(Went::Elsewhere),
            Err(e) => return Err(e),
        }
    }
    Err(StoreError::Unavailable("the conversation never came to rest".to_owned()))
}

/// What kept it from being tried, as a trouble that passes.
fn passing(e: ApiError) -> StoreError {
    StoreError::Unavailable(e.to_string())
}
