//! Broadcasts: people are gathered, then written to in small lots, until nobody waits.

use super::send::{Went, send};
use crate::{auth::Tenant, endpoints::templates, state::Api};
use colloquy_domain::{
    ids::ContactId,
    outreach::{Audience, BroadcastState, PlannedState, Purpose, Words, lot, personal},
    ports::StoreError,
    template::TemplateStatus,
    time::Timestamp,
};
use colloquy_store::{Broadcast, Contact, ContactFilter, PageRequest, Planned};
use std::time::Duration;

/// People who are gathered in one step.
const PEOPLE: u32 = PageRequest::MOST;
/// Who is looked at in one step, of whom some may be left out.
const LOOKED_AT: u32 = 200;
/// How long a broadcast waits whose channel or template is out of order.
const PATIENCE: Duration = Duration::from_secs(5);

/// # Errors
/// The store's; what is left is done the next time.
pub async fn look_after(api: &Api, tenant: &Tenant, most: u32) -> Result<(), StoreError> {
    for broadcast in tenant.store.due_broadcasts(most).await? {
        match step(api, tenant, broadcast).await {
            // Somebody paused or cancelled it at this moment.
            Ok(()) | Err(StoreError::Stale) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

async fn step(api: &Api, tenant: &Tenant, seen: Broadcast) -> Result<(), StoreError> {
    let broadcast = match seen.state {
        BroadcastState::Scheduled => tenant.store.move_broadcast(&seen, BroadcastState::Running, seen.start_at).await?,
        _ => seen,
    };
    if broadcast.gathered_at.is_none() {
        return gather(tenant, &broadcast).await;
    }
    let now = api.clock.now();
    let account = match tenant.store.channel(broadcast.channel).await {
        Err(StoreError::NotFound(_)) => return wait(tenant, &broadcast, now, "CHANNEL_DISABLED").await,
        found => found?.account,
    };
    let Some(driver) = api.channels.driver(&account.kind) else {
        return wait(tenant, &broadcast, now, "CHANNEL_DISABLED").await;
    };
    if let Some(reason) = out_of_order(api, tenant, &broadcast).await? {
        return wait(tenant, &broadcast, now, reason).await;
    }
    let waiting = tenant.store.account_waiting(account.id).await?;
    let lot = lot(broadcast.per_minute, driver.pacing(&account).per_second, waiting, now);
    // Written down before anything is sent: after a crash it goes on slower, never faster.
    tenant.store.look_again(broadcast.id, lot.next, None).await?;
    if lot.messages > 0 && write_to(api, tenant, &broadcast, lot.messages).await? {
        tenant.store.finish_broadcast(broadcast.id).await?;
    }
    Ok(())
}

async fn wait(tenant: &Tenant, broadcast: &Broadcast, now: Timestamp, reason: &str) -> Result<(), StoreError> {
    tenant.store.look_again(broadcast.id, now + PATIENCE, Some(reason)).await
}

/// What keeps everybody from being written to: it passes, and nobody is left out for it.
async fn out_of_order(api: &Api, tenant: &Tenant, broadcast: &Broadcast) -> Result<Option<&'static str>, StoreError> {
    let account = tenant.store.channel(broadcast.channel).await?.account;
    let health = tenant.store.channel_health(broadcast.channel).await?;
    let Words::Template { name, language, .. } = &broadcast.words else { return Ok(Some("TEMPLATE_MISSING")) };
    let kept = templates::chosen(api, tenant, &account, name, language.as_deref(), None).await;
    let approves = api.channels.driver(&account.kind).is_some_and(|d| d.templates().is_some());
    Ok(match kept {
        _ if !account.enabled => Some("CHANNEL_DISABLED"),
        _ if health.stopped_at.is_some() => Some("CHANNEL_STOPPED"),
        _ if health.refused.is_some() => Some("CHANNEL_REFUSED"),
        Ok(kept) if approves && kept.status != TemplateStatus::Approved => Some("TEMPLATE_NOT_APPROVED"),
        Ok(_) => None,
        Err(e) if e.status.is_client_error() => Some("TEMPLATE_MISSING"),
        Err(e) => return Err(StoreError::Unavailable(e.to_string())),
    })
}

/// One page of the people who are to get it.
async fn gather(tenant: &Tenant, broadcast: &Broadcast) -> Result<(), StoreError> {
    let behind = broadcast.gathered_to;
    let people: Vec<ContactId> = match &broadcast.audience {
        Audience::Listed => Vec::new(),
        Audience::Consented => tenant.store.consented(Purpose::Marketing, behind, PEOPLE).await?,
        Audience::Tagged { tag } => {
            let filter = ContactFilter { search: None, tag: Some(tag.clone()), before: behind };
            let page = tenant.store.contacts(&filter, PageRequest::new(1, PEOPLE)).await?;
            page.items.into_iter().map(|c| c.id).collect()
        }
    };
    let all = people.len() < PEOPLE as usize;
    let to = people.last().copied().or(behind);
    tenant.store.gather(broadcast.id, people, to, all).await
}

/// Writes to so many people; whether nobody is left.
async fn write_to(api: &Api, tenant: &Tenant, broadcast: &Broadcast, messages: u32) -> Result<bool, StoreError> {
    let next = tenant.store.next_of(broadcast.id, LOOKED_AT).await?;
    let all = next.len() < LOOKED_AT as usize;
    let mut sent = 0;
    for planned in next {
        if sent == messages {
            return Ok(false);
        }
        let (state, reason) = match one(api, tenant, broadcast, &planned).await? {
            Went::Out => {
                sent += 1;
                continue;
            }
            // It was paused, or the person withdrew: both show at the next look.
            Went::Elsewhere => return Ok(false),
            Went::Not(reason) if ["PARAMETERS_WRONG", "VARIABLE_MISSING"].contains(&reason.as_str()) => {
                (PlannedState::Failed, reason)
            }
            Went::Not(reason) if PASSING.contains(&reason.as_str()) => return Ok(false),
            Went::Not(reason) => (PlannedState::Skipped, reason),
        };
        tenant.store.settle_planned(planned.id, state, &reason).await?;
    }
    Ok(all)
}

/// Reasons for which nobody is left out: the whole broadcast waits for them to pass.
const PASSING: [&str; 5] =
    ["CHANNEL_DISABLED", "CHANNEL_STOPPED", "CHANNEL_REFUSED", "TEMPLATE_NOT_APPROVED", "TEMPLATE_MISSING"];

async fn one(api: &Api, tenant: &Tenant, broadcast: &Broadcast, planned: &Planned) -> Result<Went, StoreError> {
    let contact = match tenant.store.contact(planned.contact).await {
        Err(StoreError::NotFound(_)) => return Ok(Went::Elsewhere),
        found => found?,
    };
    match own(planned.words.as_ref().unwrap_or(&broadcast.words), &contact) {
        Some(words) => send(api, tenant, planned, &words, Some(broadcast.channel)).await,
        None => Ok(Went::Not("VARIABLE_MISSING".to_owned())),
    }
}

/// The words for this person; `None` if something is missing that they need.
fn own(words: &Words, contact: &Contact) -> Option<Words> {
    match words {
        Words::Text { .. } => Some(words.clone()),
        Words::Template { name, language, parameters } => {
            let details = &contact.details;
            let parameters = personal(parameters, details.name.as_deref(), &details.attributes).ok()?;
            Some(Words::Template { name: name.clone(), language: language.clone(), parameters })
        }
    }
}
